#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An idle NIC that listens is not woken once in 5 seconds, by the kernel's own count; one that polls
# never goes to sleep.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"

for engine in driven thread; do
  printf -- '-- interrupt mode, engine %s\n' "$engine"
  start_nic "tap:bp0,ip=10.99.0.1/24" --app respond --address 10.99.0.2/24 --engine "$engine"
  ping -n -q -w 20 -c 3 -i 0.01 10.99.0.2 >/dev/null || fail "ping"
  # The neighbour entry that ping made must not send a probe of its own meanwhile.
  mac=$(ip neigh show 10.99.0.2 dev bp0 | awk '{ print $3 }')
  ip neigh replace 10.99.0.2 lladdr "$mac" dev bp0 nud permanent
  sleep 1
  before=$(sleeps_of_nic)
  sleep 5
  expect "wake-ups in 5 idle seconds" $(($(sleeps_of_nic) - before)) -eq 0
  ping -n -q -w 20 -c 3 -i 0.01 10.99.0.2 >/dev/null || fail "ping after the rest"
  stop_nic
done

printf -- '-- polled mode\n'
start_nic "tap:bp0,ip=10.99.0.1/24" --app respond --address 10.99.0.2/24 --mode poll
before=$(sleeps_of_nic)
ping -n -q -w 20 -c 100 -i 0.002 10.99.0.2 >/dev/null || fail "ping"
expect "times a polling NIC slept" $(($(sleeps_of_nic) - before)) -eq 0
stop_nic
expect "waits" "$(stat_of '.loop.waits')" -eq 0
expect "bells" "$(stat_of '.ports[0].queues[0].notifies')" -eq 0
