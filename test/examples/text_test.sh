#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# text_test.sh ROOT: the examples are short, and the README shows the code of the first of them and
# names all.
set -euo pipefail

fail() {
  printf 'FAILED: %s\n' "$1"
  exit 1
}

root=$1
count=0
for file in "$root"/tools/examples/*.cpp; do
  lines=$(wc -l <"$file")
  ((lines <= 70)) || fail "$file has $lines lines; examples have at most 70"
  name=tools/examples/$(basename "$file")
  grep -qF "$name" "$root/README.md" || fail "README.md does not name $name"
  count=$((count + 1))
done
((count == 4)) || fail "$count examples, not 4"

shown=$(awk '/^\/\/ README end/ { exit } inside; /^\/\/ README begin/ { inside = 1 }' \
  "$root/tools/examples/two_threads.cpp")
((${#shown} > 300)) || fail 'two_threads.cpp has nothing between its marks'
[[ $(<"$root/README.md") == *$'```cpp\n'"$shown"$'\n```'* ]] ||
  fail 'README.md does not show tools/examples/two_threads.cpp between its marks, word for word'
lines=$(wc -l <"$root/README.md")
((lines <= 250)) || fail "README.md has $lines lines, more than 250"
echo "$count examples, README.md $lines lines"
