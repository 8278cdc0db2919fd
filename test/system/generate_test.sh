#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bellpull generate and its other end, through a patched pair of TAPs and through a veth: every frame
# is received, or counted as dropped where it was dropped.
#
#   generate -- a0 -- TAP -- bellpull run --app patch -- TAP -- b0 -- generate --receive
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"
command -v ethtool >/dev/null || skip "ethtool is not installed (test/run installs it)"
# The kernel's neighbours would be foreign frames, and counted by the interfaces.
sysctl -qw net.ipv6.conf.default.disable_ipv6=1

RECEIVER=
SENDER=

# receive ARGS...: starts the other end and waits until it is ready.
receive() {
  : >"$WORK/receiver.err"
  "$BELLPULL" generate "$@" --receive --format json >"$WORK/received.json" \
    2>"$WORK/receiver.err" &
  RECEIVER=$!
  local tries=0
  until grep -q '^bellpull: ready' "$WORK/receiver.err"; do
    [ $((++tries)) -lt 1500 ] || fail "the receiver did not become ready in 30 s"
    sleep 0.02
  done
}

# received_with STATUS: the receiver ends by itself.
received_with() {
  local status=0
  wait "$RECEIVER" || status=$?
  [ "$status" = "$1" ] || fail "the receiver ended with $status and not $1:
$(cat "$WORK/receiver.err" "$WORK/received.json")"
}

# send ARGS...: what it says is in sender.err, its statistics in sent.json.
send() {
  "$BELLPULL" generate "$@" --format json >"$WORK/sent.json" 2>"$WORK/sender.err" ||
    fail "generate $*: $(cat "$WORK/sender.err")"
  expect "attempted is sent and dropped" "$(sent '.attempted - .sent - .dropped')" -eq 0
}

# keep_sending ARGS...: likewise, until it is told to end; returns when it is ready.
keep_sending() {
  : >"$WORK/sender.err" # what the last one said is no sign that this one is ready
  "$BELLPULL" generate "$@" >"$WORK/sent.txt" 2>"$WORK/sender.err" &
  SENDER=$!
  local tries=0
  until grep -q '^bellpull: ready' "$WORK/sender.err"; do
    [ $((++tries)) -lt 1500 ] || fail "the sender did not become ready in 30 s"
    sleep 0.02
  done
}

sent() { jq -r "$1" "$WORK/sent.json"; }
received() { jq -r "$1" "$WORK/received.json"; }

says() { # FILE PATTERN
  grep -qF -- "$2" "$WORK/$1" || fail "$1 lacks '$2': $(cat "$WORK/$1")"
  printf 'ok: it says: %s\n' "$2"
}

# settled NAME: until the reader of a TAP has taken all that was sent.
settled() {
  local tries=0
  until [ $(($(kernel_counter "$1" tx_packets) - $2)) -ge "$(sent .sent)" ]; do
    [ $((++tries)) -lt 1500 ] || fail "frames stay in the queue of $1"
    sleep 0.02
  done
}

check_all_arrive() { # VIA ARGS...
  local via=$1 count=20000
  shift
  printf -- '-- all arrive in order, via %s %s\n' "$via" "$*"
  receive b0 --expect "$count"
  send a0 --via "$via" --count "$count" "$@"
  received_with 0
  expect "frames attempted" "$(sent .attempted)" -eq "$count"
  expect "frames received" "$(received .received)" -eq "$count"
  expect "bytes received" "$(received .received_bytes)" -eq "$(sent .attempted_bytes)"
  expect "lost, reordered, duplicated, corrupt, foreign" \
    "$(received '.lost + .reordered + .duplicated + .corrupt + .foreign + .socket_dropped')" -eq 0
  expect "latencies" "$(received .latency_ns.count)" -eq "$count"
  [ "$(sent .via)" = "$via" ] || fail "sent by $(sent .via)"
}

check_conservation() { # VIA
  printf -- '-- F25, check 8: a flood into a queue of 100, via %s\n' "$1"
  ip link set a0 txqueuelen 100
  local before
  before=$(kernel_counter a0 tx_packets)
  receive b0 --idle 1
  send a0 --via "$1" --rate 0 --count 300000 --flows 16 --size imix
  received_with 0
  settled a0 "$before"
  expect "the interface counted what was sent" \
    "$(($(kernel_counter a0 tx_packets) - before))" -eq "$(sent .sent)"
  expect "received is what was sent" "$(received .received)" -eq "$(sent .sent)"
  expect "of no flow too much is lost" "$(received .lost)" -le "$(sent .dropped)"
  expect "reordered, duplicated, corrupt" \
    "$(received '.reordered + .duplicated + .corrupt')" -eq 0
}

check_stopped_reader() { # VIA
  printf -- '-- F25: the reader stands still, via %s\n' "$1"
  ip link set a0 txqueuelen 32
  receive b0 --expect 1000 --idle 1
  kill -STOP "$NIC_PID"
  send a0 --via "$1" --rate 0 --count 1000
  expect "frames dropped" "$(sent .dropped)" -gt 0
  expect "frames sent" "$(sent .sent)" -gt 0
  kill -CONT "$NIC_PID"
  received_with 1
  says receiver.err "of 1000 frames expected from b0"
  expect "received is what was sent" "$(received .received)" -eq "$(sent .sent)"
}

start_nic tap:a0 tap:b0 --app patch
# Room for all: how fast the reader is shall not matter.
ip link set a0 txqueuelen 30000 up
ip link set b0 up
for via in xdp packet; do
  ip link set a0 txqueuelen 30000
  check_all_arrive "$via" --rate 50k
  check_all_arrive "$via" --rate 0 --flows 3
  check_all_arrive "$via" --rate 0 --flows 5 --size imix
  check_all_arrive "$via" --rate 100k --burst 7 --size 61,1514,62 \
    --source 02:00:00:00:00:09,10.0.0.1 --destination 10.0.0.2
  check_conservation "$via"
  check_stopped_reader "$via"
done

echo '-- through the queueing discipline'
ip link set a0 txqueuelen 30000
receive b0 --expect 5000
send a0 --qdisc --count 5000 --rate 50k
received_with 0
[ "$(sent .via)" = packet ] || fail "sent by $(sent .via)"

echo '-- a signal ends both ends, with statistics'
receive b0
keep_sending a0 --format prometheus
kill -INT "$SENDER"
wait "$SENDER" || fail "the sender ended with $?"
says sent.txt 'bellpull_generate_attempted_total{interface="a0",via="xdp"}'
kill -TERM "$RECEIVER"
received_with 0

echo '-- frames that are too long'
status=0
"$BELLPULL" generate a0 --size 1515 --count 1 2>"$WORK/sender.err" || status=$?
expect "exit status" "$status" -eq 1
says sender.err "choose --size up to 1514"

for via in xdp packet; do
  echo "-- the interface goes down, via $via"
  keep_sending a0 --via "$via" --rate 10k
  ip link set a0 down
  status=0
  wait "$SENDER" || status=$?
  expect "exit status" "$status" -eq 1
  says sender.err "a0 ("
  ip link set a0 up
done
stop_nic

echo '-- a veth takes no redirected frames until its peer has GRO'
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
ethtool -K v1 gro off
for via in auto xdp; do
  receive v1 --expect 100
  if [ "$via" = xdp ]; then
    status=0
    "$BELLPULL" generate v0 --count 100 --via xdp 2>"$WORK/sender.err" || status=$?
    expect "exit status" "$status" -eq 1
    says sender.err "ethtool -K PEER gro on"
    ethtool -K v1 gro on
  fi
  send v0 --count 100 --via "$via"
  received_with 0
done
[ "$(sent .via)" = xdp ] || fail "sent by $(sent .via)"
ethtool -K v1 gro off
send v0 --count 100
says sender.err "no XDP, by a packet socket instead: redirect frames into v0"
[ "$(sent .via)" = packet ] || fail "sent by $(sent .via)"

echo '-- without privilege'
unshare -Urn true 2>/dev/null || skip "user namespaces are not allowed, so there is no fallback to see"
# shellcheck disable=SC2016 # expanded inside
BELLPULL=$BELLPULL unshare -Urn bash -ec 'ip link add v0 type veth peer name v1
  ip link set v0 up; ip link set v1 up
  "$BELLPULL" generate v0 --count 100 --format json' >"$WORK/sent.json" 2>"$WORK/sender.err" ||
  fail "generate without privilege: $(cat "$WORK/sender.err")"
says sender.err "no XDP, by a packet socket instead: load the XDP program"
says sender.err "needs CAP_BPF"
expect "frames sent" "$(sent .sent)" -eq 100

# There the receiver's queue is as small as net.core.rmem_max, and it is no use to a receiver that stands still.
: >"$WORK/receiver.err"
# shellcheck disable=SC2016 # expanded inside
BELLPULL=$BELLPULL unshare -Urn bash -ec 'ip link add v0 type veth peer name v1
  ip link set v0 up; ip link set v1 up
  "$BELLPULL" generate v1 --receive --idle 1 --format json 2>"$0/receiver.err" \
    >"$0/received.json" &
  until grep -q "^bellpull: ready" "$0/receiver.err"; do sleep 0.02; done
  kill -STOP $!
  "$BELLPULL" generate v0 --rate 0 --count 50000 --via packet >/dev/null 2>&1
  kill -CONT $!
  wait $!' "$WORK" || fail "the receiver without privilege: $(cat "$WORK/receiver.err")"
expect "frames lost at the receiver itself" "$(received .socket_dropped)" -gt 0
expect "received, or lost there" "$(received '.received + .socket_dropped')" -eq 50000
