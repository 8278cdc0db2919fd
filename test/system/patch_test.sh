#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The patch application between two namespaces: ping and real TCP streams both ways.
#
#   namespace west            bellpull             namespace east
#   w0 10.98.0.1  -- TAP --  port 0 | port 1  -- TAP --  e0 10.98.0.2
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"

head -c 8388608 /dev/urandom >"$WORK/sent"
add_namespace west
add_namespace east

check_mode() { # MODE ENGINE
  printf -- '-- mode %s, engine %s\n' "$1" "$2"
  start_nic "tap:w0,netns=west,ip=10.98.0.1/24,ip=fd98::1/64" \
    "tap:e0,netns=east,ip=10.98.0.2/24,ip=fd98::2/64" --app patch --mode "$1" --engine "$2"
  ip netns exec west ping -n -q -w 20 -c 200 -i 0.002 10.98.0.2 >"$WORK/ping.log" || fail "ping"
  expect "ping replies" "$(replies "$WORK/ping.log")" -ge 200
  ip netns exec east ping -n -6 -q -w 20 -c 100 -i 0.002 fd98::1 >"$WORK/ping.log" || fail "ping -6"
  expect "ping -6 replies" "$(replies "$WORK/ping.log")" -ge 100
  ip netns exec east iperf3 -s -p 5300 >"$WORK/server.log" 2>&1 &
  local server=$!
  wait_for_listener east 5300
  local direction received
  local -A carried
  for direction in "" -R; do
    # shellcheck disable=SC2086 # an option or nothing
    ip netns exec west iperf3 -J -c 10.98.0.2 -p 5300 -t 1 $direction >"$WORK/iperf.json" ||
      fail "iperf3 $direction: $(jq -r '.error // "no reason"' "$WORK/iperf.json")"
    received=$(jq '.end.sum_received.bytes' "$WORK/iperf.json")
    expect "TCP bytes received $direction" "$received" -ge 1000000
    carried[${direction:-east}]=$received
  done
  kill "$server"
  wait "$server" 2>/dev/null || true
  # iperf3 does not look at what it receives: a file does.
  ip netns exec east socat -u TCP-LISTEN:5301 "CREATE:$WORK/received" &
  local receiver=$!
  wait_for_listener east 5301
  ip netns exec west socat -u "FILE:$WORK/sent" TCP:10.98.0.2:5301
  wait "$receiver"
  cmp "$WORK/sent" "$WORK/received" || fail "the file arrived changed"
  echo "ok: a file of $(stat -c %s "$WORK/sent") bytes arrived unchanged"
  rm "$WORK/received"
  stop_nic
  # How many frames it were depends on how much TCP put into each.
  expect "bytes forwarded to the east" "$(stat_of '.ports[1].queues[0].tx_bytes')" \
    -ge $((carried[east] + $(stat -c %s "$WORK/sent")))
  expect "bytes forwarded to the west" "$(stat_of '.ports[0].queues[0].tx_bytes')" \
    -ge "${carried[-R]}"
  ip netns exec west ip link show w0 >/dev/null 2>&1 && fail "w0 was left behind"
  ip netns exec east ip link show e0 >/dev/null 2>&1 && fail "e0 was left behind"
  return 0
}

for mode in interrupt poll; do
  for engine in driven thread; do
    check_mode "$mode" "$engine"
  done
done
