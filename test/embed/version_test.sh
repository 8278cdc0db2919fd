#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The version has one home. CMake's package, pkg-config's files and the program say the same; the
# programs that other tests here build say what the headers have.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

header=$PREFIX/include/bellpull/ring/version.hpp
home=$(awk '/#define BELLPULL_VERSION_/ { text = text sep $3; sep = "." } END { print text }' "$header")
agree() {
  [[ $2 == "$home" ]] || fail "$1 says '$2', but $header says '$home'"
  printf 'ok: %s: %s\n' "$1" "$2"
}

[[ $home =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "no version in $header: '$home'"
agree 'the project' "$VERSION"
package=$(find "$PREFIX" -name bellpullConfigVersion.cmake)
agree "CMake's package" "$(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")$/\1/p' "$package" | head -n 1)"
count=0
while IFS= read -r file; do
  agree "$(basename "$file")" "$(sed -n 's/^Version: //p' "$file")"
  count=$((count + 1))
done < <(find "$PREFIX" -name '*.pc')
((count >= 3)) || fail "only $count files for pkg-config"
program=$("$PREFIX/bin/bellpull" --version)
agree 'the program' "${program#bellpull }"
