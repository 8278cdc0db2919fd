#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every command of the README, in its order, is typed here, or is known to be what another test runs.
# A command that this test does not know fails it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$(dirname "$0")/nic_lib.sh"
begin "$@"
ROOT=$2

# The lines of the ```sh blocks.
commands() { awk '/^```/ { inside = ($0 == "```sh"); next } inside' "$ROOT/README.md"; }

stop_running_nic() {
  [ -n "$NIC_PID" ] || return 0
  stop_nic
}

type_command() {
  local line=${1#sudo }
  case $line in
    tools/demo) [ -x "$ROOT/tools/demo" ] || fail "no tools/demo" ;; # demo_test runs it
    test/run) [ -x "$ROOT/test/run" ] || fail "no test/run" ;;       # what runs this test
    "cmake --preset "* | "cmake --build --preset "* | "ctest --preset "*)
      # test/run does this for each preset; here only that the preset exists.
      local preset=${line#*--preset }
      (cd "$ROOT" && cmake --list-presets) | grep -q "\"${preset%% *}\"" || fail "no preset in: $1"
      ;;
    "cmake -B build/lib "* | "cmake --build build/lib" | "cmake --install build/lib "* | \
      "export PKG_CONFIG_PATH="* | "c++ "*) # embed.readme types these
      grep -q bellpull_embed_test "$ROOT/test/embed/CMakeLists.txt" || fail "no embed tests" ;;
    "build/release/tools/bellpull run "*)
      stop_running_nic
      local words
      read -ra words <<<"${line#build/release/tools/bellpull run }"
      start_nic "${words[@]}"
      ;;
    "build/release/tools/bellpull probe") "$BELLPULL" probe >"$WORK/out" || fail "probe" ;;
    "build/release/tools/bellpull dmatest") "$BELLPULL" dmatest >"$WORK/out" || fail "dmatest" ;;
    "ip netns del "*)
      stop_running_nic
      bash -c "$line" || fail "$line"
      ;;
    ping* | arping* | ip*) bash -c "$line" >"$WORK/out" 2>&1 || fail "$line: $(tail -n 3 "$WORK/out")" ;;
    *) fail "nobody runs this command of the README: $1" ;;
  esac
  printf 'ok: %s\n' "$1"
}

count=0
while read -r line; do
  type_command "$line"
  count=$((count + 1))
done < <(commands)
stop_running_nic
expect "commands found in the README" "$count" -ge 15
