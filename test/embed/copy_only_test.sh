#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# S0.8: a complete back-end that can do nothing but copy has at most 150 lines, and passes the
# conformance kit, compiled outside of the tree. One that forgets a byte does not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

example=$HERE/use_conformance.cpp
directory=$(fresh copy_only)
lines=$(wc -l <"$example")
((lines <= 150)) || fail "$example has $lines lines, more than 150"
printf 'ok: %s lines\n' "$lines"

libraries=$(dirname "$(find "$PREFIX" -name libbellpull_engine.a)")
compile() {
  must "$CXX" "${STRICT[@]}" -O1 -I "$PREFIX/include" "$1" -o "$2" -L "$libraries" \
    -lbellpull_conformance -lbellpull_engine -lbellpull_ring -pthread
}
compile "$example" "$directory/honest"
run_user "$directory/honest" conformance

sed 's/from_.take(bytes), bytes);/from_.take(bytes), bytes - 1);/' "$example" >"$directory/mutant.cpp"
! cmp -s "$example" "$directory/mutant.cpp" || fail 'the example has no line to get wrong any more'
compile "$directory/mutant.cpp" "$directory/mutant"
must_refuse 'FAILED outcome of copy: reported as done, but byte' timeout 300 "$directory/mutant"
