#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# region_misuse_test.sh COMPILER ROOT SOURCE: each misuse in SOURCE, a file beside this one, does not
# compile and is refused for its own reason; the same lines with the one word right do compile.
set -euo pipefail

compiler=$1 root=$2
source=$root/test/engine/$3
command -v "$compiler" >/dev/null || {
  echo "SKIPPED: no $compiler here; the Debian package is ${compiler/clang++/clang}"
  exit 77
}

options=(-std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only
  -I "$root/src/engine/include" -I "$root/src/ring/include")
[[ $compiler != clang++ ]] || options+=(-Wconsumed)

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}

# What it includes is compiled once: all that differs comes after.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -E '^#include' "$source" >"$work/included.hpp"
compiled=$work/included.hpp.gch
[[ $compiler != clang++ ]] || compiled=$work/included.hpp.pch
kept=()
for option in "${options[@]}"; do
  [[ $option == -fsyntax-only ]] || kept+=("$option")
done
"$compiler" "${kept[@]}" -I "${source%/*}" -x c++-header "$work/included.hpp" -o "$compiled"
options+=(-include "$work/included.hpp")

# compile NUMBER OPTION...: prints what the compiler says, in one line.
compile() {
  LC_ALL=C "$compiler" "${options[@]}" -DMISUSE="$1" "${@:2}" "$source" 2>&1 | tr -s '[:space:]' ' '
}

refused=0
while IFS=$'\t' read -r number who pattern; do
  [[ $who == any || $compiler == "$who++" ]] || continue
  said=$(compile "$number") || fail "the right one of $number does not compile: $said"
  if said=$(compile "$number" -DWRONG); then fail "misuse $number compiles"; fi
  grep -qE "$pattern" <<<"$said" || fail "misuse $number is refused without '$pattern': $said"
  refused=$((refused + 1))
done < <(sed -nE 's/^#(el)?if MISUSE == ([0-9]+)  \/\/ ([a-z]+): (.*)$/\2\t\3\t\4/p' "$source")

asked=$(grep -cE '^#(el)?if MISUSE == ' "$source")
[[ $compiler == clang++ ]] || asked=$((asked - $(grep -cE '// clang: ' "$source" || true)))
((refused > 0 && refused == asked)) || fail "$refused misuses were tried, not $asked"
echo "$compiler: $refused misuses refused"
