#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# forwarder_test.sh PROGRAM: ping from one namespace to another, across the forwarder.
#
#   network namespace west       of this test       network namespace east
#   left0 10.97.0.1  -- TAP --    forwarder    -- TAP --  right0 10.97.0.2
set -euo pipefail

skip() {
  printf 'SKIPPED: %s\n' "$1"
  exit 77
}
fail() {
  printf 'FAILED: %s\n' "$1"
  exit 1
}

program=$1
[[ -x $program ]] || fail "no program at '$program'"
((EUID == 0)) || skip 'needs root (run: sudo test/run)'
[[ -c /dev/net/tun ]] || skip 'there is no /dev/net/tun (type: modprobe tun)'
for tool in ip ping unshare; do
  command -v "$tool" >/dev/null || skip "$tool is not installed (test/run installs it)"
done
if [[ -z ${FORWARDER_TEST_INSIDE:-} ]]; then
  unshare --net --mount true || skip 'namespaces cannot be made here'
  FORWARDER_TEST_INSIDE=1 exec unshare --net --mount --propagation private bash "$0" "$@"
fi
mount -t tmpfs none /run
mkdir /run/netns

ip netns add west
ip netns add east
"$program" left0 right0 60 >/run/out 2>/run/err &
forwarder=$!
trap 'kill "$forwarder" 2>/dev/null || true' EXIT
until grep -q ready /run/err; do
  kill -0 "$forwarder" 2>/dev/null || fail "the forwarder ended: $(cat /run/err)"
  sleep 0.05
done
plug() { # INTERFACE NAMESPACE ADDRESS
  ip link set "$1" netns "$2"
  ip -n "$2" addr add "$3/24" dev "$1"
  ip -n "$2" link set "$1" up
}
plug left0 west 10.97.0.1
plug right0 east 10.97.0.2
ip netns exec west ping -n -q -c 20 -i 0.01 -w 30 10.97.0.2 >/run/ping || fail "$(cat /run/ping)"
kill -TERM "$forwarder"
wait "$forwarder" || fail "the forwarder ended with status $?: $(cat /run/err)"
read -r _ frames _ </run/out
((frames >= 40)) || fail "only $frames frames crossed: $(cat /run/out)"
cat /run/out

# Without anybody it ends by itself, and what it cannot do it says.
"$program" left1 right1 1 >/run/out 2>&1 || fail "$(cat /run/out)"
if "$program" lo right1 1 >/run/out 2>&1; then fail 'it took lo for a TAP'; fi
grep -q '^forwarder: .*lo' /run/out || fail "no reason was said: $(cat /run/out)"
