#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs what was built, moves the prefix, and looks for anything that still names a place of this
# machine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

rm -rf "$PREFIX" "$WORK/staged"
must cmake --install "$BUILD" --prefix "$WORK/staged"
mv "$WORK/staged" "$PREFIX"

if grep -rIlF -e "$WORK" -e "$BUILD" -e "$ROOT" "$PREFIX"; then
  fail 'the files above name the place where they were built or installed'
fi
# Everything public came along, and nothing else.
for component in ring engine netdrv; do
  diff <(cd "$ROOT/src/$component/include" && find . -type f | sort) \
    <(cd "$PREFIX/include" && find "./bellpull/$component" -type f | sort) ||
    fail "the headers of $component differ"
  printf 'ok: headers of %s\n' "$component"
done
