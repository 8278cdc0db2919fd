#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Settings of a run, changed while it runs; and what `bellpull set` says when it cannot.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"
unshare_all

for tool in ip ping; do
  command -v "$tool" >/dev/null || skip "no $tool: install iproute2 and iputils-ping"
done
before=$(network_state)
control=$work/control
kernel=tap:bp0,ip=10.99.0.1/24
responder=(run "$kernel" --address 10.99.0.2/24)

# shellcheck disable=SC2317 # called by expect
setting_is() {
  [[ $("$bellpull" set "$control" | awk -v name="$1" '$1 == name { print $2 }') == "$2" ]]
}

start run "${responder[@]}" --budget 16 --format json --control "$control"
expect "the socket is there, for its owner only" test "$(stat -c '%F %a' "$control")" = "socket 600"

# Whoever is stopped does not hold us for ever; looked at in the end, because it takes its time.
start stopped run tap:bp2 --app discard --control "$work/stopped"
kill -STOP "$(<"$work/stopped.pid")"
"$bellpull" set "$work/stopped" >"$work/patience" 2>&1 &
patient=$!

# what there is
printed "list" "$bellpull" set "$control"
expect "list: what the columns are" grep -qxE 'setting +value +range +meaning' "$work/printed"
expect "list: mode" grep -qxE 'mode +interrupt +interrupt, poll or adaptive +[a-z].*' "$work/printed"
expect "list: budget" grep -qxE 'budget +16 +1 to 4096 +[a-z].*' "$work/printed"
printed "list in JSON" "$bellpull" set "$control" --format json
expect "list in JSON: budget" grep -qF '{"name":"budget","value":"16","range":"1 to 4096","meaning"' \
  "$work/printed"

# changes
printed "set" "$bellpull" set "$control" mode=poll budget=128
expect "who sets says nothing" test ! -s "$work/printed"
expect "mode is set" setting_is mode poll
expect "budget is set" setting_is budget 128
for style in push push-backlog push-pause notify virtqueue poll; do
  expect "to style $style" "$bellpull" set "$control" "style=$style"
  expect "style $style is set" setting_is style "$style"
  expect "ping in style $style" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
done
printed "a port off" "$bellpull" set "$control" port.bp0=off
expect "a port is off" setting_is port.bp0 off
expect "nobody answers" bash -c "! ping -q -c 1 -W 0.2 10.99.0.2"
expect "a port on" "$bellpull" set "$control" port.bp0=on
expect "a port is on" setting_is port.bp0 on
expect "ping while polling" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
refused 2 "'bugdet' is unknown: use mode, style, budget," \
  set "$control" bugdet=1
refused 2 "'mode' is no KEY=VALUE: write mode=VALUE" set "$control" mode
refused 2 "mode: 'turbo' is unknown: use interrupt, poll or adaptive" set "$control" mode=turbo
for budget in 0 4097 -1 many; do
  refused 2 "budget: '$budget' is no whole number from 1 to 4096" set "$control" "budget=$budget"
done
refused 2 "setting budget is given twice" set "$control" budget=1 budget=2
refused 2 "no whole number" set "$control" mode=interrupt budget=0
expect "all or nothing" setting_is mode poll
refused 2 "is unknown" set "$control" $'mode=\e[31m\r'
refused 2 "the request has" set "$control" "mode=$(head -c 5000 /dev/zero | tr '\0' x)"
expect "set back" "$bellpull" set "$control" mode=interrupt
expect "ping when it sleeps again" ping -q -c 3 -i 0.01 -W 10 10.99.0.2

# many clients at once
clients=()
for i in {1..20}; do
  "$bellpull" set "$control" "budget=$i" >"$work/client.$i" 2>&1 &
  clients+=("$!")
done
for client in "${clients[@]}"; do expect "a client of many" wait "$client"; done
expect "ping after many clients" ping -q -c 3 -i 0.01 -W 10 10.99.0.2

# a path is one run's
refused 1 "another program listens there: choose another path, or end it" \
  run tap:bp1 --app discard --control "$control"
echo precious >"$work/file"
refused 1 "it is no socket: choose another path, or remove it" \
  run tap:bp1 --app discard --control "$work/file"
expect "a file is left alone" grep -qx precious "$work/file"
refused 1 "choose a path that you may write" run tap:bp1 --app discard --control "$work/none/control"
long=$work/$(head -c 100 /dev/zero | tr '\0' x)
refused 1 "107 are the most: choose a shorter path" run tap:bp1 --app discard --control "$long"
expect "none of them made an interface" test ! -e /sys/class/net/bp1
refused 1 "TUNSETIFF" run tap:lo --app discard --control "$work/other"
expect "a run that never began leaves no socket" test ! -e "$work/other"

# who may
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if "${nobody[@]}" true 2>/dev/null; then
  chmod 755 "$work"
  install -m 755 "$bellpull" "$work/bellpull"
  ours=$bellpull
  bellpull=$work/bellpull
  via=("${nobody[@]}")
  refused 1 "run as the user who started it, or as root): Permission denied" set "$control"
  refused 1 "it is somebody else's socket: choose another path" \
    run tap:bp1 --app discard --control "$control"
  via=()
  bellpull=$ours
fi

# ends
status=0
wait "$patient" || status=$?
expect "a client's patience ends" test "$status" = 1
expect "it says why" grep -q 'it does not answer: is it stopped?' "$work/patience"
kill -CONT "$(<"$work/stopped.pid")"
ended stopped 0 INT
ended run 0 INT
expect "both changes are in the statistics" grep -q '"mode_switches":2' "$work/run.out"
expect "the socket has gone" test ! -e "$control"
refused 1 "start \`bellpull run\` with this --control" set "$control"
refused 1 "107 are the most" set "$long"
refused 1 "nobody listens there" set "$work/file"
start killed "${responder[@]}" --control "$control"
ended killed 137 KILL
refused 1 "nobody listens there: the run that did has ended" set "$control"
wait_for "the killed run's interface goes" test ! -e /sys/class/net/bp0
start again "${responder[@]}" --control "$control"
expect "a socket that was left behind is replaced" "$bellpull" set "$control" budget=5
ended again 0 TERM
expect "nothing is left" test "$before" = "$(network_state)"
finish
