#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. The first command works twice in a row and leaves nothing behind.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"
enter_private_world "$@"
root=$2

take_before "$root"
for round in first second; do
  echo "the $round time"
  # Not into a pipe: its reader would wait for a process that was left behind.
  status=0
  "$root/tools/demo" >"$work/output" 2>&1 || status=$?
  cat "$work/output"
  ((status == 0)) || flunk "tools/demo ended with status $status"
  same_as_before "tools/demo, the $round time" "$root"
  # A row ends with the two shares of CPU; all numbers between are there or marked as not measured.
  rows=$(grep -cE '^(respond|patch) .* (interrupt|poll)( +[0-9.e-]+){6}( +[0-9.]+ %){2}$' \
    "$work/output") || true
  [[ $rows == 8 ]] || flunk "the table has $rows complete rows instead of 8"
  [[ $(grep -c ' 500 of 500 pings answered$' "$work/output") == 6 ]] ||
    flunk 'not every run with pings says that 500 of 500 were answered'
done
echo 'passed: nothing was left behind'
