#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What bellpull does where something is missing or forbidden. Needs root: it takes things away.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
source "$here/cli_lib.sh"

((EUID == 0)) || skip "only root can take privileges away and make device nodes: run as root"
unshare_all
for tool in ip ping setpriv; do
  command -v "$tool" >/dev/null || skip "no $tool: install iproute2, iputils-ping and util-linux"
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
finish
