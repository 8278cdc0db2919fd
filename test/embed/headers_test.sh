#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# headers_test.sh COMPILER: each installed header compiles alone, and twice in one file, without a
# warning; those of `ring` without exceptions and run-time type information, and a *.h also as C.
# Without BELLPULL_LONG every fourth of them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

compiler=$1
command -v "$compiler" >/dev/null ||
  skip "no $compiler here; the Debian package is ${compiler/clang++/clang}"

# check COMPONENT HEADER [DIRECTORY]: prints what is wrong with it.
check() {
  local options=()
  [[ $1 != ring ]] || options=(-fno-exceptions -fno-rtti)
  printf '#include <%s>\n#include <%s>\n' "$2" "$2" |
    "$compiler" -x c++ "${STRICT[@]}" "${options[@]}" -I "${3:-$PREFIX/include}" -fsyntax-only -
}

check_as_c() {
  printf '#include <%s>\n#include <%s>\n' "$1" "$1" |
    "$compiler" -x c -std=c11 "${STRICT[@]:1}" -I "$PREFIX/include" -fsyntax-only -
}

# must_catch COMPONENT TEXT: a header with this text is refused.
must_catch() {
  printf '%s\n' "$2" >"$probe/probe.hpp"
  if check "$1" probe.hpp "$probe" 2>/dev/null; then fail "let pass: $2"; fi
}

probe=$(fresh "headers_$compiler")
must_catch engine $'#pragma once\nstd::size_t missing();'
must_catch engine 'struct Twice {};'
must_catch engine $'#pragma once\ninline int unused(int argument) { return 0; }'
must_catch ring $'#pragma once\ninline void throws() { throw 1; }'

every=$([[ -v BELLPULL_LONG ]] && echo 1 || echo 4)
count=0
for component in ring engine netdrv; do
  while IFS= read -r header; do
    count=$((count + 1))
    ((count % every == 0)) || continue
    check "$component" "$header" || fail "$header does not compile alone"
    [[ $header == *.hpp ]] || check_as_c "$header" || fail "$header does not compile alone as C"
  done < <(cd "$PREFIX/include" && find "bellpull/$component" -type f | sort)
done
((count > 40)) || fail "only $count headers were found"
printf '%s: %d headers\n' "$compiler" "$((count / every))"
