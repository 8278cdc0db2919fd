#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. A signal in the middle ends tools/demo at once, and nothing is left behind.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"
enter_private_world "$@"
root=$2

# start_demo_until <line> <option>...: as soon as the demo has printed the line, comes back.
start_demo_until() {
  local line=$1
  shift
  : >"$work/output"
  "$root/tools/demo" "$@" >"$work/output" 2>&1 &
  demo=$!
  until grep -qF -- "$line" "$work/output"; do
    kill -0 "$demo" 2>/dev/null || flunk "tools/demo ended before it printed '$line'"
    sleep 0.02
  done
}

# interrupt <signal> <expected status> <line> <option>...
interrupt() {
  local signal=$1 expected=$2 line=$3 status=0
  echo "SIG$signal at: $line"
  start_demo_until "${@:3}"
  kill "-$signal" "$demo"
  wait "$demo" || status=$?
  same_as_before "SIG$signal at '$line'" "$root"
  sed 's/^/    /' "$work/output"
  [[ $status == "$expected" ]] || flunk "it ended with $status instead of $expected"
  grep -q "^tools/demo: stopped by SIG$signal" "$work/output" || flunk 'it does not say that it was stopped'
  ! grep -q '^Try next' "$work/output" || flunk 'it ran to its end'
}

take_before "$root"
interrupt INT 130 'builds the release preset'
interrupt INT 130 '[1/8]' --no-build
interrupt INT 130 '[4/8]' --no-build # a TCP stream, interrupt mode
interrupt TERM 143 '[5/8]' --no-build --quick # half-way
interrupt HUP 129 '[8/8]' --no-build --quick

# Nobody can answer SIGKILL; the kernel cleans up alone, a little later.
echo 'SIGKILL at: [3/8]'
start_demo_until '[3/8]' --no-build
kill -KILL "$demo"
wait "$demo" 2>/dev/null || true
patience=500
while ps -e -o comm= >"$work/processes" && grep -qvE '^(bash|ps)$' "$work/processes"; do
  ((patience-- > 0)) || break
  sleep 0.02
done
same_as_before 'SIGKILL at [3/8]' "$root"
! grep -qF '[8/8]' "$work/output" || flunk 'it ran to its end'
echo 'passed: nothing was left behind'
