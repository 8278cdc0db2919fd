#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The respond application against the kernel's own ping and arping; its statistics against the
# kernel's counters.
#
#   kernel side                       bellpull
#   bp0 10.99.0.1, fd99::1  -- TAP -- 10.99.0.2, fd99::2
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"

ping_all() { # NAME COUNT ARGS...: so many requests must be answered
  local name=$1 count=$2
  shift 2
  # With a deadline ping waits for late answers; without one it goes after twice the longest so far,
  # which on a busy machine is no answer lost.
  ping -n -w 20 -c "$count" "$@" >"$WORK/ping.log" 2>&1 ||
    fail "$name: $(tail -n 3 "$WORK/ping.log")"
  expect "$name: replies" "$(replies "$WORK/ping.log")" -ge "$count"
}

check_mode() { # MODE ENGINE
  printf -- '-- mode %s, engine %s\n' "$1" "$2"
  # Persistent and made here, so that its counters can be read after the NIC has gone.
  ip tuntap add bp0 mode tap vnet_hdr
  start_nic "tap:bp0,ip=10.99.0.1/24,ip=fd99::1/64" --app respond \
    --address 10.99.0.2/24 --address fd99::2/64 --mode "$1" --engine "$2"
  ping_all "IPv4" 200 -i 0.002 10.99.0.2
  ping_all "IPv4 flood" 2000 -f 10.99.0.2
  ping_all "IPv4 -s 1472" 50 -i 0.002 -M "do" -s 1472 10.99.0.2
  ping_all "IPv4 -s 0" 20 -i 0.002 -s 0 10.99.0.2
  ping_all "IPv6" 200 -6 -i 0.002 fd99::2
  ping_all "IPv6 -s 1452" 50 -6 -i 0.002 -M "do" -s 1452 fd99::2
  arping -c 2 -w 5 -I bp0 10.99.0.2 >"$WORK/arping.log" || fail "arping: $(cat "$WORK/arping.log")"
  # Afterwards the kernel may drop a neighbour probe of its own, because nobody is there any more.
  expect "frames the kernel could not queue" "$(kernel_counter bp0 tx_dropped)" -eq 0
  stop_nic
  expect "frames to the NIC, kernel against NIC" "$(kernel_counter bp0 tx_packets)" -eq \
    "$(stat_of '.ports[0].queues[0].rx_packets')"
  expect "frames from the NIC" "$(kernel_counter bp0 rx_packets)" -eq \
    "$(stat_of '.ports[0].queues[0].tx_packets')"
  expect "bytes to the NIC" "$(kernel_counter bp0 tx_bytes)" -eq \
    "$(stat_of '.ports[0].queues[0].rx_bytes')"
  expect "bytes from the NIC" "$(kernel_counter bp0 rx_bytes)" -eq \
    "$(stat_of '.ports[0].queues[0].tx_bytes')"
  expect "largest poll" "$(stat_of '.ports[0].queues[0].largest_work')" -le 64
  ip link del bp0
}

for mode in interrupt poll; do
  for engine in driven thread; do
    check_mode "$mode" "$engine"
  done
done

printf -- '-- a large MTU\n'
start_nic "tap:bp0,ip=10.99.0.1/24,mtu=65521" --app respond --address 10.99.0.2/24
ping_all "IPv4 -s 65000" 20 -i 0.002 -M "do" -s 65000 10.99.0.2
ping_all "IPv4 -s 1900" 20 -i 0.002 -M "do" -s 1900 10.99.0.2
stop_nic
