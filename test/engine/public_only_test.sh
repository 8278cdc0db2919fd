#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# public_only_test.sh COMPILER ROOT: S2.8: transfer graphs, typed requests and typed channels are
# clients of channels like any other. Their sources compile where there is nothing but the public
# headers, and none of those headers makes them a friend or is asked for what is in `detail`.
set -euo pipefail

compiler=$1 root=$2
headers=$root/src/engine/include
clients=(graph_node transfer_graph typed_channel typed_request any_request request_parts)
sources=(graph_node transfer_graph transfer_graph_run)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  printf 'FAILED: S2.8: %s\n' "$1" >&2
  exit 1
}

# compiles FILE: away from the internal headers.
compiles() {
  "$compiler" -std=c++20 -fsyntax-only -I "$headers" -I "$root/src/ring/include" "$1" 2>"$scratch/said"
}

# befriended DIRECTORY: prints the lines that let a client in.
befriended() {
  grep -rnE 'friend .*(TransferGraph|TypedChannel|TypedRequest|AnyRequest|RequestParts)' "$1" || true
}

# reaches_in FILE...: prints the lines that name what is internal, other than their own.
reaches_in() {
  grep -nE 'detail::' "$@" | grep -v 'detail::RequestParts' || true
}

for name in "${sources[@]}"; do
  cp "$root/src/engine/$name.cpp" "$scratch"
  compiles "$scratch/$name.cpp" || fail "$name.cpp needs more than public headers: $(<"$scratch/said")"
done
[[ -z $(befriended "$headers") ]] || fail "a public header makes a friend: $(befriended "$headers")"
files=("${clients[@]/#/$headers/bellpull/engine/}")
files=("${files[@]/%/.hpp}" "$scratch"/*.cpp)
[[ -z $(reaches_in "${files[@]}") ]] || fail "uses what is internal: $(reaches_in "${files[@]}")"

# Each of the three sees a breach.
printf '#include "engine_core.hpp"\n' >>"$scratch/transfer_graph.cpp"
! compiles "$scratch/transfer_graph.cpp" || fail "an internal header is found"
mkdir "$scratch/headers"
printf '  friend class TransferGraph;\n' >"$scratch/headers/channel.hpp"
[[ -n $(befriended "$scratch/headers") ]] || fail "a friend is not seen"
printf 'detail::Loan loan;\n' >"$scratch/other.cpp"
[[ -n $(reaches_in "$scratch/other.cpp") ]] || fail "the use of what is internal is not seen"
echo "${#files[@]} files stand on public headers"
