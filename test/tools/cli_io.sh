#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# --io: io_uring where it can be had; plain system calls, said in one line, where it is forbidden.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"
unshare_all
"$bellpull" probe | grep -q '^ok  io_uring' || skip "no io_uring here: see bellpull probe"

# shellcheck disable=SC2317 # called by expect
moved_by() { # IO
  grep -qF "\"io\":\"$1\"" "$work/printed"
}

# shellcheck disable=SC2317 # called by expect
said() { # LINES: besides that it is ready
  (($(grep -c '^bellpull: ' "$work/printed") == $1 + 1))
}

run=(run tap:bp0 --app discard --duration 0.2 --format json --io)
printed "a run with io_uring" "$bellpull" "${run[@]}" uring
expect "the statistics say so" moved_by uring
expect "and nothing else is said" said 0
printed "a run with plain calls" "$bellpull" "${run[@]}" syscall
expect "the statistics say so" moved_by syscall

forbidden=("$here/without_uring.py" "$bellpull")
printed "a run where io_uring is forbidden" "${forbidden[@]}" "${run[@]}" uring
expect "it goes on without" moved_by syscall
expect "and says so in one line" said 1
expect "with the reason and the remedy" grep -qE \
  '^bellpull: --io uring: .* io_uring_setup: Operation not permitted; .*kernel.io_uring_disabled' \
  "$work/printed"
printed "a probe where it is forbidden" "${forbidden[@]}" probe
expect "it tells" grep -q '^no  io_uring  *io_uring_setup: Operation not permitted' "$work/printed"
expect "no interface is left" test ! -e /sys/class/net/bp0
finish
