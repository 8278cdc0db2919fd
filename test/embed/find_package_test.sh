#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# find_package() of an installed prefix: each component alone, all at once, without COMPONENTS; and
# what it says when it cannot.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=embed_lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/embed_lib.sh"

directory=$(fresh find_package)
find_it() {
  local name=$1
  shift
  # A user links the archives, whatever their own sources were made with.
  configure "$HERE/find_package" "$directory/$name" -DCMAKE_PREFIX_PATH="$PREFIX" \
    -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON "$@"
}

must find_it all '-DUSE=ring;engine;netdrv'
build_users "$directory/all" ring engine netdrv
must find_it conformance -DUSE=conformance
build_users "$directory/conformance" conformance
must find_it c_program -DLANGUAGE=C -DUSE=ring_c
build_users "$directory/c_program" ring_c
must find_it everything -DASK= '-DUSE=ring;engine;netdrv'
for component in ring engine netdrv; do
  must find_it "only_$component" -DASK="COMPONENTS;$component" -DUSE="$component"
done
must find_it ring_only -DASK='COMPONENTS;ring' -DUSE=ring -DMUST_LACK='engine;netdrv'
# Without threads there is an engine no more, but still the rings.
must find_it no_threads -DUSE=ring -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON
must find_it optional -DASK='COMPONENTS;ring;OPTIONAL_COMPONENTS;rnig' -DUSE=ring -DMUST_LACK=rnig
must find_it optional_engine -DASK='COMPONENTS;ring;OPTIONAL_COMPONENTS;engine' -DUSE=ring \
  -DMUST_LACK=engine -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON

must_refuse "has no component 'rnig', only: conformance, engine, netdrv, ring, ring_c" \
  find_it wrong_component -DASK='COMPONENTS;ring;rnig' -DUSE=ring
must_refuse "'engine' needs the package 'Threads'" \
  find_it needs_threads -DUSE=engine -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON
IFS=. read -r major minor patch <<<"$VERSION"
for wrong in "$major.$((minor + 1))" "$((major + 1)).0" "$major.$minor.$((patch + 1))"; do
  must_refuse "requested version \"$wrong\"" find_it "version_$wrong" -DASK="$wrong" -DUSE=ring
done
if ((major == 0 && minor > 0)); then
  must_refuse 'requested version' find_it older -DASK="0.$((minor - 1))" -DUSE=ring
fi
