#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: ROOT. In a Debian 12 that was installed a moment ago and never saw this project, the
# first command works twice in a row and leaves nothing behind. Needs the network: packages come
# from the mirror that this machine's own apt uses.
set -euo pipefail
# shellcheck source=test/system/private_world.sh
source "$(dirname "$0")/private_world.sh"

mirror() {
  # shellcheck disable=SC2016  # apt's variables, not ours
  apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" && $2 == "main" && !found { print $3; found = 1 }'
}

install_debian() {
  local from
  from=$(mirror) || true
  [[ -n $from ]] || skip "this machine's apt knows no mirror of Debian 12"
  eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
  export http_proxy https_proxy
  # Killed half-way, it would leave /proc mounted in the tree; this way the mount goes with it.
  unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase bookworm "$tree" "$from" || flunk 'debootstrap failed'
  apt-config dump Acquire | grep -E '^Acquire::(Check|Max|Retries|https?::)' \
    >"$tree/etc/apt/apt.conf.d/90machine" || true
  cat /etc/resolv.conf >"$tree/etc/resolv.conf"
}

remove_tree() {
  # With a mount still in there, rm would reach beyond the tree.
  ! grep -qF " $tree/" /proc/self/mountinfo || flunk "something is still mounted below $tree"
  rm -rf --one-file-system "$tree"
}

# Outside: a tree is 2 GB when the compilers are in, too much for a /tmp in memory.
if [[ $1 != --keep-network && $1 != --inside ]]; then
  ((EUID == 0)) || skip 'it makes namespaces and mounts (run the tests as root)'
  command -v debootstrap >/dev/null || skip 'there is no debootstrap (type: apt-get install debootstrap)'
  tree=$(mktemp -d /var/tmp/bellpull-debootstrap.XXXXXX)
  chmod 755 "$tree"
  trap remove_tree EXIT
  trap 'exit 1' HUP INT TERM
  install_debian
  status=0
  "$BASH" "$0" --keep-network "$1" "$tree" || status=$?
  exit "$status"
fi

enter_private_world "$@"
root=$2
tree=$3
checkout=/srv/bellpull
mkdir "$tree$checkout"
tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$tree$checkout" -xf -
touch "$tree/run/adduser" # the lock file of a script that a package runs
compared=("$tree/run" "$tree/tmp" "$tree/var/tmp" "$tree/root" "$tree$checkout")

run_demo() {
  echo "tools/demo, $1"
  chroot "$tree" /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    "$checkout/tools/demo" "${@:2}" </dev/null 2>&1 || flunk "$1: tools/demo ended with an error"
  same_as_before "$1" "${compared[@]}"
}

# The tree itself is no mount, as in a chroot made by hand: the demo has to cope with that.
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
take_before "${compared[@]}"
run_demo 'the first time'
run_demo 'the second time'
umount --recursive "$tree/dev"
umount --recursive "$tree/sys"
take_before "${compared[@]}"
run_demo 'without /sys and with the few devices of a bare tree' --quick
echo 'passed: nothing was left behind'
