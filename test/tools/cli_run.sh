#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A run from its ready line to its statistics, in every mode, on every engine, in every format:
#
#   kernel 10.99.0.1, fd99::1 -- bp0 (TAP) -- bellpull, respond 10.99.0.2, fd99::2
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"
unshare_all

for tool in ip ping sysctl; do
  command -v "$tool" >/dev/null || skip "no $tool: install iproute2, iputils-ping and procps"
done
# Nothing but what is sent on purpose shall arrive.
sysctl -qw net.ipv6.conf.default.autoconf=0 net.ipv6.conf.default.accept_ra=0 \
  net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.router_solicitations=0
before=$(network_state)
kernel=tap:bp0,ip=10.99.0.1/24,ip=fd99::1/64
responder=(--app respond --address 10.99.0.2/24 --address fd99::2/64)

# shellcheck disable=SC2317 # called by expect
one_line_of_each() {
  [[ $(wc -l <"$work/$1.err") == 1 && -s $work/$1.out ]]
}

for mode in interrupt poll; do
  for engine in driven thread; do
    for format in table json prometheus; do
      what="mode $mode, engine $engine, format $format"
      start run run "$kernel" "${responder[@]}" --mode "$mode" --engine "$engine" \
        --format "$format" --budget 16 --stats-file "$work/stats"
      expect "$what: the ready line says what runs" grep -qE \
        "^bellpull: ready: bp0, app respond at [0-9a-f:]{17}, mode $mode, engine $engine, budget 16$" \
        "$work/run.err"
      expect "$what: ping" ping -q -c 5 -i 0.01 -W 10 10.99.0.2
      expect "$what: ping of a full frame" ping -q -c 2 -i 0.01 -s 1472 -W 10 10.99.0.2
      expect "$what: ping over IPv6" ping -q -c 5 -i 0.01 -W 10 fd99::2
      ended run 0 INT
      expect "$what: one line on standard error, statistics on standard output" one_line_of_each run
      expect "$what: the copy is the same" cmp "$work/run.out" "$work/stats"
      expect "$what: the interface has gone" test "$before" = "$(network_state)"
      case $format in
        table) expect "$what: pings are counted" grep -q 'icmp4_echo 7' "$work/run.out" ;;
        json)
          expect "$what: valid" bash -c "'$check_statistics' json <'$work/run.out'"
          expect "$what: pings are counted" grep -q '"icmp4_echo":7,.*"icmp6_echo":5' "$work/run.out"
          [[ $mode == interrupt ]] || expect "$what: nobody slept" \
            grep -qE '"loop":\{"waits":0,.*"engine":\{"runs":[0-9]+,"waits":0,' "$work/run.out"
          expect "$what: no packet is left" grep -q '"outstanding":0' "$work/run.out"
          ;;
        prometheus)
          expect "$what: valid" bash -c "'$check_statistics' prometheus <'$work/run.out'"
          expect "$what: pings are counted" \
            grep -q 'bellpull_app_frames_total{.*what="icmp4_echo"} 7' "$work/run.out"
          ;;
      esac
    done
  done
done

# ends
start term run "$kernel" "${responder[@]}" --engine thread
ended term 0 TERM
start hup run "$kernel" "${responder[@]}"
ended hup 0 HUP
expect "a duration ends by itself" "$bellpull" run "$kernel" "${responder[@]}" --duration 0.01
expect "an ended run leaves nothing" test "$before" = "$(network_state)"

# An idle NIC in interrupt mode is not woken: ten times as long, no more wake-ups than those of the
# start. The end of the duration is no wake-up of a port.
wakeups_in() {
  printed "an idle run of $1 s" "$bellpull" run tap:bp0,ip=10.99.0.1/24 --app discard \
    --duration "$1" --format json
  sed -E 's/.*"loop":(\{[^}]*\}).*/\1/' "$work/printed"
}
expect "an idle NIC sleeps" test "$(wakeups_in 0.1)" = "$(wakeups_in 1)"

# nobody reads
checks=$((checks + 1))
status=0
"$bellpull" run "$kernel" "${responder[@]}" --duration 0.05 2>"$work/err" >/dev/full || status=$?
[[ $status == 1 && $(wc -l <"$work/err") == 2 ]] || fail "a full disk: exit $status: $(<"$work/err")"
expect "a full disk is named" grep -q 'write to standard output' "$work/err"

# the file for the statistics
refused 1 "open --stats-file $work/none/stats for writing" run "$kernel" "${responder[@]}" \
  --stats-file "$work/none/stats"
expect "no interface was made for it" test "$before" = "$(network_state)"
refused 1 "TUNSETIFF" run tap:lo --app discard --stats-file "$work/fresh"
expect "a file that was made for nothing is removed" test ! -e "$work/fresh"
echo old >"$work/kept"
refused 1 "TUNSETIFF" run tap:lo --app discard --stats-file "$work/kept"
expect "a file that was there is kept" grep -qx old "$work/kept"
mkfifo "$work/fifo"
refused 1 "open --stats-file" run tap:bp0 --app discard --stats-file "$work/fifo"

# what this machine allows
printed "probe" "$bellpull" probe
expect "probe says that run can work" grep -q 'bellpull run. can work here' "$work/printed"
printed "probe in JSON" "$bellpull" probe --format json
expect "probe in JSON says that run can work" grep -q '"can_run":true' "$work/printed"
expect "probe leaves nothing" test "$before" = "$(network_state)"
finish
