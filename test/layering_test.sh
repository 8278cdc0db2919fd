#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# layering_test.sh ROOT: who may include whom. ring <- engine <- netdrv <- tools; each rule is first
# shown to catch a breach of it, in a small tree made for that.
set -euo pipefail

rank_of() {
  case $1 in
    ring) echo 0 ;;
    engine) echo 1 ;;
    netdrv) echo 2 ;;
    tools) echo 3 ;;
    *) echo 9 ;; # no component: above all of them
  esac
}

# Prints why FILE of COMPONENT (public header: PUBLIC=1) must not include the standard header NAME,
# or nothing.
judge_standard() {
  local component=$1 name=$2
  [[ $component == tools ]] && return
  case $name in
    iostream | fstream | print | syncstream) echo "the library never prints" ;;
    thread | mutex | shared_mutex | condition_variable | future | semaphore | latch | barrier | stop_token)
      [[ $component == ring ]] && echo "ring knows no threads" ;;
    filesystem | regex | locale | stdexcept | system_error | exception | typeinfo | typeindex)
      [[ $component == ring ]] && echo "ring is index arithmetic, without exceptions" ;;
  esac
  return 0
}

# The same for a header of the system or of another project, in FILE.
judge_foreign() {
  local component=$1 public=$2 name=$3 file=$4
  case $name in
    doctest/* | benchmark/*) echo "only test and bench may use it" ;;
    fmt/* | CLI/* | nlohmann/*) [[ $component == tools ]] || echo "only tools may use it" ;;
    *)
      if [[ $component == ring && $name != linux/virtio_ring.h ]]; then
        # Shared memory and the bell need the system; nothing else of the ring does.
        [[ $file == src/ring/@(shared_region|doorbell).cpp &&
          $name == @(fcntl.h|poll.h|unistd.h|sys/*) ]] ||
          echo "ring knows the standard library and linux/virtio_ring.h"
      elif [[ $public == 1 && $name != linux/*.h ]]; then
        echo "a public header exposes the standard library and the kernel's UAPI only"
      elif [[ $component == engine ]]; then
        case $name in
          linux/if_* | linux/if.h | linux/netlink.h | linux/rtnetlink.h | linux/virtio_net.h | net/* | \
            netinet/* | netpacket/* | arpa/* | sys/socket.h | sys/un.h)
            echo "engine knows no Ethernet, no sockets, no TAP" ;;
        esac
      fi
      ;;
  esac
  return 0
}

# The same for any include, in FILE, between QUOTE ('"' or '<') and its end.
judge() {
  local root=$1 component=$2 public=$3 file=$4 quote=$5 name=$6
  if [[ $name == bellpull/* ]]; then
    local other=${name#bellpull/}
    other=${other%%/*}
    if (($(rank_of "$other") > $(rank_of "$component"))); then
      echo "$component must not know $other"
    elif [[ ! -e $root/src/$other/include/$name ]]; then
      echo "$other has no such public header"
    fi
  elif [[ $quote == '"' ]]; then
    if [[ $name == *..* ]]; then
      echo "no way around the include roots"
    elif [[ $public == 1 ]]; then
      echo "a public header includes public headers only"
    elif [[ $name == *.skel.h ]]; then
      # Made of a BPF program when the project is built.
      [[ $component == tools && -e $root/tools/${name%.skel.h}.bpf.c ]] ||
        echo "tools has no such BPF program"
    elif [[ ! -e $(dirname "$file")/$name && ! ($component == tools && -e $root/tools/$name) ]]; then
      echo "no such file beside it"
    fi
  elif [[ ($name != */* && $name != *.*) || $name == @(stddef|stdint).h ]]; then
    judge_standard "$component" "$name"
  else
    judge_foreign "$component" "$public" "$name" "${file#"$root"/}"
  fi
}

# Checks the tree below ROOT, prints each breach, leaves their number in `breaches` and the number
# of includes in `seen`.
check_tree() {
  local root=$1 component directory file line quote name reason public
  local pattern='^([0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]+)'
  breaches=0
  seen=0
  for component in ring engine netdrv tools; do
    directory=$root/src/$component
    [[ $component == tools ]] && directory=$root/tools
    [[ -d $directory ]] || continue
    while IFS= read -r -d '' file; do
      public=0
      [[ $file == "$root/src/$component/include/"* ]] && public=1
      while IFS= read -r line; do
        [[ $line =~ $pattern ]] || continue
        quote=${BASH_REMATCH[2]} name=${BASH_REMATCH[3]}
        seen=$((seen + 1))
        reason=$(judge "$root" "$component" "$public" "$file" "$quote" "$name")
        [[ -z $reason ]] && continue
        echo "${file#"$root"/}:${BASH_REMATCH[1]}: includes $name: $reason"
        breaches=$((breaches + 1))
      done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" || true)
    done < <(find "$directory" -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' \) -print0)
  done
}

# must_catch FILE INCLUDE: a tree that is in order but for this line in this file is refused.
must_catch() {
  printf '#include %s\n' "$2" >>"$scratch/$1"
  check_tree "$scratch" >"$scratch/said"
  if ((breaches != 1)) || ! grep -q "^$1:" "$scratch/said"; then
    echo "the check does not catch '#include $2' in $1" && exit 1
  fi
  rules=$((rules + 1))
  sed -i '$d' "$scratch/$1"
}

prove_rules() {
  local ring=src/ring/include/bellpull/ring/r.hpp engine=src/engine/include/bellpull/engine/e.hpp
  local netdrv=src/netdrv/include/bellpull/netdrv/n.hpp
  rules=0
  mkdir -p "$scratch"/{tools,src/{ring,engine,netdrv}/include/bellpull}
  mkdir "$scratch"/src/ring/include/bellpull/ring "$scratch"/src/engine/include/bellpull/engine \
    "$scratch"/src/netdrv/include/bellpull/netdrv
  printf '#include <%s>\n' cstdint stdint.h linux/virtio_ring.h >"$scratch/$ring"
  printf '#include %s\n' '"bellpull/ring/r.hpp"' '<vector>' >"$scratch/$engine"
  printf '#include %s\n' '"bellpull/engine/e.hpp"' '<linux/if_tun.h>' >"$scratch/$netdrv"
  printf '#include %s\n' '"own.hpp"' '<sys/uio.h>' '<thread>' >"$scratch/src/engine/e.cpp"
  : >"$scratch/src/engine/own.hpp"
  printf '#include %s\n' '<sys/eventfd.h>' '<unistd.h>' >"$scratch/src/ring/doorbell.cpp"
  printf '#include <cstdint>\n' >"$scratch/src/ring/other.cpp"
  printf '#include %s\n' '<sys/socket.h>' '<net/if.h>' >"$scratch/src/netdrv/n.cpp"
  printf '#include %s\n' '<fmt/format.h>' '"bellpull/netdrv/n.hpp"' >"$scratch/tools/main.cpp"
  printf '#include "p.skel.h"\n' >"$scratch/tools/p.cpp"
  : >"$scratch/tools/p.bpf.c"
  check_tree "$scratch"
  ((breaches == 0 && seen == 18)) || { echo "the check refuses a tree in order" && exit 1; }

  must_catch "$ring" '<thread>'
  must_catch "$ring" '<system_error>'
  must_catch "$ring" '<unistd.h>'
  must_catch "$ring" '<stdio.h>'
  must_catch "$ring" '<sys/eventfd.h>'
  must_catch "$ring" '<linux/if_tun.h>'
  must_catch "$ring" '<boost/lockfree/spsc_queue.hpp>'
  must_catch "$ring" '"bellpull/engine/e.hpp"'
  must_catch "$ring" '<bellpull/netdrv/n.hpp>'
  must_catch src/ring/doorbell.cpp '<thread>'
  must_catch src/ring/doorbell.cpp '<linux/if_tun.h>'
  must_catch src/ring/other.cpp '<unistd.h>'
  must_catch "$engine" '<iostream>'
  must_catch "$engine" '<sys/uio.h>'
  must_catch "$engine" '<liburing.h>'
  must_catch "$engine" '"own.hpp"'
  must_catch "$engine" '"bellpull/netdrv/n.hpp"'
  must_catch src/engine/e.cpp '<linux/if_tun.h>'
  must_catch src/engine/e.cpp '<sys/socket.h>'
  must_catch src/engine/e.cpp '<fmt/format.h>'
  must_catch src/engine/e.cpp '"../netdrv/n.cpp"'
  must_catch src/engine/e.cpp '"missing.hpp"'
  must_catch src/engine/e.cpp '  "bellpull/ring/missing.hpp"'
  must_catch "$netdrv" '<sys/socket.h>'
  must_catch "$netdrv" '<nlohmann/json.hpp>'
  must_catch src/netdrv/n.cpp '<CLI/CLI.hpp>'
  must_catch src/netdrv/n.cpp '"bellpull/tools/options.hpp"'
  must_catch tools/main.cpp '<doctest/doctest.h>'
  must_catch tools/main.cpp '"../src/engine/own.hpp"'
  must_catch tools/main.cpp '"q.skel.h"'
  must_catch src/netdrv/n.cpp '"p.skel.h"'
}

if (($# != 1)) || [[ ! -d $1/src/ring ]]; then
  echo "usage: ${0##*/} ROOT, the top of the source tree" >&2
  exit 2
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prove_rules
check_tree "$(cd "$1" && pwd)"
if ((seen == 0)); then
  echo "no include line found below $1" && exit 1
fi
echo "$rules rules proved, $seen includes looked at, $breaches not allowed"
((breaches == 0))
