#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Simulated ports: every style, engine, mode and application, and what becomes of each frame. Needs
# no privilege.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

styles=(push push-backlog push-pause notify poll virtqueue)
control=$work/control

# shellcheck disable=SC2317 # called by expect
adds_up() {
  "$check_statistics" json <"$1" && "$check_statistics" sums <"$1"
}

# frames KEY: how many all ports of the last run count under it.
frames() { grep -oE "\"$1\":[0-9]+" "$work/run" | awk -F: '{ sum += $2 } END { print sum }'; }

# shellcheck disable=SC2317 # called by expect
ran_with() { # FILE MODE STYLE ENGINE
  grep -qF "\"settings\":{\"mode\":\"$2\",\"style\":\"$3\",\"io\":\"syscall\",\"engine\":\"$4\"" "$1"
}

# ran DESCRIPTION ARGUMENT...: a run that ends by itself; its frames are in $work/log, checked.
ran() {
  local what=$1
  shift
  expect "$what" "$bellpull" run "$@" --format json
  sed -i '/^bellpull: ready: /d' "$work/log"
  mv "$work/log" "$work/run"
  expect "$what: every frame is accounted for" adds_up "$work/run"
}

# 500 frames of three sizes, then silence. How many of them are received is the machine's affair.
port=sim:rate=50k,frames=500,flows=3,size=60/700/1514
apps=(respond patch reflect discard)
turn=0
for style in "${styles[@]}"; do
  received=0
  sent=0
  for engine in driven thread; do
    for mode in interrupt poll adaptive; do
      # A program that was built to be looked at is slow: it takes one of them after the other.
      chosen=("${apps[@]}")
      [[ ! -v BELLPULL_SANITIZED ]] || chosen=("${apps[turn++ % 4]}")
      for app in "${chosen[@]}"; do
        ports=("$port")
        [[ $app != patch ]] || ports+=("$port,arrivals=poisson")
        address=()
        [[ $app != respond ]] || address=(--address 10.99.0.2/24)
        what="style $style, engine $engine, mode $mode, app $app"
        ran "$what" "${ports[@]}" --app "$app" "${address[@]}" --style "$style" --engine "$engine" \
          --mode "$mode" --duration 0.02
        expect "$what: the statistics say so" ran_with "$work/run" "$mode" "$style" "$engine"
        received=$((received + $(frames delivered)))
        sent=$((sent + $(frames sent)))
      done
    done
  done
  expect "style $style: frames were received" test "$received" -gt 0
  expect "style $style: frames were sent" test "$sent" -gt 0
done

# schedules
for arrivals in fixed poisson,seed=7 bursts,burst=64 square,wave=1,low=0.1; do
  ran "arrivals $arrivals" "sim:rate=100k,arrivals=$arrivals" --app reflect --duration 0.3
  expect "arrivals $arrivals: frames arrived" grep -qE '"scheduled":[1-9]' "$work/run"
done
seq 0 1000 1000000 >"$work/trace"
ran "arrivals by a trace" "sim:arrivals=trace,trace=$work/trace,frames=1500" --app discard \
  --duration 1
expect "a trace is played again, to the last frame" grep -q '"scheduled":1500,' "$work/run"
refused 1 "No such file or directory" run "sim:arrivals=trace,trace=$work/none" --app discard
echo x >>"$work/trace"
refused 2 "line 1002: 'x' is no whole number" \
  run "sim:arrivals=trace,trace=$work/trace" --app discard

# a ring that is too small loses frames, and says where
ran "a small ring" sim:rate=1M,arrivals=bursts,burst=256,ring=32 --app discard --duration 0.3
expect "a small ring: frames were missed" \
  grep -qE '"missed_(no_buffer|generator)":[1-9]' "$work/run"
ran "small rings of the driver" sim:rate=200k --app reflect --rx-ring 1 --tx-ring 1 --duration 0.3
ran "a small backlog" sim:rate=1M,arrivals=bursts,burst=256 --app discard --style push-backlog \
  --backlog 1 --duration 0.3
expect "a small backlog: frames were dropped" grep -qE '"backlog_full":[1-9]' "$work/run"

# latency
ran "latency" sim:rate=10k --app discard --duration 0.3
expect "latency is measured by default" grep -qE '"latency_ns":\{"count":[1-9]' "$work/run"
ran "no latency" sim:rate=10k --app discard --duration 0.3 --latency 0
expect "latency is not measured when it is not wanted" bash -c "! grep -q latency_ns '$work/run'"

# the other formats
printed "table" "$bellpull" run sim sim --app patch --duration 0.3
expect "table: a line for each simulation" test "$(grep -c ' simulated: ' "$work/printed")" = 2
expect "prometheus" bash -c "'$bellpull' run sim sim --app patch --duration 0.3 \
  --format prometheus 2>/dev/null | '$check_statistics' prometheus"

# under load, changed from outside
# shellcheck disable=SC2317 # called by expect
setting_is() {
  [[ $("$bellpull" set "$control" | awk -v name="$1" '$1 == name { print $2 }') == "$2" ]]
}
for engine in driven thread; do
  start load run sim:rate=100k,flows=4 sim:rate=50k,arrivals=poisson --app patch \
    --engine "$engine" --control "$control" --format json
  expect "engine $engine: the style is there" setting_is style poll
  for style in "${styles[@]}" poll; do
    for mode in poll adaptive interrupt; do
      expect "engine $engine: to $style, $mode" \
        "$bellpull" set "$control" "style=$style" "mode=$mode"
      expect "engine $engine: it is $style" setting_is style "$style"
      expect "engine $engine: it is $mode" setting_is mode "$mode"
    done
  done
  expect "engine $engine: a port off" "$bellpull" set "$control" port.sim0=off
  expect "engine $engine: it is off" setting_is port.sim0 off
  expect "engine $engine: the other is on" setting_is port.sim1 on
  expect "engine $engine: another style with a port off" "$bellpull" set "$control" style=push-pause
  expect "engine $engine: it is still off" setting_is port.sim0 off
  expect "engine $engine: a port on" \
    "$bellpull" set "$control" port.sim0=on style=virtqueue budget=7
  refused 2 "port.sim0: 'up' is unknown: use on or off" set "$control" port.sim0=up
  refused 2 "style: 'pull' is unknown: use push, push-backlog" set "$control" style=pull
  refused 2 "is unknown: use mode, style," set "$control" port.sim7=on
  expect "engine $engine: nothing of a wrong request is done" setting_is style virtqueue
  ended load 0 INT
  expect "engine $engine: every frame is accounted for" adds_up "$work/load.out"
  expect "engine $engine: the statistics have the last settings" \
    ran_with "$work/load.out" interrupt virtqueue "$engine"
  expect "engine $engine: the statistics have the last budget" grep -q '"budget":7,' "$work/load.out"
done
finish
