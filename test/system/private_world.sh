# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the tests of this folder. They run as the first process of namespaces of their own, so
# that a comparison of before and after sees all that tools/demo could leave and nothing that others
# do on the machine meanwhile:
#
#   machine
#     '- PID, mount and (unless --keep-network) network namespace     of the test; compared here
#          '- PID, mount and network namespace                        of tools/demo
#               |- network namespace left
#               '- network namespace right

readonly work=/run/test

skip() {
  printf 'SKIPPED: %s\n' "$1"
  exit 77
}

flunk() {
  printf 'failed: %s\n' "$1"
  exit 1
}

# enter_private_world [--keep-network] <arguments of the script>: comes back inside.
enter_private_world() {
  local namespaces=(--mount --pid --fork --kill-child --mount-proc)
  if [[ ${1:-} == --keep-network ]]; then
    shift
  else
    namespaces+=(--net)
  fi
  if [[ ${1:-} == --inside ]]; then
    hide_machine "$2"
    return
  fi
  ((EUID == 0)) || skip 'it makes namespaces and mounts (run the tests as root)'
  [[ -c /dev/net/tun ]] || skip 'there is no /dev/net/tun (type: modprobe tun)'
  unshare "${namespaces[@]}" true || skip 'namespaces cannot be made here (try it on a real machine)'
  exec unshare "${namespaces[@]}" "$BASH" "$0" --inside "$@"
}

# Empties /run and /tmp for the test, but for the checkout, which may well lie in there.
hide_machine() {
  # Mounts of the machine's namespaces; they vanish from here, too, when it deletes one.
  ! mountpoint -q /run/netns || umount --recursive --lazy /run/netns
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir "$work" /run/checkout /run/netns
  mount --bind "$1" /run/checkout
  mount -t tmpfs tmpfs /tmp
  mkdir -p "$1"
  mount --bind /run/checkout "$1"
  # Ordinary machines share their mounts. Shared again, in a circle that ends with this test, a mount
  # that tools/demo does not keep to itself comes to light.
  mount --make-rshared /
}

# Prints what there is: interfaces, namespaces, mounts, processes and files.
snapshot() {
  local directory
  printf 'interface %s\n' "$(ip -o link show | cut -d: -f2)"
  printf 'namespace %s\n' "$(ip netns list)"
  printf 'mounts %s\n' "$(cut -d' ' -f5 /proc/self/mountinfo)"
  printf 'processes %s\n' "$(ps -e -o comm=)"
  find /run /tmp \( -path "$1" -o -path /run/checkout -o -path "$work" \) -prune -o -print
  for directory; do
    find "$directory" \( -name build -o -name .git \) -prune -o -print
  done
}

# take_before <directory>..., then same_as_before <what happened> <the same directories>...
take_before() { snapshot "$@" >"$work/before"; }
same_as_before() {
  snapshot "${@:2}" >"$work/after"
  diff "$work/before" "$work/after" || flunk "$1: left behind what the lines above say"
}
