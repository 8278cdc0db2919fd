#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `bellpull compare` as it is typed. Looks at no figure. Needs no privilege but for the TAPs.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

tiny=(--seconds 0.01 --repetitions 2 --loads 0.5)

# compared OUTPUT ARGUMENT...: it must succeed; keeps its standard output there.
compared() {
  local output=$1
  shift
  checks=$((checks + 1))
  "$bellpull" compare "$@" >"$output" 2>"$work/log" || fail "compare $*: $(head -c 400 "$work/log")"
}

# json FILE EXPRESSION...: each must hold for the report r.
json() {
  local file=$1
  shift
  for expression in "$@"; do
    expect "$file: $expression" python3 -c \
      'import json,sys; r=json.load(open(sys.argv[1])); assert eval(sys.argv[2])' \
      "$file" "$expression"
  done
}

# every style, engine and number of cores
compared "$work/table" "${tiny[@]}"
for style in push push-backlog push-pause notify poll virtqueue "poll (control)"; do
  expect "a line for $style in each mode" \
    test "$(grep -cE "^  ${style//[()]/.} +([0-9]|-)" "$work/table")" -ge 2
done
for where in "--engine driven" "--engine thread --cores one"; do
  # shellcheck disable=SC2086 # several words
  compared "$work/some" "${tiny[@]}" --styles push --modes poll --work-ns 0 $where
done

# raw figures
compared "$work/json" "${tiny[@]}" --styles push --modes interrupt --seed 9 --format json \
  --output "$work/made/for this"
expect "one line" test "$(wc -l <"$work/json")" = 1
expect "the file has the same" cmp "$work/json" "$work/made/for this/compare.json"
json "$work/json" 'not r["partial"]' 'r["planned"] == r["measured"] == len(r["measurements"]) == 6' \
  'r["options"]["seed"] == 9' 'len(r["capacity_per_second"]["each"]) == 3' \
  '{m["style"] for m in r["measurements"]} == {"push", "poll", "poll (control)"}' \
  '{m["repetition"] for m in r["measurements"]} == {0, 1}' 'r["machine"]["kernel"]'
for plot in goodput p99 cpu; do
  expect "$plot.svg is well-formed" python3 -c \
    'import sys,xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/made/for this/$plot.svg"
done
compared "$work/again" "${tiny[@]}" --styles push --modes interrupt --output "$work/made/for this"
expect "files are replaced" bash -c "! cmp -s '$work/json' '$work/made/for this/compare.json'"

# signals
for signal in INT TERM; do
  rm -rf "$work/interrupted"
  "$bellpull" compare --seconds 1000 --styles poll --modes poll --format json --output "$work/interrupted" \
    >"$work/long.out" 2>"$work/long.err" </dev/null &
  pids+=("$!")
  echo "$!" >"$work/long.pid"
  # Its engine is there once the signals are blocked.
  wait_for "SIG$signal: it runs" bash -c "((\$(ls /proc/$!/task | wc -l) >= 2))"
  ended long 0 "$signal"
  json "$work/long.out" 'r["partial"]' 'r["measured"] == 0' 'r["planned"] == 90'
  expect "SIG$signal: the file says so too" cmp "$work/long.out" "$work/interrupted/compare.json"
done
"$bellpull" compare --seconds 0.01 --repetitions 100 --modes poll >"$work/long.out" 2>"$work/long.err" \
  </dev/null &
pids+=("$!")
echo "$!" >"$work/long.pid"
wait_for "capacity is known" grep -q "^bellpull: compare: capacity .* 3500 measurements" \
  "$work/long.err"
ended long 0 INT
expect "the table says partial" grep -qE "^partial: [0-9]+ of 3500 measurements$" "$work/long.out"

# two TAPs of its own, of which nothing is left
if unshare -n true 2>/dev/null || unshare -Urn true 2>/dev/null && [[ -w /dev/net/tun ]]; then
  before=$(network_state; ip netns list)
  checks=$((checks + 1))
  # All that --quick measures, once; how often it does is a unit test's.
  timeout 90 "$bellpull" compare --ports tap --quick --repetitions 1 --output "$work/taps" \
    >"$work/table" 2>"$work/log" || fail "compare --ports tap --quick: $(head -c 400 "$work/log")"
  expect "it says where" grep -q "^compare: from TAP to TAP, engine driven" "$work/table"
  expect "a scene for every mode and load" \
    test "$(grep -cE "^mode (interrupt|poll|adaptive), load " "$work/table")" = 15
  expect "every frame is accounted for" bash -c "! grep -q unexplained '$work/table'"
  json "$work/taps/compare.json" 'r["options"]["ports"] == "tap"' 'not r["partial"]' \
    'len(r["measurements"]) == r["planned"] == 105' \
    'all(m["unexplained"] == 0 for m in r["measurements"])' \
    'any(m["missed"] for m in r["measurements"])' \
    'any(m["frames"] and m["latency_ns"]["count"] for m in r["measurements"])'
  for plot in goodput p99 cpu; do
    expect "$plot.svg of TAPs is well-formed" python3 -c \
      'import sys,xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/taps/$plot.svg"
  done
  for where in "--engine driven" "--engine thread"; do
    # shellcheck disable=SC2086 # several words
    compared "$work/json" "${tiny[@]}" --ports tap --styles push --format json $where
    json "$work/json" 'all(m["unexplained"] == 0 for m in r["measurements"])'
  done
  "$bellpull" compare --ports tap --seconds 1000 --styles poll --modes poll --format json \
    >"$work/long.out" 2>"$work/long.err" </dev/null &
  pids+=("$!")
  echo "$!" >"$work/long.pid"
  # Its sender is there once the signals are blocked.
  wait_for "it runs on TAPs" bash -c "((\$(ls /proc/$!/task | wc -l) >= 2))"
  ended long 0 INT
  json "$work/long.out" 'r["partial"]' 'r["measured"] == 0'
  refused 1 "make the directory --output /proc/no" compare --ports tap --output /proc/no
  expect "nothing of it is left" test "$(network_state; ip netns list)" = "$before"
else
  echo "SKIPPED: compare --ports tap: no network namespace of our own or no /dev/net/tun"
fi

# wrong usage
refused 2 "see bellpull compare --help" compare now
refused 2 "see bellpull compare --help" compare --frobnicate
for option in --styles --modes --loads --ports --engine --cores --work-ns --size --budget \
  --repetitions --seconds --seed --output --format; do
  refused 2 "$option" compare "$option" ""
done
refused 2 "'pol' is unknown: use push, push-backlog, push-pause, notify, poll or virtqueue; did you" \
  compare --styles pol
refused 2 "--cores two does not go with --ports tap" compare --ports tap --cores two
refused 2 "--loads: '0' is no share of the capacity from 0.001 to 50" compare --loads 0
refused 2 "--loads: '-1' is no share of the capacity" compare --loads=-1
refused 2 "--repetitions: '0' is no whole number from 1 to 100" compare --repetitions 0
refused 2 "--cores two does not go with --engine driven" compare --engine driven --cores two
via=(taskset -c "$(taskset -cp $$ | sed -E 's/.* ([0-9]+).*/\1/')")
refused 2 "--cores two: this process may use 1 core only" compare --cores two
refused 2 "--ports tap: this process may use 1 core only" compare --ports tap
via=()

# files that cannot be written, before anything is measured
touch "$work/file"
refused 1 "make the directory --output $work/file/below" compare --output "$work/file/below"
mkdir -p "$work/taken/p99.svg"
refused 1 "open --output $work/taken/p99.svg for writing" compare --output "$work/taken"
expect "nothing is left of the others" test "$(ls "$work/taken")" = p99.svg

finish
