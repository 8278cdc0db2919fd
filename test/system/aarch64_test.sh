#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# aarch64_test.sh ROOT BUILD: the ring library and the engine, without a warning, for 64-bit ARM, and
# the tests of the ring, run in QEMU's user-mode emulation: those whose answer can depend on the
# processor, and all of them with BELLPULL_LONG.
#
# It shows that the code, its assumptions about sizes and alignment, and the instructions that the
# compiler chose for each memory order are right for ARM as long as memory is strongly ordered. It
# does not show that the orders are strong enough: an x86 host keeps loads and stores in program
# order for the emulated program as well. The explorers show that, on any machine. Two threads that
# sleep until they are told are left out: QEMU lets a seq_cst load pass the seq_cst store before it.
set -euo pipefail

skip() {
  echo "SKIPPED: $1"
  exit 77
}

command -v aarch64-linux-gnu-g++ >/dev/null ||
  skip 'there is no cross compiler (type: apt-get install g++-aarch64-linux-gnu)'
command -v qemu-aarch64 >/dev/null ||
  skip 'there is no user-mode emulation (type: apt-get install qemu-user)'

choice=(--label-regex '^ring$' --no-tests=error)
targets=(test/ring/all bellpull_engine)
if [[ ! -v BELLPULL_LONG ]]; then
  tests=(queue_images uapi_layout queue_threads value_shared value_threads doorbell c_interface)
  targets=(bellpull_ring_instantiate bellpull_engine "${tests[@]}")
  choice+=(--tests-regex "^ring\.($(IFS='|' && echo "${tests[*]}"))\$")
fi

unity=ON
[[ ! -v BELLPULL_LONG ]] || unity=OFF
export BELLPULL_EMULATED=1 # tests then go fewer rounds
cd "$1"
# A cache that was made for another copy of the tree would be refused.
cmake --preset aarch64 --fresh -B "$2" -DCMAKE_UNITY_BUILD="$unity" -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 \
  >/dev/null
cmake --build "$2" --parallel "$(nproc)" --target "${targets[@]}"
ctest --test-dir "$2" --output-on-failure --parallel "$(nproc)" "${choice[@]}"
