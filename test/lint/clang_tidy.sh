#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# clang_tidy.sh CLANG_TIDY ROOT BUILD: no finding of .clang-tidy in the library and the program.
set -euo pipefail

cd "$2"
mapfile -d '' -t files < <(find src tools -type f -name '*.cpp' -print0)
((${#files[@]})) || { echo "no source file found below $2" && exit 1; }
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "$1" -p "$3" --quiet
echo "${#files[@]} files"
