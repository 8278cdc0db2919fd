# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For the end-to-end tests of the program: a private set of namespaces, a running NIC, its statistics.
# Usage: set -euo pipefail; source nic_lib.sh; begin "$@"   ($1: the bellpull program)

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ -s "$WORK/nic.err" ] && sed 's/^/  bellpull said: /' "$WORK/nic.err" >&2
  exit 1
}

skip() {
  printf 'SKIPPED: %s\n' "$*"
  exit 77
}

# The whole test runs in network and mount namespaces of its own: nothing can be left behind.
begin() {
  BELLPULL=$1
  [ -x "$BELLPULL" ] || { echo "FAILED: no program at '$BELLPULL'" >&2; exit 1; }
  [ "$(id -u)" = 0 ] || skip "needs root (run: sudo test/run)"
  [ -c /dev/net/tun ] || skip "there is no /dev/net/tun (modprobe tun)"
  local tool
  for tool in ip ping iperf3 arping jq socat unshare; do
    command -v "$tool" >/dev/null || skip "$tool is not installed (test/run installs it)"
  done
  if [ -z "${NIC_TEST_INSIDE:-}" ]; then
    NIC_TEST_INSIDE=1 exec unshare --net --mount --propagation private bash "$0" "$@"
  fi
  mount -t tmpfs none /run
  mount -t sysfs none /sys
  mkdir -p /run/netns
  WORK=$(mktemp -d /run/nic-test.XXXXXX)
  NIC_PID=
  trap finish EXIT
  # No frame but the test's own: then the counters can be compared to the last one.
  quiet_namespace
  ip link set lo up
}

finish() {
  local status=$?
  if [ -n "$NIC_PID" ]; then
    kill -KILL "$NIC_PID" 2>/dev/null || true
  fi
  local children
  children=$(jobs -p)
  # shellcheck disable=SC2086 # a list of numbers
  [ -z "$children" ] || kill $children 2>/dev/null || true
  wait 2>/dev/null || true
  exit "$status"
}

quiet_namespace() {
  sysctl -qw net.ipv6.conf.default.autoconf=0 net.ipv6.conf.default.accept_ra=0 \
    net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.mldv2_unsolicited_report_interval=0
}

# A second namespace with the same settings.
add_namespace() {
  ip netns add "$1"
  # shellcheck disable=SC2016 # expanded inside
  ip netns exec "$1" bash -c "$(declare -f quiet_namespace); quiet_namespace; ip link set lo up"
}

# start_nic ARGS...: runs `bellpull run ARGS` and waits until it says that it is ready.
start_nic() {
  : >"$WORK/nic.err"
  local format=(--format json)
  [[ " $* " == *" --format "* ]] && format=()
  "$BELLPULL" run "$@" "${format[@]}" >"$WORK/nic.json" 2>"$WORK/nic.err" &
  NIC_PID=$!
  local tries=0
  until grep -q '^bellpull: ready' "$WORK/nic.err"; do
    kill -0 "$NIC_PID" 2>/dev/null || fail "bellpull run $* ended before it was ready"
    [ $((++tries)) -lt 1500 ] || fail "bellpull run $* did not become ready in 30 s"
    sleep 0.02
  done
}

# stop_nic: ends it in good order and checks exit status, conservation and leaks.
stop_nic() {
  kill -TERM "$NIC_PID"
  local status=0
  wait "$NIC_PID" || status=$?
  NIC_PID=
  [ "$status" = 0 ] || fail "bellpull ended with status $status"
  jq -e . "$WORK/nic.json" >/dev/null || fail "statistics are no JSON: $(cat "$WORK/nic.json")"
  [ "$(stat_of '.pool.outstanding')" = 0 ] || fail "packets leaked"
  local balance
  balance=$(stat_of '[.ports[].queues[] | .rx_packets - .rx_consumed - ([.rx_dropped[]] | add // 0)
    + .tx_cut - .tx_coalesced - .tx_packets - ([.tx_dropped[]] | add // 0)] | add')
  [ "$balance" = 0 ] || fail "$balance frames are unaccounted for: $(cat "$WORK/nic.json")"
}

stat_of() { jq -r "$1" "$WORK/nic.json"; }

# expect WHAT ACTUAL OPERATOR WANTED: an integer comparison that says what it compared.
expect() {
  test "$2" "$3" "$4" || fail "$1: $2, wanted $3 $4"
  printf 'ok: %s: %s %s %s\n' "$1" "$2" "$3" "$4"
}

# kernel_counter NAME FIELD: of an interface in this namespace.
kernel_counter() { cat "/sys/class/net/$1/statistics/$2"; }

# wait_for_listener NAMESPACE PORT: until something listens there.
wait_for_listener() {
  local tries=0
  until ip netns exec "$1" ss -Hltn "sport = :$2" | grep -q ":$2"; do
    [ $((++tries)) -lt 400 ] || fail "nothing listens on port $2 in $1"
    sleep 0.05
  done
}

# replies LOG: how many echo requests were answered, from ping's summary.
replies() { sed -nE 's/.* ([0-9]+) received.*/\1/p' "$1"; }

# Sum of voluntary context switches of all threads of the NIC: how often it went to sleep.
sleeps_of_nic() {
  awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$NIC_PID/task/"*/status
}
