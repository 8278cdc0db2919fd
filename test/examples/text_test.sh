#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# text_test.sh ROOT: the examples are short, and the README shows the code of the first of them, and
# lines of each of the others.
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
# The block with a part of each of the others, an empty line between them.
parts=$(awk '/^```/ { if (inside && text ~ /run_once\(0\)/) printf "%s", text
                      inside = !inside; text = ""; next }
             inside { text = text $0 "\n" }' "$root/README.md")
part=0
for name in two_processes budgeted_device forwarder; do
  part=$((part + 1))
  found=0
  while IFS= read -r line; do
    [[ $line != "// tools/examples/$name.cpp" ]] || continue
    found=$((found + 1))
    grep -qF -- "$line" "$root/tools/examples/$name.cpp" ||
      fail "README.md shows a line that $name.cpp does not have: $line"
  done < <(awk -v RS= -v part="$part" 'NR == part' <<<"$parts")
  ((found >= 2)) || fail "README.md shows nothing of $name.cpp"
done
lines=$(wc -l <"$root/README.md")
((lines <= 250)) || fail "README.md has $lines lines, more than 250"
echo "$count examples, README.md $lines lines"
