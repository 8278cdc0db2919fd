#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# subproject_test.sh HOW: bellpull inside another project's build, all of it and `ring` alone. It
# brings its libraries and nothing else.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

how=$1
# Who embeds it may build that way, and it is over sooner; the long run compiles file by file.
unity=$([[ -v BELLPULL_LONG ]] && echo OFF || echo ON)
embed() {
  configure "$HERE/subproject" "$1" -DHOW="$how" -DBELLPULL_SOURCE="$ROOT" \
    -DCMAKE_UNITY_BUILD="$unity" -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 "${@:2}"
}

# Kept from run to run: it is the one that takes long.
all=$WORK/subproject
must embed "$all" '-DUSE=ring;ring_c;engine;conformance;netdrv'
build_users "$all" ring ring_c engine conformance netdrv
[[ $(ctest --test-dir "$all" --show-only | tail -n 1) == 'Total Tests: 0' ]] ||
  fail 'it brings tests of its own'
must cmake --install "$all" --prefix "$all/installed"
[[ ! -e $all/installed ]] || fail 'it is installed with the project around it'

ring=$(fresh "$how")
must embed "$ring" -DUSE=ring -DBELLPULL_COMPONENTS=ring -DCMAKE_CXX_STANDARD=20 \
  -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON
build_users "$ring" ring
must_refuse "there is no component 'rnig'" embed "$ring" -DBELLPULL_COMPONENTS=rnig
must_refuse 'BELLPULL_TOOLS needs all components' \
  embed "$ring" -DBELLPULL_COMPONENTS=ring -DBELLPULL_TOOLS=ON
