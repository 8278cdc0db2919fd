#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# TCP and UDP through `patch` with mixtures of offloads on the two ports: what arrives is what was
# sent, and no frame is lost unexplained. In the long run with each style, engine and io.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=nic_lib.sh
source "$here/nic_lib.sh"
begin "$@"
command -v python3 >/dev/null || skip "python3 is not installed (test/run installs it)"

add_namespace west
add_namespace east

# bytes_through ADDRESS DATAGRAM: there and back, looked at.
bytes_through() {
  ip netns exec east python3 "$here/offload_traffic.py" server "$1" &
  local server=$!
  wait_for_listener east 5400
  ip netns exec west python3 "$here/offload_traffic.py" client "$1" 1000000 "$2" \
    >"$WORK/client" 2>&1 ||
    fail "to $1: $(cat "$WORK/client")"
  wait "$server"
}

# mixture OFFLOAD OFFLOAD MTU OPTION...
mixture() {
  local mtu=$3 ipv6=() what="$*"
  ((mtu < 1280)) || ipv6=(",ip=fd98::1/64" ",ip=fd98::2/64")
  start_nic "tap:w0,netns=west,ip=10.98.0.1/24,mtu=$mtu,offload=$1${ipv6[0]:-}" \
    "tap:e0,netns=east,ip=10.98.0.2/24,mtu=$mtu,offload=$2${ipv6[1]:-}" --app patch "${@:4}"
  local datagram=$((mtu < 1100 ? mtu - 48 : 1000))
  bytes_through 10.98.0.2 "$datagram"
  ((mtu < 1280)) || bytes_through fd98::2 "$datagram"
  stop_nic
  local lost
  lost=$(stat_of '[.ports[].queues[] | (.rx_dropped, .tx_dropped)[]] | add // 0')
  # The socket buffers of TCP may be larger than a port's ring or its backlog; nothing else is a reason.
  local full
  full=$(stat_of '[.ports[].queues[] | .tx_dropped.ring_full // 0, .rx_dropped.backlog_full // 0] | add')
  [ "$lost" = "$full" ] || fail "$what: frames were dropped: $(cat "$WORK/nic.json")"
  echo "ok: $what: $lost dropped"
}

mtus=(68 576 1500 9000 65521)
styles=(push push-backlog push-pause notify poll virtqueue)
offloads=(auto off csum csum+tso4 csum+tso6+uso)
number=0
for one in "${offloads[@]}"; do
  for other in "${offloads[@]}"; do
    for mtu in "${mtus[@]}"; do
      number=$((number + 1))
      if [ -n "${BELLPULL_LONG:-}" ]; then
        for style in "${styles[@]}"; do
          for engine in driven thread; do
            for io in syscall uring; do
              mixture "$one" "$other" "$mtu" --style "$style" --engine "$engine" --io "$io"
            done
          done
        done
      elif ((number % 15 == 1)); then
        # In turn, so that each value of each meets many of the others.
        turn=$((number / 15))
        ((turn % 2)) && io=uring || io=syscall
        ((turn / 3 % 2)) && engine=thread || engine=driven
        mixture "$one" "$other" "${mtus[turn % 5]}" --style "${styles[turn % 6]}" --io "$io" \
          --engine "$engine"
      fi
    done
  done
done

echo "all mixtures passed"
