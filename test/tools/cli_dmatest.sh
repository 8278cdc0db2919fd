#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `bellpull dmatest` as it is typed. Needs no privilege.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

small=(--size 1-8k --seed 5)

digest_of() { sed -E 's/.*"digest":"([0-9a-f]{16})".*/\1/' "$1"; }

# every operation on every engine, over every layout
digest=
for engine in driven thread; do
  for layout in split packed; do
    what="engine $engine, layout $layout"
    printed "$what: all is verified" "$bellpull" dmatest "${small[@]}" --engine "$engine" \
      --layout "$layout" --threads 2 --iterations 1000 --format json
    expect "$what: the numbers go together" \
      bash -c "'$check_statistics' dmatest <'$work/printed'"
    expect "$what: as many transfers as were asked for" \
      grep -q '"verdict":"verified",.*"transfers":2000,' "$work/printed"
    : "${digest:=$(digest_of "$work/printed")}"
    expect "$what: the same transfers" test "$digest" = "$(digest_of "$work/printed")"
  done
done
printed "the table" "$bellpull" dmatest "${small[@]}" --iterations 10 --ops copy,fill
expect "the table ends with the verdict" \
  grep -qE '^verified; digest of the transfers [0-9a-f]{16}$' "$work/printed"
printed "a duration ends it" "$bellpull" dmatest "${small[@]}" --duration 0.2 --no-verify
expect "that is no interruption" grep -q '^not verified; digest' "$work/printed"

# faults
printed "faults that have to be reported are no failure" "$bellpull" dmatest "${small[@]}" \
  --iterations 1000 --fault 'every=10:write-error' --format json
expect "they are counted" grep -q '"failed_as_planned":[1-9]' "$work/printed"
expect "the numbers go together" bash -c "'$check_statistics' dmatest <'$work/printed'"
got=0
"$bellpull" dmatest "${small[@]}" --iterations 1000 --fault 'every=10:corrupt' \
  >"$work/corrupt.out" 2>"$work/corrupt.err" || got=$?
expect "faults that have to be found end it with 1" test "$got" = 1
expect "with what does it again" grep -q "do it again with: .* --fault 'every=10:corrupt'" \
  "$work/corrupt.err"

# signals
for signal in INT TERM; do
  "$bellpull" dmatest "${small[@]}" --duration 1000 --engine thread --format json \
    >"$work/long.out" 2>"$work/long.err" </dev/null &
  pids+=("$!")
  echo "$!" >"$work/long.pid"
  # Its threads are there once the signals are blocked.
  wait_for "SIG$signal: it runs" bash -c "((\$(ls /proc/$!/task | wc -l) >= 3))"
  ended long 0 "$signal"
  expect "SIG$signal: the report so far" grep -q '"verdict":"verified","interrupted":true' \
    "$work/long.out"
  expect "SIG$signal: it is whole" bash -c "'$check_statistics' dmatest <'$work/long.out'"
  expect "SIG$signal: no progress line without a terminal" test ! -s "$work/long.err"
done

# wrong usage
refused 2 "see bellpull dmatest --help" dmatest now
refused 2 "see bellpull dmatest --help" dmatest --frobnicate
for option in --backend --ops --engine --layout --threads --depth --size --segments --iterations \
  --duration --seed --timeout --fault --format; do
  refused 2 "$option" dmatest "$option" ""
done
refused 2 "'gpu' is unknown: use copy" dmatest --backend gpu
refused 2 "--size: '0' is no number of bytes from 1 to 1073741824" dmatest --size 0

finish
