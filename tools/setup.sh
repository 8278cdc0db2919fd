# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced by tools/demo and test/run: which Debian packages each needs, and how a preset is built.
# Expects $root (the checkout) and $me (the line a reader has to type, without sudo).
: "${root:?}" "${me:?}"

# The arrays are for whoever sources this file.
# shellcheck disable=SC2034
readonly build_packages=(cmake g++ libcap-ng-dev libcli11-dev libfmt-dev libmnl-dev libpcap-dev
  libseccomp-dev liburing-dev ninja-build nlohmann-json3-dev pkgconf)
# shellcheck disable=SC2034
readonly demo_packages=(iperf3 iproute2 iputils-ping jq)
# shellcheck disable=SC2034
readonly test_packages=(bpftool clang clang-format clang-tidy doctest-dev dpdk-dev doxygen ethtool
  g++-aarch64-linux-gnu iputils-arping libbenchmark-dev libboost-dev libbpf-dev libck-dev libconcurrentqueue-dev
  libdpdk-dev libreaderwriterqueue-dev librte-dma-skeleton23 librte-mempool-ring23 librte-net-tap23 librte-net-vhost23 librte-net-virtio23 lld procps python3
  qemu-user shellcheck socat strace tshark)
# shellcheck disable=SC2034
readonly long_test_packages=(debootstrap)

# Debian keeps some of the programs out of an ordinary user's search path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s: %s\n' "$me" "$1"; }

fail() {
  printf '%s: %s\n' "$me" "$1" >&2
  exit "${2:-1}"
}

# Prints those of the named packages that are not installed, one in a line.
missing_packages() {
  local package
  for package; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed* ]] ||
      printf '%s\n' "$package"
  done
}

# install_missing <package>...: needs root only if something is missing.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here, so it is taken for granted that these are installed: $*"
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || fail "these Debian packages are missing: ${missing[*]}; type: sudo $me"
  say "installs these Debian packages, which stay installed: ${missing[*]}"
  # Not put into the background like other steps: an interrupted dpkg leaves a half-installed system.
  export DEBIAN_FRONTEND=noninteractive
  local options=(-q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  apt-get "${options[@]}" update </dev/null ||
    say "apt-get update failed; goes on with the package lists that are there"
  apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null ||
    fail "apt-get could not install ${missing[*]}; its reason is above; then type: sudo $me"
}

# configure_preset <preset> [option]...: with --fresh when the tree was copied, because CMake refuses
# to reuse a cache that another directory made.
configure_preset() {
  local cache=$root/build/$1/CMakeCache.txt fresh=()
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    fresh=(--fresh)
  fi
  (cd "$root" && cmake --preset "$@" "${fresh[@]}" >/dev/null)
}

# build_preset <preset> [option of cmake --build]...
build_preset() {
  (cd "$root" && cmake --build --preset "$@" --parallel "$(nproc)")
}

# What root built in somebody's checkout shall belong to that somebody.
give_back_build() {
  if ((EUID == 0)) && [[ -d $root/build ]]; then
    chown -R --no-dereference --reference="$root" "$root/build"
  fi
}
