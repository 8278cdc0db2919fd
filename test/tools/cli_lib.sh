# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sourced by cli_*.sh: how a check is made, counted and reported.

bellpull=$(realpath "$1")
check_statistics=$(realpath "$2")
work=$(mktemp -d)
pids=()
checks=0
failures=0

clean_up() {
  local pid
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

skip() {
  echo "SKIPPED: $*"
  exit 77
}

# Into namespaces of its own, where everything is allowed and nothing outlives the script.
unshare_all() {
  [[ -n ${BELLPULL_TEST_UNSHARED:-} ]] && return
  local flags=-nm
  ((EUID == 0)) || flags=-Urnm
  unshare "$flags" true 2>/dev/null ||
    skip "no network namespace of our own: run as root, or allow user namespaces"
  [[ -r /dev/net/tun && -w /dev/net/tun ]] ||
    skip "/dev/net/tun cannot be opened: run as root, or load the module tun"
  rm -rf "$work"
  BELLPULL_TEST_UNSHARED=1 exec unshare "$flags" "$0" "$bellpull" "$check_statistics"
}

# `ip netns` in a directory that only we see.
private_netns_directory() {
  mount -t tmpfs tmpfs /run
  mkdir /run/netns
}

fail() {
  failures=$((failures + 1))
  printf 'FAIL: %s\n' "$*"
}

# expect DESCRIPTION COMMAND...: the command must succeed.
expect() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" >"$work/log" 2>&1 || fail "$what: $* said: $(head -c 400 "$work/log")"
}

# printed DESCRIPTION COMMAND...: it must succeed, and what it printed is kept in $work/printed.
printed() {
  expect "$@"
  mv "$work/log" "$work/printed"
}

# refused STATUS PATTERN ARGUMENT...: bellpull must end with STATUS, one line on standard error that
# contains PATTERN, and nothing on standard output. `via` may hold a command to start it with.
via=()
refused() {
  local status=$1 pattern=$2 got=0
  shift 2
  checks=$((checks + 1))
  timeout 20 "${via[@]}" "$bellpull" "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  local lines
  lines=$(wc -l <"$work/err")
  if [[ $got != "$status" || $lines != 1 || -s $work/out ]] ||
    ! grep -q '^bellpull: ' "$work/err" || ! grep -qF -- "$pattern" "$work/err"; then
    fail "bellpull $(printf '%q ' "$@")"
    printf '  wanted exit %s and one line with: %s\n' "$status" "$pattern"
    printf '  got exit %s, %s lines, standard output of %s bytes:\n' "$got" "$lines" \
      "$(wc -c <"$work/out")"
    sed 's/^/  | /' "$work/err"
  fi
}

# start NAME ARGUMENT...: runs bellpull in the background; $work/NAME.{out,err,pid} are its own.
# Returns when it is ready, or fails.
start() {
  local name=$1 pid
  shift
  rm -f "$work/$name".{out,err}
  "${via[@]}" "$bellpull" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
  pid=$!
  pids+=("$pid")
  echo "$pid" >"$work/$name.pid"
  wait_for "$name is ready" grep -q '^bellpull: ready' "$work/$name.err"
}

# wait_for DESCRIPTION COMMAND...: until it succeeds; the limit is far beyond what it can take.
wait_for() {
  local what=$1 tries
  shift
  checks=$((checks + 1))
  for ((tries = 0; tries < 1000; tries++)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.02
  done
  fail "never happened: $what"
  for file in "$work"/*.err; do sed "s|^|  ${file##*/}: |" "$file"; done
}

is_over() { ! kill -0 "$1"; }

# ended NAME STATUS [SIGNAL]: sends the signal if there is one; the program must end with STATUS.
ended() {
  local name=$1 status=$2 got=0 pid
  pid=$(<"$work/$name.pid")
  [[ -z ${3:-} ]] || kill -s "$3" "$pid"
  wait_for "$name ends" is_over "$pid"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" || got=$?
  [[ $got == "$status" ]] ||
    fail "$name ended with $got and not $status: $(tail -n +2 "$work/$name.err")"
}

# What must be the same before and after: every interface, its flags, addresses and routes. Counters
# and lifetimes do not belong to it.
network_state() {
  ip -o link show | sed -E 's/ qdisc [^ ]+//; s/ state [^ ]+//'
  ip -o addr show | sed -E 's/ (dynamic|tentative)//g; s/(valid|preferred)_lft [^ ]+//g'
}

finish() {
  echo "$((checks - failures)) of $checks checks passed"
  ((failures == 0)) || exit 1
  exit 0
}
