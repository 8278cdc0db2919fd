#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `ring` built and installed by itself, with all hidden that the others need; and what a project is
# told that wants more.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

directory=$(fresh ring_alone)
hide=(-DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON)
must configure "$ROOT" "$directory/build" -DBELLPULL_COMPONENTS=ring "${hide[@]}"
must cmake --build "$directory/build" --parallel 1
must cmake --install "$directory/build" --prefix "$directory/prefix"
[[ ! -e $directory/prefix/include/bellpull/engine ]] || fail 'the engine was installed as well'

find_it() {
  configure "$HERE/find_package" "$directory/$1" -DCMAKE_PREFIX_PATH="$directory/prefix" \
    -DUSE="$2" "${hide[@]}"
}
must find_it user ring
build_users "$directory/user" ring
must_refuse "has no component 'netdrv', only: ring, ring_c" find_it greedy netdrv
must_refuse 'BELLPULL_COMPONENTS is empty' \
  configure "$ROOT" "$directory/none" -DBELLPULL_COMPONENTS=
