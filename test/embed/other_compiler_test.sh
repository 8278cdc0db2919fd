#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An archive that one compiler made, optimised across files, is linked by the other one.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

other=clang++
[[ $(basename "$CXX") != *clang* ]] || other=g++
command -v "$other" >/dev/null || skip "no $other here; the Debian package is ${other/clang++/clang}"
directory=$(fresh other_compiler)
must configure "$ROOT" "$directory/build" -DBELLPULL_COMPONENTS=engine -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
must cmake --build "$directory/build" --parallel 1
must cmake --install "$directory/build" --prefix "$directory/prefix"
CXX=$other
must configure "$HERE/find_package" "$directory/user" -DCMAKE_PREFIX_PATH="$directory/prefix" \
  '-DUSE=ring;engine'
build_users "$directory/user" ring engine
