#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Wrong usage: exit 2, one line, nothing touched. Needs no privilege.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

interfaces_before=$(ls /sys/class/net)
ok=(--address 10.99.0.2/24)

# help is compared word for word
for command in "" run set compare dmatest generate probe; do
  name=${command:-bellpull}
  # shellcheck disable=SC2086 # no command is no argument
  printed "help of $name" "$bellpull" $command --help
  expect "help of $name is as agreed" diff "$here/golden/$name.txt" "$work/printed"
done
printed "the version" "$bellpull" --version
expect "the version is one line" grep -qxE 'bellpull [0-9]+\.[0-9]+\.[0-9]+' "$work/printed"

# commands
refused 2 "no command is given: use run, set, compare, dmatest, generate or probe"
refused 2 "there is no command 'fly': use run, set, compare, dmatest, generate or probe" fly
for later in top stats; do
  refused 2 "$later comes in a later version: use run, set, compare, dmatest, generate or probe" "$later"
  refused 2 "$later comes in a later version: use run, set, compare, dmatest, generate or probe" "$later" --anything 1
done

# options
refused 2 "see bellpull run --help" run tap:bp0 --frobnicate
refused 2 "see bellpull run --help" run tap:bp0 --budget
refused 2 "see bellpull run --help" run tap:bp0 "${ok[@]}" --budget 1 --budget 2
refused 2 "see bellpull probe --help" probe now
refused 2 "see bellpull run --help" --frobnicate
for option in --app --address --mac --mode --style --io --engine --budget --rx-ring --tx-ring \
  --backlog --latency --duration --format --stats-file --control; do
  refused 2 "$option" run tap:bp0 "${ok[@]}" "$option" ""
done
refused 2 "'yaml' is unknown: use table, json or prometheus" run tap:bp0 "${ok[@]}" --format yaml
refused 2 "'prometheus' is unknown: use table or json" probe --format prometheus
refused 2 "'turbo' is unknown: use interrupt, poll or adaptive" run tap:bp0 "${ok[@]}" --mode turbo
refused 2 "'pull' is unknown: use push, push-backlog, push-pause, notify, poll or virtqueue" \
  run tap:bp0 "${ok[@]}" --style pull
refused 2 "--rx-ring: 100 is no power of two: use 64 or 128" run tap:bp0 "${ok[@]}" --rx-ring 100
refused 2 "--tx-ring: '16384' is no whole number from 1 to 8192" \
  run tap:bp0 "${ok[@]}" --tx-ring 16384
refused 2 "--backlog does not go with --style push: only push-backlog has" \
  run tap:bp0 "${ok[@]}" --style push --backlog 10
refused 2 "--latency: '-1' is no whole number" run tap:bp0 "${ok[@]}" --latency=-1
refused 2 "'mmap' is unknown: use syscall or uring" run tap:bp0 "${ok[@]}" --io mmap
refused 2 "'both' is unknown: use driven or thread" run tap:bp0 "${ok[@]}" --engine both
for budget in 0 100000 4097 -1 64.5 many; do
  refused 2 "'$budget' is no whole number from 1 to 4096" run tap:bp0 "${ok[@]}" --budget "$budget"
done
for duration in "ten seconds" ten 0 -3 5s nan inf; do
  refused 2 "--duration" run tap:bp0 "${ok[@]}" "--duration=$duration"
done

# frames into an interface
refused 2 "IFACE is required; see bellpull generate --help" generate
refused 2 "the value is empty" generate ""
refused 2 "is no interface name" generate a/b
refused 2 "is no interface name" generate abcdefghijklmnop
for rate in -1 fast 1e6 nan 0x10 2000M; do
  refused 2 "--rate: '$rate' is" generate bp0 "--rate=$rate"
done
for size in 59 9015 60,59 '60,' x imix,60; do
  refused 2 "is no whole number from 60 to 9014" generate bp0 --size "$size"
done
refused 2 "more than 64 sizes" generate bp0 --size "$(printf '60,%.0s' {1..64})60"
refused 2 "--flows: '0' is no whole number from 1 to 65536" generate bp0 --flows 0
refused 2 "--burst: '65537' is no whole number" generate bp0 --burst 65537
refused 2 "--count: '0' is no whole number" generate bp0 --count 0
refused 2 "'dpdk' is unknown: use auto, xdp or packet" generate bp0 --via dpdk
refused 2 "--qdisc does not go with --via xdp" generate bp0 --via xdp --qdisc
refused 2 "--source: '02:00' is no Ethernet address" generate bp0 --source 02:00
refused 2 "is no address of a single station" generate bp0 --destination ff:ff:ff:ff:ff:ff
refused 2 "--destination" generate bp0 --destination 224.0.0.1
refused 2 "'yaml' is unknown: use table, json or prometheus" generate bp0 --format yaml
for option in --rate --burst --size --flows --count --via --source --destination; do
  refused 2 "$option does not go with --receive" generate bp0 --receive "$option" 1
done
refused 2 "--qdisc does not go with --receive" generate bp0 --receive --qdisc
refused 2 "--expect is for the receiving end" generate bp0 --expect 1
refused 2 "--idle is for the receiving end" generate bp0 --idle 1
refused 1 "there is no such interface" generate bellpull-none
refused 1 "there is no such interface" generate bellpull-none --receive
refused 1 "lo is no Ethernet interface" generate lo

# settings of a run; whether anybody is there is not looked at before
refused 2 "PATH is required; see bellpull set --help" set
refused 2 "the value is empty" set ""
refused 2 "the value is empty" set "$work/control" ""
refused 2 "see bellpull set --help" set "$work/control" --frobnicate
refused 2 "'prometheus' is unknown: use table or json" set "$work/control" --format prometheus
refused 1 "No such file or directory" set "$work/control"

# addresses
refused 2 "has no prefix length: write 10.99.0.2/24" run tap:bp0 --address 10.99.0.2
for address in 10.99.0.2/33 10.99.0.300/24 host/24 fd00::1/129 224.0.0.1/24 0.0.0.0/0; do
  refused 2 "--address" run tap:bp0 --address "$address"
  refused 2 "port tap:bp0,ip=$address: ip" run "tap:bp0,ip=$address" --app discard
done

# applications and what they need
refused 2 "--app is missing" run tap:bp0
refused 2 "no PORT is given" run --app discard
refused 2 "'router' is unknown: use respond, patch, reflect or discard" run tap:bp0 --app router
refused 2 "'switch' comes in a later version" run tap:bp0 --app switch
refused 2 "has no address to answer for" run tap:bp0 --app respond
refused 2 "--address does not go with --app reflect" run tap:bp0 "${ok[@]}" --app reflect
refused 2 "--mac does not go with" run tap:bp0 --mac 02:00:00:00:00:01 --app discard
refused 2 "is no Ethernet address" run tap:bp0 "${ok[@]}" --mac 02:00
refused 2 "is no address of a single station" run tap:bp0 "${ok[@]}" --mac ff:ff:ff:ff:ff:ff
refused 2 "exactly two ports and was given 1" run tap:bp0 --app patch
refused 2 "exactly two ports and was given 3" run tap:bp0 tap:bp1 tap:bp2 --app patch
refused 2 "the kernel's own address" run tap:bp0,ip=10.99.0.2/24 "${ok[@]}"
refused 2 "is given twice" run tap:bp0 "${ok[@]}" "${ok[@]}"

# ports
refused 2 "the interface name has 16 bytes" run tap:abcdefghijklmnop --app discard
refused 2 "the interface has no name" run tap: --app discard
refused 2 "is no interface name" run "tap:bp 0" --app discard
refused 2 "'bp0' is unknown: use tap or sim" run bp0 --app discard
refused 2 "'tun' is unknown: use tap or sim" run tun:bp0 --app discard
for port in vhost-user:/tmp/socket udp:127.0.0.1:9; do
  refused 2 "comes in a later version: use tap or sim" run "$port" --app discard
done
refused 2 "'speed' is unknown" run tap:bp0,speed=10 --app discard
refused 2 "'queues' comes in a later version" run tap:bp0,queues=2 --app discard
refused 2 "has no value" run tap:bp0,mtu --app discard
refused 2 "is given twice" run tap:bp0,mtu=1500,mtu=1500 --app discard
refused 2 "from 68 to 65521" run tap:bp0,mtu=67 --app discard
refused 2 "from 68 to 65521" run tap:bp0,mtu=65522 --app discard
refused 2 "IPv6 needs an MTU" run tap:bp0,mtu=1000,ip=fd00::1/64 --app discard
refused 2 "is no address of a single station" run tap:bp0,mac=01:00:00:00:00:00 --app discard
refused 2 "use auto, off, or some of" run tap:bp0,offload=on --app discard
refused 2 "no whole number from 3" run tap:bp0,fd=0 --app discard
refused 2 "the same interface as tap:bp0" run tap:bp0 tap:bp0,mtu=1500 --app reflect
# simulated ports
refused 2 "write sim:KEY=VALUE" run sim,rate=1k --app discard
refused 2 "'speed' is unknown: use name, rate, arrivals," run sim:speed=10 --app discard
refused 2 "'fast' is no number of frames per second" run sim:rate=fast --app discard
refused 2 "choose 0.001 to 1000000000" run sim:rate=2G --app discard
refused 2 "burst means nothing without arrivals=bursts" run sim:burst=4 --app discard
refused 2 "add trace=FILE" run sim:arrivals=trace --app discard
refused 2 "choose 60 to 1514, or another MTU" run sim:size=1515 --app discard
refused 2 "flows, and 0 of 65536 are left" run sim:flows=65536 sim --app discard
refused 2 "the same name as sim:name=a" run sim:name=a sim:name=a --app discard
refused 2 "the same name as tap:a" run tap:a sim:name=a --app discard
refused 2 "the responder has no such address" run sim --address fd00::2/64
refused 2 "exactly two ports and was given 1" run sim --app patch
# a line stays one line, whatever was typed
refused 2 'is no interface name' run $'tap:bp\n0' --app discard
refused 2 "is unknown" run tap:bp0 "${ok[@]}" --mode $'poll\r\n\e[31m'

expect "no interface was made" test "$interfaces_before" = "$(ls /sys/class/net)"
finish
