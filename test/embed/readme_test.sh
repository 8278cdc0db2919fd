#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The section "Embedding" of the README: its commands are typed in their order, and each of its CMake
# blocks is made a project of.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

directory=$(fresh readme)

# blocks LANGUAGE: those of the section, a line "==" after each.
blocks() {
  awk -v language="$1" '
    /^## / { here = ($0 == "## Embedding") }
    here && /^```/ { if (inside) print "=="; inside = ($0 == "```" language); next }
    here && inside' "$ROOT/README.md"
}

# In a copy, because they write into the tree, with a home directory of their own.
type_commands() {
  local tree=$directory/tree
  mkdir "$tree" "$directory/home"
  cp -r "$ROOT/CMakeLists.txt" "$ROOT/cmake" "$ROOT/src" "$tree"
  cp "$HERE/use_ring.cpp" "$tree/app.cpp"
  blocks sh | grep -vx == >"$directory/commands"
  (($(wc -l <"$directory/commands") >= 4)) || fail 'the README shows no commands for embedding'
  (cd "$tree" && HOME=$directory/home must bash -eux "$directory/commands")
  run_user "$tree/a.out" ring
}

# make_project NUMBER BLOCK
make_project() {
  local project=$directory/project$1 component
  component=$(sed -n 's/.*PRIVATE bellpull::\([a-z_]*\).*/\1/p' <<<"$2")
  [[ -n $component ]] || fail "no component is linked in: $2"
  mkdir "$project"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES CXX)\n'
    printf 'add_executable(app "%s/use_%s.cpp")\n' "$HERE" "$component"
    printf '%s\n' "${2//\/path\/to\/bellpull/"$ROOT"}"
  } >"$project/CMakeLists.txt"
  must configure "$project" "$project/build" -DCMAKE_PREFIX_PATH="$PREFIX" -DCMAKE_UNITY_BUILD=ON
  must cmake --build "$project/build" --parallel 1 --target app
  run_user "$project/build/app" "$component"
}

type_commands
count=0 block=
while IFS= read -r line; do
  if [[ $line == == ]]; then
    count=$((count + 1))
    make_project "$count" "$block"
    block=
  else
    block+=$line$'\n'
  fi
done < <(blocks cmake)
((count == 2)) || fail "$count ways for CMake were found in the README, not 2"
