#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion styles on real TAP interfaces, with every mode, engine and application: all pairs of
# these, and with BELLPULL_LONG all combinations. Every request is answered, every frame accounted
# for, by the statistics and by the kernel's counters.
#
#   kernel's side                         bellpull
#   bp0 10.99.0.1       -- TAP --         respond 10.99.0.2, reflect, discard
#   west: w0 10.98.0.1  -- TAP -- patch -- TAP --  east: e0 10.98.0.2
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"
CHECK_STATISTICS=$2

styles=(push push-backlog push-pause notify poll virtqueue)
modes=(interrupt poll adaptive)
engines=(driven thread)
apps=(respond patch reflect discard)
add_namespace west
add_namespace east
west=(ip netns exec west)
east=(ip netns exec east)

# check_ping COUNT COMMAND...: so many requests must be answered.
check_ping() {
  local count=$1
  shift
  "$@" -n -q -w 20 -c "$count" >"$WORK/ping.log" 2>&1 || fail "$*: $(tail -n 3 "$WORK/ping.log")"
  expect "replies" "$(replies "$WORK/ping.log")" -ge "$count"
}

# Nobody answers, so what was taken is counted by the kernel.
send_into_bp0() { # COUNT
  ip neighbour replace 10.99.0.9 lladdr 02:00:00:00:00:09 dev bp0
  ping -n -q -c "$1" -i 0.001 -W 0.1 10.99.0.9 >"$WORK/ping.log" 2>&1 || true
  local tries=0
  until [ "$(kernel_counter bp0 tx_packets)" -ge "$1" ]; do
    [ $((++tries)) -lt 500 ] || fail "only $(kernel_counter bp0 tx_packets) of $1 frames were taken"
    sleep 0.02
  done
}

end_nic() {
  stop_nic
  "$CHECK_STATISTICS" json <"$WORK/nic.json" || fail "statistics: $(cat "$WORK/nic.json")"
  "$CHECK_STATISTICS" sums <"$WORK/nic.json" || fail "statistics: $(cat "$WORK/nic.json")"
}

check_respond() {
  start_nic tap:bp0,ip=10.99.0.1/24 --address 10.99.0.2/24 "$@"
  check_ping 50 ping -i 0.002 10.99.0.2
  check_ping 300 ping -f 10.99.0.2
  end_nic
  expect "echoes" "$(stat_of .app.icmp4_echo)" -ge 350
}

check_patch() {
  start_nic tap:w0,netns=west,ip=10.98.0.1/24 tap:e0,netns=east,ip=10.98.0.2/24 --app patch "$@"
  check_ping 50 "${west[@]}" ping -i 0.002 10.98.0.2
  check_ping 300 "${east[@]}" ping -f 10.98.0.1
  end_nic
  expect "frames forwarded each way" "$(stat_of '[.ports[].queues[].tx_packets] | min')" -ge 350
}

check_one_way() { # APP ARGUMENT...
  # Made here, so that its counters can be read after the NIC has gone.
  ip tuntap add bp0 mode tap vnet_hdr
  start_nic tap:bp0,ip=10.99.0.1/24 --app "$@"
  send_into_bp0 200
  end_nic
  expect "frames to the NIC, kernel against NIC" "$(kernel_counter bp0 tx_packets)" -eq \
    "$(stat_of '.ports[0].queues[0].rx_packets')"
  expect "frames from the NIC" "$(kernel_counter bp0 rx_packets)" -eq \
    "$(stat_of '.ports[0].queues[0].tx_packets')"
  case $1 in
    reflect) expect "frames sent back" "$(kernel_counter bp0 rx_packets)" -ge 200 ;;
    discard) expect "frames sent back" "$(kernel_counter bp0 rx_packets)" -eq 0 ;;
  esac
  ip link del bp0
}

check() { # STYLE MODE ENGINE APP
  printf -- '-- style %s, mode %s, engine %s, app %s\n' "$@"
  local options=(--style "$1" --mode "$2" --engine "$3")
  case $4 in
    respond) check_respond "${options[@]}" ;;
    patch) check_patch "${options[@]}" ;;
    *) check_one_way "$4" "${options[@]}" ;;
  esac
  [ "$(stat_of '.settings | [.style, .mode, .engine] | join(" ")')" = "$1 $2 $3" ] ||
    fail "the statistics are of another run: $(stat_of .settings)"
}

# The combinations, one on each line. There are as many pairs of a style and an application as lines
# here, so fewer cannot do; that the other pairs are all there is checked below.
pairwise() {
  local s a
  for s in "${!styles[@]}"; do
    for a in "${!apps[@]}"; do
      printf '%s %s %s %s\n' "${styles[s]}" "${modes[(s + a) % 3]}" "${engines[(s / 3 + a) % 2]}" \
        "${apps[a]}"
    done
  done
}

all_combinations() {
  local style mode engine app
  for style in "${styles[@]}"; do
    for mode in "${modes[@]}"; do
      for engine in "${engines[@]}"; do
        for app in "${apps[@]}"; do echo "$style $mode $engine $app"; done
      done
    done
  done
}

# How many different pairs of values there are in the lines, whatever columns they are from.
count_pairs() {
  awk '{ for (i = 1; i < NF; ++i) for (j = i + 1; j <= NF; ++j) pairs[i " " $i " " j " " $j] }
    END { print length(pairs) }'
}

expect "pairs among the combinations" "$(pairwise | count_pairs)" -eq \
  "$(all_combinations | count_pairs)"
combinations=pairwise
[ -z "${BELLPULL_LONG:-}" ] || combinations=all_combinations
while read -r style mode engine app; do
  check "$style" "$mode" "$engine" "$app" </dev/null
done < <("$combinations")

printf -- '-- from style to style while frames flow\n'
for engine in "${engines[@]}"; do
  start_nic tap:bp0,ip=10.99.0.1/24 --address 10.99.0.2/24 --engine "$engine" \
    --control "$WORK/control"
  ping -n -q -w 20 -c 400 -i 0.002 10.99.0.2 >"$WORK/ping.log" 2>&1 &
  pinging=$!
  for style in "${styles[@]}" poll push; do
    "$BELLPULL" set "$WORK/control" "style=$style" || fail "set style=$style"
    sleep 0.05
  done
  wait "$pinging" || fail "ping: $(tail -n 3 "$WORK/ping.log")"
  expect "replies" "$(replies "$WORK/ping.log")" -ge 400
  end_nic
  [ "$(stat_of .settings.style)" = push ] || fail "the last style is $(stat_of .settings.style)"
done

printf -- '-- a TAP and a simulated NIC\n'
start_nic tap:bp0,ip=10.99.0.1/24 sim:rate=20k,flows=3 --address 10.99.0.2/24
check_ping 100 ping -i 0.002 10.99.0.2
end_nic
expect "simulated frames answered" "$(stat_of '.ports[1].sim.sent')" -gt 0
start_nic tap:bp0,ip=10.99.0.1/24 sim:rate=20k --app patch
ping -n -q -c 3 -i 0.002 -W 0.1 10.99.0.2 >"$WORK/ping.log" 2>&1 || true
stop_nic
expect "frames of the kernel's, which are nobody's error" \
  "$(stat_of '.ports[1].sim.foreign')" -gt 0
