# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the tests of this folder, which ctest gives the environment named here.
# The variables are for them.
# shellcheck disable=SC2034
: "${ROOT:?the source tree}" "${BUILD:?what was built of it}" "${CXX:?the compiler}"
: "${VERSION:?of the project}" "${CMAKE_GENERATOR:?for the projects built here}"
readonly HERE=$ROOT/test/embed
readonly WORK=$BUILD/embed
# Where install_test.sh leaves what it installed.
readonly PREFIX=$WORK/prefix
readonly STRICT=(-std=c++20 -Wall -Wextra -Wpedantic -Werror)
# What the caller's own shell would let CMake and pkg-config find besides.
unset bellpull_DIR bellpull_ROOT PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR CXXFLAGS

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}

skip() {
  printf 'SKIPPED: %s\n' "$1"
  exit 77
}

# must COMMAND...: quiet unless it fails.
must() {
  local said
  said=$("$@" 2>&1) || fail "$*: $said"
}

# must_refuse WORDS COMMAND...: it fails, and says WORDS, however its lines are broken.
must_refuse() {
  local words=$1 said
  shift
  if said=$("$@" 2>&1); then fail "did not refuse: $*"; fi
  said=$(tr -s '[:space:]' ' ' <<<"$said")
  [[ $said == *"$words"* ]] || fail "$* refused without saying '$words': $said"
  printf 'ok: refused with: %s\n' "$words"
}

# fresh NAME: prints an empty directory for a project's build.
fresh() {
  rm -rf "${WORK:?}/$1"
  mkdir -p "$WORK/$1"
  printf '%s\n' "$WORK/$1"
}

# configure PROJECT DIRECTORY OPTION...
configure() {
  cmake -S "$1" -B "$2" -DCMAKE_CXX_COMPILER="$CXX" -Wdev -Werror=dev "${@:3}"
}

# run_user PROGRAM COMPONENT: it works, and was compiled with the headers of this version.
run_user() {
  local said
  said=$(timeout 300 "$1") || fail "$1: $said"
  [[ $said == "$2 $VERSION" ]] || fail "$1 said '$said', not '$2 $VERSION'"
  printf 'ok: %s\n' "$said"
}

# build_users DIRECTORY COMPONENT...: builds what is configured there and runs its programs.
build_users() {
  must cmake --build "$1" --parallel 1
  local component
  for component in "${@:2}"; do
    run_user "$1/use_$component" "$component"
  done
}
