#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Ports that lose their interface and get it back, and interfaces that change under a run.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"
unshare_all

for tool in ip ping; do
  command -v "$tool" >/dev/null || skip "no $tool: install iproute2 and iputils-ping"
done
private_netns_directory
ip netns add left
ip netns add right
before=$(network_state)
# says NAME TIMES PATTERN: the line was told so often.
# shellcheck disable=SC2317 # called by expect
says() { [[ $(grep -c -- "$3" "$work/$1.err") == "$2" ]]; }
# shellcheck disable=SC2317
reports() { grep -q -- "$2" "$work/$1.out"; }
# shellcheck disable=SC2317
pings() { ping -q -c 3 -i 0.01 -W 10 "$@"; }
# make NAME: as its owner would, ready to be used
make() {
  ip tuntap add "$1" mode tap
  ip addr add 10.99.0.1/24 dev "$1"
  ip link set "$1" up
}

# F2: gone and back, by default without any privilege, from here and from another namespace
for engine in driven thread; do
  for mode in interrupt poll; do
    what="engine $engine, mode $mode"
    start back run tap:bp0,ip=10.99.0.1/24 tap:bp1 tap:bp2,netns=left --address 10.99.0.2/24 \
      --engine "$engine" --mode "$mode" --format json
    expect "$what: ping" pings 10.99.0.2
    for times in 1 2; do
      ip link del bp0
      wait_for "$what: the loss is told" says back "$times" 'port bp0 has lost its interface'
      make bp0
      wait_for "$what: it is back" says back "$times" 'port bp0 has its interface again'
      expect "$what: ping again" pings 10.99.0.2
    done
    ip -n left link del bp2
    wait_for "$what: the loss in left is told" says back 1 'port bp2 has lost its interface'
    ip -n left tuntap add bp2 mode tap
    ip -n left addr add 10.99.0.1/24 dev bp2
    ip -n left link set bp2 up
    wait_for "$what: it is back in left" says back 1 'port bp2@left has its interface again'
    expect "$what: ping in left" ip netns exec left ping -q -c 3 -i 0.01 -W 10 10.99.0.2
    ended back 0 INT
    expect "$what: counted" reports back '"name":"bp0".*"lost":2,"regained":2.*"name":"bp1"'
    expect "$what: counted in left" reports back '"name":"bp2".*"lost":1,"regained":1'
    expect "$what: statistics" bash -c "'$check_statistics' json <'$work/back.out'"
    ip link del bp0
    ip -n left link del bp2
    expect "$what: nothing else is left" test "$before" = "$(network_state)"
  done
done

# Quickly, so that loss and return may be one event.
start often run tap:bp0 tap:bp1 --app patch --format json
ip link del bp0
for ((i = 0; i < 50; i++)); do
  ip tuntap add bp0 mode tap
  ip link del bp0
done
make bp0
wait_for "it is back" bash -c "tail -n 1 '$work/often.err' | grep -q 'bp0 has its interface again'"
ended often 0 INT
expect "it runs to the end" reports often '"name":"bp0","state":"stopped"'
ip link del bp0

# With its privileges it configures what comes back, and changes it back at the end.
start keep run tap:bp0,ip=10.99.0.1/24,mtu=1400 --address 10.99.0.2/24 --privileges keep
ip link del bp0
wait_for "keep: the loss is told" says keep 1 'has lost its interface'
expect "keep: it makes none itself" bash -c "! ip link show dev bp0"
ip tuntap add bp0 mode tap
wait_for "keep: it is back" says keep 1 'has its interface again'
expect "keep: ping" pings 10.99.0.2
expect "keep: mtu" bash -c "ip -o link show dev bp0 | grep -q 'mtu 1400'"
ended keep 0 INT
expect "keep: as it was made" bash -c "ip -o link show dev bp0 | grep -q '<BROADCAST,MULTICAST> mtu 1500'"
expect "keep: without an address" test -z "$(ip -o addr show dev bp0)"
ip link del bp0
expect "keep: nothing else is left" test "$before" = "$(network_state)"

# Without them it says what is missing, once.
start bare run tap:bp0,ip=10.99.0.1/24 --address 10.99.0.2/24
ip link del bp0
wait_for "bare: the loss is told" says bare 1 'has lost its interface'
ip tuntap add bp0 mode tap
wait_for "bare: it says what it lacks" \
  says bare 1 'port bp0 runs, but its interface is not as it was asked for: .*CAP_NET_ADMIN'
ip addr add 10.99.0.1/24 dev bp0
ip link set bp0 up
expect "bare: ping once it is so" pings 10.99.0.2
ended bare 0 INT
ip link del bp0

# F24: somebody else's
if ((EUID == 0)) && [[ $(awk '{ print $3; exit }' /proc/self/uid_map) -gt 65534 ]]; then
  start theirs run tap:bp0 tap:bp1 --app patch
  ip link del bp0
  wait_for "theirs: the loss is told" says theirs 1 'has lost its interface'
  ip tuntap add bp0 mode tap user 65534
  for ((i = 0; i < 5; i++)); do
    ip link set bp0 up
    ip link set bp0 down
  done
  # Whoever makes it may hold it for long on a busy machine, which is told too: another line.
  needed='cannot take up .* make it for this user, .ip tuntap add bp0 mode tap user 0.*keep'
  wait_for "theirs: it says what is needed" says theirs 1 "$needed"
  ip link del bp0
  ip tuntap add bp0 mode tap user 0
  wait_for "theirs: it is back" says theirs 1 'has its interface again'
  expect "theirs: what is needed is said once" says theirs 1 "$needed"
  ended theirs 0 INT
  ip link del bp0
fi

# check 7, F14: the MTU is followed
start mtu run tap:bp0,ip=10.99.0.1/24 --address 10.99.0.2/24 --format json
for mtu in 9000 576 65521 1500; do
  ip link set bp0 mtu "$mtu"
  wait_for "mtu $mtu: a ping as long" \
    ping -q -c 1 -W 1 -s $((mtu < 65000 ? mtu - 28 : 65000)) -M "do" 10.99.0.2
done
ended mtu 0 INT
expect "mtu: nothing was lost" bash -c "! grep -q '\"oversize\"' '$work/mtu.out'"

# F36: another name, another namespace
start moved run tap:bp0 tap:bp1,ip=10.99.0.1/24 --address 10.99.0.2/24 --format json
ip link set bp1 down
ip link set bp1 name other1
ip link set other1 up
expect "ping under another name" pings 10.99.0.2
ip link set other1 mtu 9000
wait_for "the MTU is followed under another name" \
  ping -q -c 1 -W 1 -s 8972 -M "do" 10.99.0.2
ip link set other1 netns right
ip -n right addr add 10.99.0.1/24 dev other1
ip -n right link set other1 up
expect "ping from another namespace" ip netns exec right ping -q -c 3 -i 0.01 -W 10 10.99.0.2
ended moved 0 INT
expect "nothing was lost" reports moved '"name":"bp1".*"lost":0'
expect "nothing was told" test "$(wc -l <"$work/moved.err")" = 1

# check 8, F25: a ring of 5
start flood run tap:bp0,ip=10.99.0.1/24 --address 10.99.0.2/24 --format json
ip link set bp0 txqueuelen 5
kill -STOP "$(<"$work/flood.pid")"
ping -q -f -c 200 -W 1 10.99.0.2 >/dev/null || true
kill -CONT "$(<"$work/flood.pid")"
expect "flood: ping" pings 10.99.0.2
dropped=$(cat /sys/class/net/bp0/statistics/tx_dropped 2>/dev/null ||
  ip -s -j link show dev bp0 | sed 's/.*"tx":{[^}]*"dropped":\([0-9]*\).*/\1/')
expect "flood: the kernel dropped" test "$dropped" -gt 0
ended flood 0 INT
expect "flood: as many as it says" reports flood "\"host_rx_overflow\":${dropped}[,}]"

# check 5: down and up, nothing is told
start down run tap:bp0,ip=10.99.0.1/24 tap:bp1 --address 10.99.0.2/24
for ((i = 0; i < 20; i++)); do
  ip link set bp0 down
  ip link set bp0 up
done
expect "down: ping" pings 10.99.0.2
ended down 0 INT
expect "down: nothing was told" test "$(wc -l <"$work/down.err")" = 1

expect "nothing is left" test "$before" = "$(network_state)"
finish
