#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. What tools/demo does for an ordinary user, and how it answers wrong usage.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"
enter_private_world "$@"
root=$2
as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent)

# run_demo <expected status> <command>...: output in $work/output.
run_demo() {
  local expected=$1 status=0
  shift
  echo "$*"
  "$@" >"$work/output" 2>&1 </dev/null || status=$?
  sed 's/^/    /' "$work/output"
  [[ $status == "$expected" ]] || flunk "it ended with $status instead of $expected"
}

one_line_with() {
  [[ $(grep -c . "$work/output") == 1 ]] || flunk 'it says more or less than one line'
  grep -qF -- "$1" "$work/output" || flunk "it does not say '$1'"
}

# The machine's own device file keeps its mode; the demo sees this one.
offer_tun() {
  mknod -m "$1" "$work/tun-$1" c 10 200
  mount --bind "$work/tun-$1" /dev/net/tun
}

run_demo 2 "$root/tools/demo" --nonsense
one_line_with 'type: tools/demo --help'
run_demo 0 "$root/tools/demo" --help

# A checkout in a home directory may be closed to the user of this test.
demo=/run/checkout/tools/demo
"${as_user[@]}" test -x "$demo" -a -x /run/checkout/build/release/tools/bellpull ||
  skip 'others may not read this checkout (type: chmod -R o+rX .)'

offer_tun 600
run_demo 1 "${as_user[@]}" "$demo" --no-build
one_line_with 'type: sudo tools/demo'
umount /dev/net/tun

offer_tun 666
"${as_user[@]}" unshare --user --map-root-user --net true ||
  skip 'users may not make namespaces on this machine (see sysctl user.max_user_namespaces)'
take_before "$root"
run_demo 0 "${as_user[@]}" "$demo" --no-build --quick
same_as_before 'tools/demo without root' "$root"
umount /dev/net/tun
echo 'passed: works without root, and nothing was left behind'
