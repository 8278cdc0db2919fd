#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# check 26: a capture as capinfos and tshark read it, against the statistics of the run; and what
# becomes of a run whose capture cannot be written. Needs no privilege.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

for tool in capinfos tshark jq; do
  command -v "$tool" >/dev/null || skip "no $tool: install tshark, which brings capinfos, and jq"
done
file=$work/run.pcapng

# captured KEYS ARGUMENT...: a run with a capture; its statistics are in $work/run.
captured() {
  local keys=$1
  shift
  rm -f "$file"
  expect "run $* with --capture FILE$keys" \
    "$bellpull" run "$@" --capture "$file$keys" --format json --stats-file "$work/run"
  expect "run $*: every frame is accounted for" bash -c \
    "'$check_statistics' json <'$work/run' && '$check_statistics' sums <'$work/run'"
}

# The sum of something over all ports, by a jq expression on a port; and frames in the file.
total() { jq "[.ports[] | $1] | add" "$work/run"; }
frames() { tshark -r "$file" ${1:+-Y "$1"} 2>/dev/null | wc -l; }
rx='.queues[0].rx_packets'
tx='.queues[0].tx_packets'
drops='.queues[0] | [(.rx_dropped, .tx_dropped)[]] | add // 0'
in='frame.packet_flags_direction == 1'
out='frame.packet_flags_direction == 2'
dropped='frame.comment contains "dropped: "'

# everything, of two ports
for engine in driven thread; do
  captured "" sim:rate=20k,frames=200,size=60/1514 sim:rate=20k,frames=200 --app patch \
    --engine "$engine" --duration 0.5
  what="engine $engine"
  expect "$what: nothing is missed" test "$(total .capture.missed)" = 0
  expect "$what: the file is as long as it says" \
    test "$(jq .capture.written_bytes "$work/run")" = "$(stat -c %s "$file")"
  printed "$what: capinfos" capinfos "$file"
  expect "$what: it is pcapng" grep -q 'File type:.*pcapng' "$work/printed"
  expect "$what: it has nanoseconds" grep -q 'precision: *nanoseconds (9)' "$work/printed"
  expect "$what: two interfaces" grep -q 'Number of interfaces in file: 2' "$work/printed"
  expect "$what: capinfos counts what the run counts" \
    grep -qE "Number of packets: *$(total .capture.captured)\$" <(capinfos -M "$file")
  expect "$what: frames in" test "$(frames "$in && !($dropped)")" = "$(total "$rx")"
  expect "$what: frames out" test "$(frames "$out && !($dropped)")" = "$(total "$tx")"
  expect "$what: frames in of the second" \
    test "$(frames "$in && frame.interface_name == \"sim1\" && !($dropped)")" = \
    "$(jq ".ports[1] | $rx" "$work/run")"
  expect "$what: tshark knows the frames" test "$(frames 'udp.port == 7 && eth')" = \
    "$(total .capture.captured)"
  tshark -r "$file" -T fields -e frame.time_epoch 2>/dev/null >"$work/times"
  expect "$what: times have nine digits" bash -c "! grep -vqE '^[0-9]+\.[0-9]{9}\$' '$work/times'"
  expect "$what: which are not all round" grep -qvE '000$' "$work/times"
  expect "$what: tshark finds nothing malformed" test "$(frames _ws.malformed)" = 0
done

# drops
captured "" sim:rate=1M,frames=2000,arrivals=bursts,burst=256 --app discard --style push-backlog \
  --backlog 1 --duration 0.5
expect "frames are dropped" test "$(total "$drops")" -gt 0
if [[ $(total .capture.missed) == 0 ]]; then
  expect "drops: each is there" test "$(frames "$dropped")" = "$(total "$drops")"
  expect "drops: with their reason" \
    test "$(frames "$in && frame.comment == \"dropped: backlog_full\"")" = \
    "$(jq '.ports[0].queues[0].rx_dropped.backlog_full // 0' "$work/run")"
fi
captured ,dir=drop sim:rate=1M,frames=2000,arrivals=bursts,burst=256 --app discard \
  --style push-backlog --backlog 1 --duration 0.5
expect "dir=drop: drops and nothing else" test "$(frames)" = "$(frames "$dropped")"
expect "dir=drop: all of them" \
  test "$(($(frames) + $(total .capture.missed)))" = "$(total "$drops")"

# what is wanted of it
two=("sim:rate=20k,frames=100" "sim:rate=20k,frames=100,size=200" --app patch --duration 0.5)
captured ,port=sim1,dir=in,snap=50 "${two[@]}"
expect "one port, one direction" test "$(frames)" = "$(jq ".ports[1] | $rx" "$work/run")"
expect "snap" test "$(frames 'frame.cap_len == 50 && frame.len == 200')" = "$(frames)"
expect "the other port has no capture" jq -e '.ports[0] | has("capture") | not' "$work/run"
captured ,dir=in/out "${two[@]}"
expect "two directions" test "$(frames "$out")" -gt 0
captured ",dir=in,filter=greater 200 and udp port 7" "${two[@]}"
expect "filter: what it lets pass" test "$(frames)" = "$(jq ".ports[1] | $rx" "$work/run")"
expect "filter: what it leaves out is counted" \
  test "$(total .capture.filtered)" = "$(jq ".ports[0] | $rx" "$work/run")"
captured ,filter=icmp "${two[@]}"
expect "filter: a file without frames is one" test "$(frames)" = 0

# the other formats
for format in table prometheus; do
  printed "$format" "$bellpull" run "${two[@]}" --capture "$file" --format "$format"
  sed -i '/^bellpull: ready: /d' "$work/printed"
  case $format in
    table)
      expect "table: a line per port" grep -qE '^sim1 captured: [0-9]+ frames, 0 missed' \
        "$work/printed"
      expect "table: bytes" grep -qx "capture: $(stat -c %s "$file") bytes written" "$work/printed"
      ;;
    prometheus)
      expect "prometheus: valid" bash -c "'$check_statistics' prometheus <'$work/printed'"
      expect "prometheus: frames" grep -qE '^bellpull_capture_captured_total\{port="sim1"\} [1-9]' \
        "$work/printed"
      ;;
  esac
done

# wrong usage; nothing is touched
ok=(sim --app discard)
rm -f "$file"
refused 2 "--capture" run "${ok[@]}" --capture ""
refused 2 "the path is empty" run "${ok[@]}" --capture ,snap=1
refused 2 "is standard output, where the statistics go" run "${ok[@]}" --capture -
refused 2 "'speed' is unknown: use port, dir, snap or filter" run "${ok[@]}" --capture "$file,speed=1"
refused 2 "'up' is unknown: use in, out or drop" run "${ok[@]}" --capture "$file,dir=in/up"
refused 2 "'0' is no whole number from 1 to 262144" run "${ok[@]}" --capture "$file,snap=0"
refused 2 "is given twice" run "${ok[@]}" --capture "$file,snap=1,snap=1"
refused 2 "there is no port sim7: use sim0" run "${ok[@]}" --capture "$file,port=sim7"
refused 2 "has no value" run "${ok[@]}" --capture "$file,filter="
refused 2 "--capture: filter: libpcap cannot make a filter of 'udp porrt 7': " \
  run "${ok[@]}" --capture "$file,filter=udp porrt 7"
expect "no file was made" test ! -e "$file"

# what cannot be written is known before anything happens
refused 1 "open --capture $work/none/x for writing" run "${ok[@]}" --capture "$work/none/x"
mkfifo "$work/fifo"
refused 1 "open --capture $work/fifo for writing" run "${ok[@]}" --capture "$work/fifo"

# what cannot be written later is said once, and the run goes on to its end
# ends_badly PATTERN PATH: all frames are received; one line says so, with PATTERN.
ends_badly() {
  local got=0
  "$bellpull" run sim:rate=20k,frames=200 --app discard --duration 0.5 --format json \
    --capture "$2" >"$work/run" 2>"$work/err" || got=$?
  expect "$2: exit 1" test "$got" = 1
  expect "$2: one line beside that of its being ready" test "$(wc -l <"$work/err")" = 2
  expect "$2: it says why" grep -qF -- "$1" "$work/err"
  expect "$2: every frame is accounted for" bash -c "'$check_statistics' sums <'$work/run'"
  expect "$2: frames were received" test "$(total "$rx")" -gt 0
}
ends_badly "write --capture /dev/full: No space left on device; " /dev/full
expect "/dev/full: all are missed" test "$(total .capture.missed)" = "$(total "$rx")"

# Opened for both, so that there is a reader, who never reads.
exec 9<>"$work/fifo"
what="a FIFO that nobody reads"
got=0
"$bellpull" run sim:rate=20k,size=9000,mtu=9000 --app discard --duration 0.5 --format json \
  --capture "$work/fifo" >"$work/run" 2>"$work/err" || got=$?
expect "$what: exit 1" test "$got" = 1
expect "$what: it says why" grep -qF "its reader took nothing for half a second" "$work/err"
expect "$what: frames are missed" test "$(total .capture.missed)" -gt 0
expect "$what: each is captured or missed" \
  test "$(($(total .capture.missed) + $(total .capture.captured)))" = "$(total "$rx")"
expect "$what: every frame is accounted for" bash -c "'$check_statistics' sums <'$work/run'"
exec 9>&-
finish
