#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# core.sh ROOT BUILD: the core of the engine names no vendor, no instruction set and no back-end,
# neither in its text nor in what is linked of it; only kernels/ is compiled for more than the
# baseline, and no library of a vendor is needed. Each rule is first shown to catch a breach of it.
set -euo pipefail

# Whole words, in lower case; _ parts two of them.
vendors='intel|isal|isa_l|amd|nvidia|cuda|ioat|idxd|dsa|dml|qat|xilinx|altera|mellanox|broadcom|marvell|talitos|fsl'
sets='sse[0-9]*|sse4_[12]|ssse3|avx[0-9]*|avx512[a-z]*|neon|sve|amx|bmi[12]?|pclmul[a-z]*|movdir64b|enqcmd'
words="(^|[^a-z0-9])($vendors|$sets)(\$|[^a-z0-9])"
intrinsics='immintrin|x86intrin|[a-z]mmintrin|arm_neon|arm_acle|arm_sve|cpuid|_mm[0-9]*_|__builtin_ia32|__builtin_cpu|__x86_64__|__aarch64__|__asm|(^|[^a-z_])asm[^a-z_]'
# Works like any other without it; it only makes stores arrive sooner.
exempt='src/ring/include/bellpull/ring/prefetch.hpp'

# Prints code without comments, each line with the name of its file below ROOT and its number.
code_of() { # ROOT FILE...
  local root=$1
  shift
  awk -v skip="${#root}" '{
    sub(/\/\/.*/, "")
    gsub(/\/\*[^*]*\*\//, "")
    if ($0 != "") print substr(FILENAME, skip + 2) ":" FNR ": " $0
  }' "$@"
}

# The files of the core: not the kernels, nor the conformance kit, which is a library of its own.
core_files() {
  find "$1"/src/{ring,engine} -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \) \
    -not -path '*/engine/kernels/*' -not -path '*/engine/conformance/*'
}

check_sources() {
  local -a files
  mapfile -t files < <(core_files "$1")
  code_of "$1" "${files[@]}" >"$scratch/code"
  # Words are looked for in the code and not in the names of files.
  awk -v words="$words" '
    { code = tolower($0); sub(/^[^:]*:[0-9]+: /, "", code) }
    code ~ words { print $0 ": names a vendor or an instruction set" }' "$scratch/code"
  grep -vF "$exempt:" "$scratch/code" | awk -v words="$intrinsics" '
    { code = $0; sub(/^[^:]*:[0-9]+: /, "", code) }
    code ~ words { print $0 ": is for one processor" }'
  grep -vE '^[^:]*_backend\.[ch]pp:' "$scratch/code" |
    grep -E '[a-z]+_backend\.hpp|make_[a-z]+_backend' |
    sed 's/$/: the core knows no back-end/' || true
}

# Symbols, given as lines.
check_symbols() {
  tr '[:upper:]' '[:lower:]' | grep -vE '(^| )kernels/' | grep -E "$words" |
    sed 's/^/names a vendor or an instruction set: /' || true
}

# A compile_commands.json.
check_flags() {
  grep -E '"command":.*/src/(ring|engine|netdrv)/[^ "]+",?$' "$1" | grep -E ' -m[a-z]' |
    grep -vE '/src/engine/kernels/(avx2|avx512)\.cpp"?,?$' | grep -oE ' -o [^ ]+' |
    sed 's/$/: is not compiled for the baseline/' || true
}

# What a program needs, given as readelf -d has it.
check_needed() {
  grep NEEDED | grep -oE '\[[^]]+\]' |
    grep -vE '^\[(libstdc\+\+|libgcc_s|libm|libc|libpthread|ld-linux[-a-z0-9_]*)\.so\.[0-9]+\]$' |
    sed 's/$/: is needed beside the standard libraries/' || true
}

caught() { # WHAT OUTPUT
  [[ -n $2 ]] || { echo "the check does not catch $1" && exit 1; }
  rules=$((rules + 1))
}
silent() { # WHAT OUTPUT
  [[ -z $2 ]] || { echo "the check refuses $1: $2" && exit 1; }
}

prove() {
  local line
  local tree=$scratch/tree
  mkdir -p "$tree"/src/ring "$tree"/src/engine/kernels
  printf '%s\n' '// as an Intel does with AVX2' 'int sum(int assembled, int passed);' \
    'bool armed = channel.arm(); int has = basm;' >"$tree/src/ring/a.hpp"
  printf '%s\n' '#include "bellpull/engine/copy_backend.hpp"' >"$tree/src/engine/copy_backend.cpp"
  printf '%s\n' '#include <immintrin.h>' >"$tree/src/engine/kernels/avx2.cpp"
  silent 'a tree in order' "$(check_sources "$tree")"
  for line in 'int use_intel();' 'isal_limit' 'struct Avx2 {};' '#include <immintrin.h>' \
    'x = _mm_pause();' 'asm volatile("");' '#if defined(__x86_64__)' \
    '#include "bellpull/engine/fd_backend.hpp"' 'auto b = make_copy_backend();'; do
    printf '%s\n' "$line" >"$tree/src/engine/b.cpp"
    caught "'$line'" "$(check_sources "$tree")"
  done
  silent 'symbols in order' "$(printf '%s\n' 'bellpull::engine::Channel::arm()' | check_symbols)"
  caught 'a symbol' "$(printf '%s\n' 'bellpull::engine::idxd_submit()' | check_symbols)"
  line='"command": "/usr/bin/g++ -O2 -c -o a.o'
  printf '%s\n' "$line /src/engine/channel.cpp\"," >"$scratch/flags"
  printf '%s\n' "${line/-O2/-O2 -mavx2} /src/engine/kernels/avx2.cpp\"," >>"$scratch/flags"
  silent 'flags in order' "$(check_flags "$scratch/flags")"
  printf '%s\n' "${line/-O2/-march=native} /src/engine/channel.cpp\"," >>"$scratch/flags"
  caught 'a flag' "$(check_flags "$scratch/flags")"
  line=' 0x1 (NEEDED) Shared library:'
  silent 'standard libraries' "$(printf '%s\n' "$line [libc.so.6]" "$line [libm.so.6]" | check_needed)"
  caught 'a library' "$(printf '%s\n' "$line [libisal.so.2]" | check_needed)"
}

if (($# != 2)) || [[ ! -d $1/src/ring || ! -f $2/compile_commands.json ]]; then
  echo "usage: ${0##*/} ROOT BUILD: the top of the source tree, a build of it" >&2
  exit 2
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
rules=0
prove
root=$(cd "$1" && pwd)
objects=$2/src/engine/CMakeFiles/bellpull_engine.dir
program=$2/test/engine/operation_contract
# In a unity build there are less of them than files.
mapfile -t compiled < <(find "$objects" -name '*.o' -not -path '*/kernels/*')
if ((${#compiled[@]} < 5)) || [[ ! -x $program ]]; then
  echo "the engine and its tests are not built in $2; build it first" && exit 1
fi
said=$(
  check_sources "$root"
  # What the kernels are called by is theirs: bellpull::engine::kernels.
  nm -C "${compiled[@]}" | grep -vE 'kernels::' | check_symbols
  check_flags "$2/compile_commands.json"
  readelf -d "$program" | check_needed
)
[[ -z $said ]] || { echo "$said" && exit 1; }
echo "$rules breaches caught; $(core_files "$root" | wc -l) files and ${#compiled[@]} objects are in order"
