#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# format.sh CLANG_FORMAT ROOT: every C and C++ file looks as .clang-format has it.
set -euo pipefail

cd "$2"
mapfile -d '' -t files < <(find src tools bench test -type f \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.c' -o -name '*.h' \) -print0)
((${#files[@]})) || { echo "no source file found below $2" && exit 1; }
"$1" --dry-run -Werror "${files[@]}"
echo "${#files[@]} files"
