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

# compile SOURCE OPTION...: prints what the compiler says, in one line.
compile() {
  LC_ALL=C "$compiler" "${options[@]}" "${@:2}" "$1" 2>&1 | tr -s '[:space:]' ' '
}

# The right ones at once, each in a namespace of its own instead of under a number.
awk '
  /^#if MISUSE == / { print "namespace right_" $4 " {"; inside = 1; next }
  /^#elif MISUSE == / { print "}\nnamespace right_" $4 " {"; next }
  inside && /^#else/ { print "}"; inside = 0; tail = 1; next }
  tail && /^#(error|endif)/ { next }
  { print }' "$source" >"$work/right.cpp"
said=$(compile "$work/right.cpp" -I "${source%/*}") || fail "the right ones do not compile: $said"

refused=0
while IFS=$'\t' read -r number who pattern; do
  [[ $who == any || $compiler == "$who++" ]] || continue
  if said=$(compile "$source" -DMISUSE="$number" -DWRONG); then fail "misuse $number compiles"; fi
  grep -qE "$pattern" <<<"$said" || fail "misuse $number is refused without '$pattern': $said"
  refused=$((refused + 1))
done < <(sed -nE 's/^#(el)?if MISUSE == ([0-9]+)  \/\/ ([a-z]+): (.*)$/\2\t\3\t\4/p' "$source")

asked=$(grep -cE '^#(el)?if MISUSE == ' "$source")
[[ $compiler == clang++ ]] || asked=$((asked - $(grep -cE '// clang: ' "$source" || true)))
((refused > 0 && refused == asked)) || fail "$refused misuses were tried, not $asked"
echo "$compiler: $refused misuses refused"
