#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Ports: what they do to interfaces, what they do not leave behind, how they are lost.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"
unshare_all

for tool in ip ping sysctl; do
  command -v "$tool" >/dev/null || skip "no $tool: install iproute2, iputils-ping and procps"
done
private_netns_directory
sysctl -qw net.ipv6.conf.default.accept_ra=0
ip netns add left
ip netns add right
before=$(network_state)
# shellcheck disable=SC2317 # called by expect
here_addresses() { [[ $(ip -o addr show dev "$1") == *" $2 "* ]]; }
# shellcheck disable=SC2317
link_has() { [[ $(ip -o link show dev "$1") == *"$2"* ]]; }
# shellcheck disable=SC2317
in_left() { [[ $(ip -n left -o addr show dev "$1") == *" $2 "* ]]; }

# keys
start keys run tap:bp0,ip=10.99.0.1/24,ip=fd99::1/64,mtu=9000,mac=02:00:00:00:00:07 --app discard
expect "ip: IPv4" here_addresses bp0 10.99.0.1/24
expect "ip: IPv6" here_addresses bp0 fd99::1/64
expect "ip: IPv6 is usable at once" test -z "$(ip -6 -o addr show dev bp0 to fd99::/64 tentative)"
expect "mtu" link_has bp0 "mtu 9000"
expect "mac" link_has bp0 "02:00:00:00:00:07"
expect "up" link_has bp0 "UP"
refused 1 "another program uses it" run tap:bp0 --app discard
expect "whoever was refused left it alone" link_has bp0 "mtu 9000"
ended keys 0 INT
expect "the interface has gone" test "$before" = "$(network_state)"

# jumbo frames need a second buffer each
start jumbo run tap:bp0,ip=10.99.0.1/24,mtu=9000 --address 10.99.0.2/24
expect "a ping of 9000 bytes" ping -q -c 3 -i 0.01 -W 10 -s 8972 -M "do" 10.99.0.2
ended jumbo 0 INT

# network namespaces
start netns run tap:bp0,netns=left,ip=10.99.0.1/24 tap:bp0,netns=/run/netns/right,ip=10.99.0.2/24 \
  --app patch --format prometheus
expect "it is there" in_left bp0 10.99.0.1/24
expect "it is not here" test "$before" = "$(network_state)"
expect "the patch carries" ip netns exec left ping -q -c 5 -i 0.01 -W 10 10.99.0.2
ended netns 0 INT
expect "statistics of two ports of one name" \
  bash -c "'$check_statistics' prometheus <'$work/netns.out'"
expect "it has gone from there" bash -c '! ip -n left link show dev bp0'
start both run tap:bp0,netns=left tap:bp1 --app reflect
expect "the second port is here again" link_has bp1 UP
ended both 0 INT
refused 1 "open network namespace /run/netns/nowhere" run tap:bp0,netns=nowhere --app discard
refused 1 "setns to /proc/self/ns/mnt (it is no network namespace" \
  run tap:bp0,netns=/proc/self/ns/mnt --app discard
refused 1 "open network namespace" run tap:bp0 tap:bp1,netns=nowhere --app reflect
expect "the first port was removed" test "$before" = "$(network_state)"

# interfaces of other people
refused 1 "an interface of this name is no TAP" run tap:lo --app discard
ip tuntap add bp7 mode tap
ip link set bp7 mtu 1400
ip addr add 10.98.0.1/24 dev bp7
ip addr add fd98::1/64 dev bp7 # which the kernel forgets when the interface goes down
persistent=$(network_state)
start lent run tap:bp7,ip=10.99.0.1/24,ip=10.98.0.1/24,ip=fd99::1/64,mtu=1500,mac=02:00:00:00:00:07 \
  --address 10.99.0.2/24
expect "it is up" link_has bp7 "UP"
expect "ping over it" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
ended lent 0 TERM
expect "a persistent TAP is as it was" test "$persistent" = "$(network_state)"
sysctl -qw net.ipv6.conf.bp7.disable_ipv6=1
persistent=$(network_state)
refused 1 "RTM_NEWADDR fd99::1/64 on bp7 (IPv6 is off there" \
  run tap:bp7,ip=10.99.0.1/24,ip=fd99::1/64,mtu=1500,mac=02:00:00:00:00:07 --app discard
expect "what was changed before the failure was changed back" test "$persistent" = "$(network_state)"
ip link del bp7

# ports that lose their interface
start one run tap:bp0 --app discard --format json
ip link del bp0
wait_for "the loss is told" grep -q 'has lost its interface' "$work/one.err"
ended one 0 INT
expect "the loss is one line" \
  grep -q '^bellpull: port bp0 has lost its interface: .*no port is left' "$work/one.err"
expect "no more lines than that and the ready line" test "$(wc -l <"$work/one.err")" = 2
expect "statistics all the same" bash -c "'$check_statistics' json <'$work/one.out'"
expect "they say so" grep -q '"state":"gone"' "$work/one.out"
for engine in driven thread; do
  for mode in interrupt poll; do
    start two run tap:bp0 tap:bp1,ip=10.99.0.1/24 --address 10.99.0.2/24 --engine "$engine" \
      --mode "$mode"
    ip link del bp0
    wait_for "the loss is told at once" grep -q 'port bp0 has lost .* the other ports go on' \
      "$work/two.err"
    expect "the other port goes on" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
    ended two 0 INT
    expect "one line for one port" test "$(wc -l <"$work/two.err")" = 2
  done
done

# inherited descriptors
refused 1 "inherited descriptor 9 (" run tap:,fd=9 --app discard
exec 9</dev/null
refused 1 "ioctl TUNGETIFF on inherited descriptor 9" run tap:,fd=9 --app discard
exec 9<&-
if command -v python3 >/dev/null; then
  cat >"$work/inherit.py" <<'PYTHON'
import fcntl, os, struct, sys
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 2, 0x1000, 0x4000
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"bp9", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
os.dup2(tun, 9, inheritable=True)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
  via=(python3 "$work/inherit.py")
  start fd run tap:,fd=9,ip=10.99.0.1/24 --address 10.99.0.2/24
  expect "it knows the name" grep -q 'ready: bp9' "$work/fd.err"
  expect "ping over an inherited descriptor" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
  ended fd 0 INT
  refused 2 "descriptor 9 is attached to bp9" run tap:bp0,fd=9 --app discard
  via=()
else
  skip "the rest passed, but there is no python3 to hand a descriptor over: install python3"
fi
expect "nothing is left" test "$before" = "$(network_state)"
finish
