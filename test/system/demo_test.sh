#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. The first command works twice in a row and leaves nothing behind.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"
enter_private_world "$@"
root=$2

take_before "$root"
for options in '' --quick; do
  echo "tools/demo $options"
  # Not into a pipe: its reader would wait for a process that was left behind.
  status=0
  # shellcheck disable=SC2086 # no word, or one
  "$root/tools/demo" $options >"$work/output" 2>&1 || status=$?
  cat "$work/output"
  ((status == 0)) || flunk "tools/demo $options ended with status $status"
  same_as_before "tools/demo $options" "$root"
  # A row ends with the two shares of CPU; all numbers between are there or marked as not measured.
  rows=$(grep -cE '^(respond|patch) .* (interrupt|poll)( +[0-9.e-]+){6}( +[0-9.]+ %){2}$' \
    "$work/output") || true
  [[ $rows == 8 ]] || flunk "the table has $rows complete rows instead of 8"
  [[ $(grep -cE ' (500 of 500|50 of 50) pings answered$' "$work/output") == 6 ]] ||
    flunk 'not every run with pings says that all were answered'
done
echo 'passed: nothing was left behind'
