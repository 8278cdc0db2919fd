#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Planned faults on simulated ports: what is refused, what is counted, and that a seed makes the same
# faults again. Needs no privilege.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

# shellcheck disable=SC2317 # called by expect
adds_up() {
  "$check_statistics" json <"$1" && "$check_statistics" sums <"$1"
}

# ran NAME ARGUMENT...: a run that ends by itself; what it counted is in $work/NAME, checked.
ran() {
  local name=$1
  shift
  expect "$name" "$bellpull" run "$@" --format json
  grep -v '^bellpull: ready: ' "$work/log" >"$work/$name"
  expect "$name: every frame is accounted for" adds_up "$work/$name"
}

# What came to pass on all ports of a run.
faults_of() { grep -oE '"faults":\{"rx":\{[^}]*\},"tx":\{[^}]*\}\}' "$work/$1"; }

# ran_until CONDITION NAME ARGUMENT...: the schedule of a port is the clock's, and a machine that is
# busy elsewhere needs longer.
ran_until() {
  local condition=$1 name=$2 seconds
  shift 2
  for seconds in 0.03 0.3 3 30; do
    ran "$name" "$@" --duration "$seconds"
    ! "$condition" "$name" || break
  done
}

# The conditions for ran_until(). The first port had all frames of its schedule.
# shellcheck disable=SC2317
saw_all() { faults_of "$1" | grep -q '"rx":{"frames":150,'; }

# The plan made a port drop what it received.
# shellcheck disable=SC2317
dropped() { grep -qE '"faults":\{"rx":\{"frames":[0-9]+,.*"drop":[1-9]' "$work/$1"; }

# nonsense
refused 2 "there is no port 'bp0': begin with sim0" run sim --app discard --fault bp0:drop
refused 2 "there is no port ''" run sim --app discard --fault :drop
refused 2 "it has no fault: add one, such as sim0:rx:drop" run sim --app discard --fault sim0
refused 2 "it has no fault" run sim --app discard --fault "sim0:seed=3"
refused 2 "'lose': there is errno=NAME, short" run sim --app discard --fault sim0:lose
refused 2 "'errno=EWHAT': choose a name" run sim --app discard --fault sim0:errno=EWHAT
refused 2 "'every=0': choose a number from 1" run sim --app discard --fault sim0:drop:every=0
refused 2 "a write is never short" run sim --app discard --fault sim0:tx:short
refused 2 "has faults already: join them with ;" \
  run sim --app discard --fault sim0:rx:drop --fault sim0:tx:drop
refused 2 "there are several ports bp0: use bp0@left or bp0@right" \
  run tap:bp0,netns=left tap:bp0,netns=right --app patch --fault bp0:drop

# every style and engine, every kind
port=sim:rate=20k,frames=200,flows=3,size=60/700/1514
plan='rx:drop:every=7;rx:errno=EINVAL:every=11;rx:errno=EAGAIN:every=13;rx:short:every=17'
plan+=';rx:truncate:every=19;duplicate:every=23;corrupt:every=29;corrupt=header:every=31'
plan+=';reorder=2:every=37;delay=100:every=41;tx:errno=ENOMEM:every=5;tx:drop:every=9'
for style in push push-backlog push-pause notify poll virtqueue; do
  for engine in driven thread; do
    for mode in interrupt poll; do
      name=$style-$engine-$mode
      ran_until dropped "$name" "$port" "$port" --app patch --style "$style" --engine "$engine" \
        --mode "$mode" --fault "sim0:$plan" --fault "sim1:$plan;seed=2"
      expect "$name: frames were dropped on purpose" dropped "$name"
    done
  done
done

# The same again: with fewer frames than buffers none is missed, so the frames are the same.
plan='rx:drop:chance=200000;rx:corrupt:chance=200000;rx:errno=EINVAL:chance=100000'
plan+=';tx:duplicate:chance=200000;tx:errno=ENOBUFS:chance=100000'
for name in first second other; do
  seed=7
  [[ $name != other ]] || seed=8
  ran_until saw_all "$name" sim:rate=20k,frames=150 --app reflect --fault "sim0:$plan;seed=$seed"
done
expect "the faults are there" test -n "$(faults_of first)"
expect "check 33: the same seed makes the same faults" \
  test "$(faults_of first)" = "$(faults_of second)"
expect "another seed makes others" test "$(faults_of first)" != "$(faults_of other)"

# the other formats
printed "table" "$bellpull" run "$port" --app reflect --duration 0.5 --fault 'sim0:rx:drop:every=2'
expect "table: a line for each direction that had rules" \
  grep -qE '^sim0 rx faults: of [0-9]+ frames, drop [1-9]' "$work/printed"
expect "table: none for the other" bash -c "! grep -q 'tx faults' '$work/printed'"
printed "prometheus" bash -c "'$bellpull' run sim:rate=20k --app reflect --duration 0.5 \
  --fault sim0:drop:every=3 --format prometheus 2>/dev/null"
expect "prometheus: in order" bash -c "'$check_statistics' prometheus <'$work/printed'"
expect "prometheus: the faults" \
  grep -qE 'bellpull_faults_total\{port="sim0",direction="rx",kind="drop"\} [1-9]' "$work/printed"
finish
