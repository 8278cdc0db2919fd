#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. The first command works twice in a row and leaves nothing behind.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"
enter_private_world "$@"
root=$2

# check_demo PINGS OPTION...: each of its runs sends so many of them.
check_demo() {
  local pings=$1 status=0 rows
  shift
  echo "tools/demo $*"
  # Not into a pipe: its reader would wait for a process that was left behind.
  "$root/tools/demo" "$@" >"$work/output" 2>&1 || status=$?
  cat "$work/output"
  ((status == 0)) || flunk "tools/demo $* ended with status $status"
  same_as_before "tools/demo $*" "$root"
  # A row ends with the two shares of CPU; all numbers between are there or marked as not measured.
  rows=$(grep -cE '^(respond|patch) .* (interrupt|poll)( +[0-9.e-]+){6}( +[0-9.]+ %){2}$' \
    "$work/output") || true
  [[ $rows == 8 ]] || flunk "the table has $rows complete rows instead of 8"
  [[ $(grep -c " $pings of $pings pings answered\$" "$work/output") == 6 ]] ||
    flunk "not every run with pings says that $pings of $pings were answered"
}

take_before "$root"
check_demo 500
check_demo 50 --quick
echo 'passed: nothing was left behind'
