#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What bellpull does where something is missing or forbidden, and what it forbids itself (check 24).
# Needs root: it takes things away.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

((EUID == 0)) || skip "only root can take privileges away and make device nodes: run as root"
unshare_all
for tool in ip pgrep ping python3 setpriv strace; do
  command -v "$tool" >/dev/null ||
    skip "no $tool: install iproute2, procps, iputils-ping, python3, util-linux and strace"
done
mount -t tmpfs -o mode=755 tmpfs /dev/net
before=$(network_state)

refused 1 "modprobe tun" run tap:bp0 --app discard
expect "probe says that run cannot work" bash -c "! '$bellpull' probe >'$work/probe'"
expect "probe says why" grep -q '^no  dev_net_tun ' "$work/probe"
expect "probe says what to do" grep -q 'remedy: .modprobe tun' "$work/probe"

mknod /dev/net/tun c 10 200 || skip "no device nodes here: run as root outside a user namespace"
chmod 600 /dev/net/tun
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$work"
install -m 755 "$bellpull" "$work/bellpull"
bellpull=$work/bellpull
via=("${nobody[@]}")
refused 1 "needs read and write permission" run tap:bp0 --app discard
chmod 666 /dev/net/tun
refused 1 "needs CAP_NET_ADMIN" run tap:bp0 --app discard
refused 1 "needs CAP_SYS_ADMIN" run tap:bp0,netns=/proc/self/ns/net --app discard
refused 1 "needs permission to open it: run as root" \
  run tap:bp0,netns=/proc/1/ns/net --app discard
via=(setpriv --bounding-set -net_admin --inh-caps -net_admin)
refused 1 "needs CAP_NET_ADMIN" run tap:bp0 --app discard
expect "nothing is left" test "$before" = "$(network_state)"

# F24: whoever owns a prepared interface needs no privilege, as long as nothing has to be changed.
ip tuntap add bp7 mode tap user 65534
ip link set bp7 up
ip addr add 10.99.0.1/24 dev bp7
via=("${nobody[@]}")
start owned run tap:bp7,ip=10.99.0.1/24,mtu=1500 --address 10.99.0.2/24
expect "ping" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
ended owned 0 INT
refused 1 "netlink RTM_NEWLINK mtu 1400 on bp7 (needs CAP_NET_ADMIN" \
  run tap:bp7,mtu=1400 --app discard
refused 1 "netlink RTM_NEWADDR 10.99.1.1/24 on bp7 (needs CAP_NET_ADMIN" \
  run tap:bp7,ip=10.99.1.1/24 --app discard
# Whether user namespaces are allowed is the machine's affair; the status must agree with the words.
status=0
"${nobody[@]}" "$bellpull" probe >"$work/printed" || status=$?
case $status in
  0) expect "probe says how to go on" grep -q 'can work here, inside .unshare -Urn' "$work/printed" ;;
  1) expect "probe says why not" grep -q 'cannot work here: see tap' "$work/printed" ;;
  *) fail "probe ended with $status" ;;
esac
expect "probe says what is missing" grep -q '^no  cap_net_admin ' "$work/printed"

# What the kernel says of every thread of a process.
of_threads() { sed -n "s/^$2:[[:space:]]*//p" /proc/"$1"/task/*/status | sort -u; }
# confined NAME: no thread of it has a capability, and each is under the filter if there is one.
# shellcheck disable=SC2317 # called by expect
confined() {
  local pid set
  pid=$(<"$work/$1.pid")
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    [[ $(of_threads "$pid" "$set") == 0000000000000000 ]] || { echo "$set" && return 1; }
  done
  [[ $(of_threads "$pid" NoNewPrivs) == 1 && $(of_threads "$pid" Seccomp) == "$filter" ]]
}
# Whoever blocks SIGSYS is killed by the filter without a word.
# shellcheck disable=SC2317
hears_the_filter() {
  local blocked
  for blocked in $(of_threads "$(<"$work/$1.pid")" SigBlk); do
    (((0x$blocked >> 30 & 1) == 0)) || return 1
  done
}
# shellcheck disable=SC2317
has_thread() { grep -qx "$2" /proc/"$(<"$work/$1.pid")"/task/*/comm; }
# shellcheck disable=SC2317
sandbox_is() {
  grep -qF "\"sandbox\":{\"privileges\":\"$2\",\"seccomp\":\"$3\"}" "$work/$1.out"
}

# A sanitizer cannot be under the filter; ThreadSanitizer has a thread from before.
via=()
start usual run tap:bp0 --app discard --format json
ended usual 0 INT
seccomp=off filter=0
if grep -q '"seccomp":"on"' "$work/usual.out"; then seccomp=on filter=2; fi
threads=$(grep -c __tsan_init "$bellpull" || true)
expect "what is given up is told" sandbox_is usual drop "$seccomp"

# Each engine with all that can be changed while it runs: new channels, new threads, timers.
kernel=tap:bp0,ip=10.98.0.1/24
for engine in driven thread; do
  for mode in interrupt poll adaptive; do
    start confined run "$kernel" sim --address 10.98.0.2/24 --engine "$engine" --mode "$mode" \
      --latency 1 --format json --stats-file "$work/stats" --control "$work/control"
    what="engine $engine, mode $mode"
    ((threads)) || expect "$what: confined" confined confined
    expect "$what: every thread would say which call was refused" hears_the_filter confined
    for style in push push-backlog push-pause notify virtqueue poll; do
      expect "$what: to style $style" "$bellpull" set "$work/control" "style=$style"
      expect "$what: ping in style $style" ping -q -c 2 -i 0.01 -W 10 10.98.0.2
    done
    expect "$what: settings" "$bellpull" set "$work/control" mode=interrupt budget=7 port.sim0=off \
      defer-hard-irqs=2 gro-flush-timeout=50
    expect "$what: ping with timers" ping -q -c 2 -i 0.01 -W 10 10.98.0.2
    if [[ $engine == thread ]]; then
      expect "$what: a thread per port" "$bellpull" set "$work/control" threaded=1
      ((threads)) || expect "$what: it is there" has_thread confined bellpull-napi
      expect "$what: ping over threads" ping -q -c 2 -i 0.01 -W 10 10.98.0.2
      ((threads)) || expect "$what: they are confined" confined confined
    fi
    expect "$what: list" "$bellpull" set "$work/control"
    ended confined 0 INT
    expect "$what: one line" test "$(wc -l <"$work/confined.err")" = 1
    expect "$what: the statistics are written" cmp "$work/confined.out" "$work/stats"
    expect "$what: the control socket has gone" test ! -e "$work/control"
  done
done
# F24: what is the user's own is taken up again under all of this.
start lost run tap:bp0 --address 10.98.0.2/24
ip link del bp0
wait_for "a lost port is told of" grep -q 'bp0 has lost its interface' "$work/lost.err"
ip tuntap add bp0 mode tap user 0
ip addr add 10.98.0.1/24 dev bp0
ip link set bp0 up
wait_for "it is taken up again" grep -q 'bp0 has its interface again' "$work/lost.err"
((threads)) || expect "lost: confined" confined lost
expect "lost: ping" ping -q -c 3 -i 0.01 -W 10 10.98.0.2
ended lost 0 INT
ip link del bp0

# both switched off
start keep run tap:bp0 --app discard --format json --privileges keep --seccomp off
pid=$(<"$work/keep.pid")
expect "keep: capabilities" test "$(of_threads "$pid" CapEff)" = "$(of_threads $$ CapEff)"
expect "keep: no filter" test "$(of_threads "$pid" Seccomp)" = "$(of_threads $$ Seccomp)"
ended keep 0 INT
expect "keep: it is told" sandbox_is keep keep off
start half run tap:bp0 --app discard --format json --privileges keep --seccomp "$seccomp"
expect "keep, filter: capabilities" \
  test "$(of_threads "$(<"$work/half.pid")" CapEff)" = "$(of_threads $$ CapEff)"
expect "keep, filter" test "$(of_threads "$(<"$work/half.pid")" Seccomp)" = "$filter"
ended half 0 INT
refused 2 "--privileges: 'some' is unknown: use drop or keep" \
  run tap:bp0 --app discard --privileges some
refused 2 "--seccomp: 'maybe' is unknown: use on or off" run tap:bp0 --app discard --seccomp maybe

# What is changed of somebody else's interface is changed back, by a process that still may.
ip link set bp7 down mtu 1400
lent=$(network_state)
changes=tap:bp7,ip=10.97.0.1/24,mtu=1500,mac=02:00:00:00:00:07
undoer_of() { pgrep -x bellpull-undo -P "$(<"$work/$1.pid")" || true; }
start lent run "$changes" --address 10.97.0.2/24
((threads)) || expect "lent: confined" confined lent
undoer=$(undoer_of lent)
expect "lent: who changes back has CAP_NET_ADMIN and nothing else" \
  test "$(of_threads "$undoer" CapEff) $(of_threads "$undoer" CapBnd)" = \
  "0000000000001000 0000000000000000"
expect "lent: it is under the filter as well" test "$(of_threads "$undoer" Seccomp)" = "$filter"
expect "lent: it holds no TAP" bash -c "! ls -l /proc/$undoer/fd | grep -q /dev/net/tun"
expect "lent: ping" ping -q -c 3 -i 0.01 -W 10 10.97.0.2
ended lent 0 INT
expect "lent: as it was" test "$lent" = "$(network_state)"
expect "lent: nobody is left" test ! -e "/proc/$undoer"
start killed run "$changes" --address 10.97.0.2/24
ended killed 137 KILL
# shellcheck disable=SC2317
as_it_was() { [[ $lent == "$(network_state)" ]]; }
wait_for "as it was, although the run was killed" as_it_was
start alone run "$changes" --address 10.97.0.2/24
kill -KILL "$(undoer_of alone)"
ended alone 1 INT
expect "who cannot change back is told of" grep -q \
  'interfaces were not changed back: process [0-9]*, bellpull-undo, .* was killed by signal 9' \
  "$work/alone.err"
expect "the statistics all the same" test -s "$work/alone.out"
ip link set bp7 down mtu 1400
ip addr flush dev bp7
start kept run "$changes" --address 10.97.0.2/24 --privileges keep
expect "keep: one process" test -z "$(undoer_of kept)"
ended kept 0 INT

# A socket in somebody else's directory takes a capability to be removed.
mkdir -m 755 "$work/theirs"
chown 65534 "$work/theirs"
start theirs run tap:bp0 --app discard --control "$work/theirs/control"
((threads)) || expect "theirs: confined" confined theirs
expect "theirs: who removes it can nothing else" \
  test "$(of_threads "$(undoer_of theirs)" CapEff)" = 0000000000000002
expect "theirs: settings" "$bellpull" set "$work/theirs/control" budget=7
ended theirs 0 INT
expect "theirs: the socket has gone" test ! -e "$work/theirs/control"

# F24: without privilege, no call is even tried that needs one.
ip link set bp7 mtu 1500 up
ip addr add 10.99.0.1/24 dev bp7
via=("${nobody[@]}" strace -f -o "$work/trace")
: >"$work/trace" && chmod 666 "$work/trace"
if [[ $seccomp == on ]]; then # sanitizers do not like to be traced
  start traced run tap:bp7,ip=10.99.0.1/24,mtu=1500 --address 10.99.0.2/24 --engine thread
  expect "F24: ping" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
  via=()
  pid=$(pgrep -x bellpull -P "$(<"$work/traced.pid")")
  kill -INT "$pid"
  ended traced 0
  expect "F24: the trace has it all" grep -q TUNSETIFF "$work/trace"
  expect "F24: nothing was refused" bash -c "! grep -E 'EPERM|EACCES' '$work/trace'"
  expect "F24: no interface was changed" bash -c \
    "! grep -E 'SIOCSIF|TUNSET(OWNER|PERSIST|CARRIER)|sendto.*RTM_(NEW|DEL)' '$work/trace'"
fi

# an inherited TAP, under all of this
cat >"$work/inherit.py" <<'PYTHON'
import fcntl, os, struct, sys
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 2, 0x1000, 0x4000
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"bp7", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
os.dup2(tun, 9, inheritable=True)
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
via=(python3 "$work/inherit.py")
start inherited run tap:,fd=9 --address 10.99.0.2/24
((threads)) || expect "inherited: under the filter" \
  test "$(of_threads "$(<"$work/inherited.pid")" Seccomp)" = "$filter"
expect "inherited: no capability" \
  test "$(of_threads "$(<"$work/inherited.pid")" CapEff)" = 0000000000000000
expect "inherited: ping" ping -q -c 3 -i 0.01 -W 10 10.99.0.2
ended inherited 0 INT
via=()
refused 2 "'0' is no whole number from 3" run tap:,fd=0 --app discard
refused 1 "inherited descriptor 9 (" run tap:,fd=9 --app discard
ip link del bp7
expect "nothing is left in the end" test "$before" = "$(network_state)"
finish
