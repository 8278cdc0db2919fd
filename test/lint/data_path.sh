#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# data_path.sh ROOT BUILD CXX: nothing on the data path ends the program or raises a signal, and the
# device half of a channel throws nothing: neither the sources nor what was compiled from them say
# so. Each rule is first shown to catch a breach of it.
set -euo pipefail

# What ends a program or signals it, in the text. A member may be called so.
deadly='(^|[^[:alnum:]_.>:~])(::|std::)?(abort|exit|_exit|_Exit|quick_exit|assert|raise|kill|tgkill|pthread_kill|sigqueue|longjmp|__builtin_trap)[[:space:]]*\(|std::(terminate|abort|unexpected|rethrow_exception)'
# The same where it is linked.
deadly_symbols='^(abort|exit|_exit|_Exit|quick_exit|__assert_fail|raise|kill|tgkill|pthread_kill|sigqueue|longjmp|_ZSt9terminatev|_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE)$'

# What the engine's thread calls once channels are open.
device_half='(channel_device|operation_(device|taking)|stream_device|transfer_parts|segment_walk|recent_failures|operation_records)\.(cpp|hpp)'

# Prints code without comments and strings, a line each, with file and number before it.
code_of() {
  awk '
    FNR == 1 { inside = 0 }
    {
      line = $0
      gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
      while (1) {
        if (inside) {
          at = index(line, "*/")
          if (!at) { line = ""; break }
          line = substr(line, at + 2); inside = 0
        }
        at = match(line, /\/\*/)
        if (!at) break
        rest = substr(line, at + 2); end = index(rest, "*/")
        if (!end) { line = substr(line, 1, at - 1); inside = 1; break }
        line = substr(line, 1, at - 1) substr(rest, end + 2)
      }
      sub(/\/\/.*/, "", line)
      if (line != "") print FILENAME ":" FNR ": " line
    }' "$@"
}

# Checks the sources below ROOT, prints each breach.
check_sources() {
  local -a files halves interfaces
  mapfile -t files < <(find "$1"/src/{ring,engine,netdrv} -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \))
  mapfile -t halves < <(printf '%s\n' "${files[@]}" | grep -E "/$device_half\$")
  mapfile -t interfaces < <(printf '%s\n' "${files[@]}" | grep -E '/(backend|channel_device)\.hpp$')
  if ((${#files[@]} < 3 || ${#interfaces[@]} != 2)); then
    echo "no source found below $1" && return
  fi
  ((${#halves[@]})) || halves=(/dev/null)
  code_of "${files[@]}" | grep -E "^[^:]*:[0-9]+: .*" | awk -v deadly="$deadly" '
    { code = $0; sub(/^[^:]*:[0-9]+: /, "", code); gsub(/static_assert/, "", code) }
    code ~ deadly { print $0 ": ends the program or raises a signal" }'
  code_of "${halves[@]}" | grep -E '(^|[^[:alnum:]_])throw([^[:alnum:]_]|$)' |
    sed 's/$/: the device half throws nothing/' || true
  # A function that says noexcept and throws does not compile (-Wterminate).
  code_of "${interfaces[@]}" | tr '\n' ' ' | grep -oE 'virtual [^;{]*[;{]' |
    grep -vE 'noexcept|virtual ~' | sed 's/$/: what the engine calls is noexcept/' || true
}

# Checks object files and archives, given as arguments.
check_objects() {
  local line file symbol
  while read -r line; do
    file=${line%%: *}
    symbol=${line##* }
    if [[ $symbol =~ $deadly_symbols ]]; then
      # The destructor of std::thread names it; the threads are joined before.
      [[ $symbol == _ZSt9terminatev && $file =~ :(capture|capture_writer|engine_changes|instance|instance_thread|nic_ports).cpp.o$ ]] &&
        continue
      echo "$file: needs $symbol, which ends the program or raises a signal"
    elif [[ $symbol == __cxa_throw && $file =~ :(operation_(device|taking)|stream_device).cpp.o$ ]]; then
      echo "$file: the device half throws"
    fi
  done < <(nm --print-file-name --undefined-only "$@" 2>/dev/null)
}

# must_catch WHAT CHECK ARGUMENT...: the check says something.
must_catch() {
  local what=$1
  shift
  [[ -n $("$@") ]] || { echo "the check does not catch $what" && exit 1; }
  rules=$((rules + 1))
}

plant() { # FILE LINE: in the small tree
  printf '%s\n' "$2" >>"$scratch/$1"
  must_catch "'$2' in $1" check_sources "$scratch"
  sed -i '$d' "$scratch/$1"
}

prove_sources() {
  local file line
  mkdir -p "$scratch"/src/{ring,engine,netdrv}
  printf '%s\n' 'static_assert(1 == 1);' '// abort(1);' 'channel.kill(3); x->raise();' \
    'const char* text = "exit(1)"; /* assert(no) */ void exits();' >"$scratch/src/ring/a.hpp"
  printf '%s\n' '[[noreturn]] void fail() { throw 1; }' >"$scratch/src/engine/engine.cpp"
  printf '%s\n' 'virtual ~Backend() = default;' 'virtual void pause() noexcept {}' 'virtual int' \
    'stop() noexcept = 0;' >"$scratch/src/engine/backend.hpp"
  cp "$scratch/src/engine/backend.hpp" "$scratch/src/engine/channel_device.hpp"
  [[ -z $(check_sources "$scratch") ]] || { echo 'the check refuses a tree in order' && exit 1; }
  for file in src/ring/a.hpp src/engine/engine.cpp src/netdrv/n.cpp; do
    for line in 'abort();' 'std::abort();' ' ::exit(1);' 'if (x) assert(x);' 'std::terminate();' \
      'raise(SIGPIPE);' '::kill(::getpid(), 9);' 'return (_exit(1), 2);' '__builtin_trap();'; do
      plant "$file" "$line"
    done
  done
  for line in 'throw 1;' 'if (bad) throw Error{};'; do
    plant src/engine/operation_device.cpp "$line"
    plant src/engine/transfer_parts.hpp "$line"
  done
  plant src/engine/backend.hpp 'virtual void resume();'
}

# compile NAME CODE: into an archive, as a build has it.
compile() {
  mkdir -p "$scratch/objects/$1"
  printf '%s\n' "$2" >"$scratch/objects/$1/$1"
  "$cxx" -std=c++20 -O1 -c -x c++ "$scratch/objects/$1/$1" -o "$scratch/objects/$1/$1.o"
  ar rc "$scratch/objects/$1/lib.a" "$scratch/objects/$1/$1.o"
}

prove_objects() {
  local name
  compile quiet.cpp 'int twice(int x) noexcept { return 2 * x; }'
  [[ -z $(check_objects "$scratch/objects/quiet.cpp/lib.a") ]] ||
    { echo 'the check refuses an object in order' && exit 1; }
  compile aborts.cpp $'#include <cstdlib>\nvoid f() { std::abort(); }'
  compile asserts.cpp $'#include <cassert>\nvoid f(int x) { assert(x); }'
  compile raises.cpp $'#include <csignal>\nvoid f() { std::raise(SIGPIPE); }'
  compile operation_device.cpp 'void f() { throw 1; }'
  for name in aborts asserts raises operation_device; do
    must_catch "$name.cpp" check_objects "$scratch/objects/$name.cpp/lib.a"
  done
}

if (($# != 3)) || [[ ! -d $1/src/ring ]]; then
  echo "usage: ${0##*/} ROOT BUILD CXX: the top of the source tree, a build of it, a compiler" >&2
  exit 2
fi
cxx=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
rules=0
prove_sources
prove_objects
mapfile -t archives < <(find "$2/src" -name 'libbellpull_*.a')
((${#archives[@]} >= 3)) || { echo "no libraries found below $2; build it first" && exit 1; }
said=$(check_sources "$(cd "$1" && pwd)" && check_objects "${archives[@]}")
[[ -z $said ]] || { echo "$said" && exit 1; }
echo "$rules breaches caught; the sources and ${#archives[@]} libraries are in order"
