#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The compiler's command line as pkg-config has it; the prefix lies where nothing looks by itself.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

command -v pkg-config >/dev/null || skip 'no pkg-config here; the Debian package is pkgconf'
directory=$(fresh pkg_config)
PKG_CONFIG_PATH=$(dirname "$(find "$PREFIX" -name bellpull-ring.pc)")
export PKG_CONFIG_PATH

for component in ring engine netdrv conformance; do
  package=bellpull-$component
  must pkg-config --validate "$package"
  read -ra compile < <(pkg-config --cflags "$package")
  read -ra link < <(pkg-config --libs "$package") || true
  must "$CXX" "${STRICT[@]}" "${compile[@]}" "$HERE/use_$component.cpp" \
    -o "$directory/use_$component" "${link[@]}"
  run_user "$directory/use_$component" "$component"
done
must pkg-config --validate bellpull-ring-c
read -ra compile < <(pkg-config --cflags bellpull-ring-c)
read -ra link < <(pkg-config --libs bellpull-ring-c) || true
must "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror "${compile[@]}" "$HERE/use_ring_c.c" \
  -o "$directory/use_ring_c" "${link[@]}"
run_user "$directory/use_ring_c" ring_c
[[ $(pkg-config --libs bellpull-ring) != *pthread* ]] || fail 'ring asks for threads'
must_refuse 'bellpull-ring' pkg-config --print-errors "bellpull-ring > $VERSION"
