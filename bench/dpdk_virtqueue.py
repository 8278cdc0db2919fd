#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Frame rate of DPDK's virtio-user driver against DPDK's vhost device, through one virtqueue.

Two testpmd processes over a vhost-user socket, one forwarding thread each, pinned to a core of its
own. The driver sends 64-byte frames behind a 12-byte header; the device copies them out into
buffers of its pool. Counted by the receiving port's own statistics, in the steady state.
Prints one JSON object per run. Exit 0: measured; 1: failed; 2: wrong usage.
"""
import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays as it was

from dpdk_testpmd import Failure, HugePages, Testpmd

HERE = Path(__file__).resolve().parent
ROUND_TRIP = HERE.parent / "build" / "release" / "bench" / "core_round_trip"
LAYOUTS = ("split", "packed")
# The two modes of testpmd: of the device, of the driver.
DIRECTIONS = {"to-device": ("rxonly", "txonly"), "to-driver": ("txonly", "rxonly")}
FRAME_BYTES = 64
QUEUE_SIZE = 256
PAGES = 64  # of 2 MiB; the two processes together use about half
WARM_UP_S = 0.5
SETTLE_S = 0.05
# What was fastest of every setting that the driver has; vectorized needs AVX-512 and is ignored
# without it, and exists for the split layout only where the driver receives.
DRIVER = {"split": "in_order=1,mrg_rxbuf=0", "packed": "in_order=1,mrg_rxbuf=0,vectorized=1"}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked for the end."""


def two_cores():
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Failure(f"cannot pin two threads: this process may use only core {allowed[0]}; give "
                      f"it two with taskset -c")
    return allowed[0], allowed[1]


def round_trip_ns(cores, program):
    """Nanoseconds of a cache line to the other core and back; None without the program."""
    if not Path(program).exists():
        return None
    # By setsid, like testpmd's: with autogroups the scheduler shares out by setsid.
    done = subprocess.run([program, *map(str, cores)], capture_output=True, text=True, check=False,
                          start_new_session=True)
    if done.returncode != 0:
        raise Failure(done.stderr.strip() or f"'{program}' ended with {done.returncode}; try it")
    return float(done.stdout)


class Pair:
    """The two processes, connected and not yet forwarding; ends them and takes all away."""

    def __init__(self, layout, burst=32, direction="to-device", driver=None,
                 queue_size=QUEUE_SIZE):
        self.burst, self.modes = burst, DIRECTIONS[direction]
        self.cores = two_cores()
        self.driver_options = (f"packed_vq={int(layout == 'packed')},queue_size={queue_size},"
                               f"{DRIVER[layout] if driver is None else driver}")

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(HugePages(PAGES))
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bellpull-dpdk-"))
            socket = f"{directory}/vhost.sock"
            self.device = self._start(stack, 0, directory, "vhost",
                                      f"net_vhost0,iface={socket},queues=1")
            self.driver = self._start(stack, 1, directory, "virtio-user",
                                      f"net_virtio_user0,path={socket},{self.driver_options}")
            self.sender, self.receiver = self.driver, self.device
            if self.modes[0] == "txonly":
                self.sender, self.receiver = self.device, self.driver
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def _start(self, stack, which, directory, name, vdev):
        options = [f"--burst={self.burst}", f"--txpkts={FRAME_BYTES}", "--total-num-mbufs=8192"]
        testpmd = Testpmd(self.cores[which], directory, name, vdev, self.modes[which], options)
        stack.callback(testpmd.close)
        testpmd.wait_ready()
        return testpmd

    def measure(self, seconds):
        """Forwards, and counts at the receiving side for `seconds` of the steady state."""
        self.receiver.ask("start")
        self.sender.ask("start")
        time.sleep(WARM_UP_S)
        first, cpu, clock = self.receiver.port_statistics(), self._cpu(), time.monotonic()
        time.sleep(seconds)
        clock, later = time.monotonic() - clock, self._cpu()
        last = self.receiver.port_statistics()
        sent = self.sender.stop_forwarding()
        time.sleep(SETTLE_S)  # so that the receiver finds what is still in the ring
        received = self.receiver.stop_forwarding()
        frames = last["RX-packets"] - first["RX-packets"]
        rate = last["Rx-pps"]
        if frames == 0 or rate == 0:
            raise Failure(f"{self.receiver.name} received nothing in {clock:.1f} s; try by hand: "
                          f"{' '.join(self.receiver.command)}")
        return {"mpps": rate / 1e6, "frames": frames, "interval_s": round(frames / rate, 6),
                "lost": sent["TX-packets"] - received["RX-packets"],
                "no_buffer": last["RX-nombuf"] - first["RX-nombuf"],
                "refused_by_full_ring": sent["TX-dropped"],
                "core_share": round(min(b - a for a, b in zip(cpu, later)) / clock, 3)}

    def _cpu(self):
        return self.driver.worker_cpu_s(), self.device.worker_cpu_s()


def run(layout, seconds, burst=32, direction="to-device", driver=None, round_trip=ROUND_TRIP):
    """One run from nothing to nothing; returns what main() prints. Raises Failure."""
    with Pair(layout, burst, direction, driver) as pair:
        before = round_trip_ns(pair.cores, round_trip)
        counted = pair.measure(seconds)
        after = round_trip_ns(pair.cores, round_trip)
        how = (f"two testpmd over a vhost-user socket, {pair.driver.mode} on virtio-user (core "
               f"{pair.cores[1]}), {pair.device.mode} on vhost (core {pair.cores[0]}), burst "
               f"{burst}, {FRAME_BYTES}-byte frames, received frames over {seconds:g} s after "
               f"{WARM_UP_S} s")
        return {"layout": layout, **counted, "round_trip_ns": [before, after],
                "burst": burst, "direction": direction, "how": how,
                "dpdk_version": pair.device.version(),
                "args": {"device": pair.device.command, "driver": pair.driver.command}}


def measure(layout, seconds):
    """Frames per second of the fastest setting at burst 32. Raises Failure, with one line."""
    return run(layout, seconds)["mpps"] * 1e6


def on_signal(number, _frame):
    # Only once: a second Ctrl-C must not interrupt the cleaning up after the first.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(signal.Signals(number).name)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layout", choices=(*LAYOUTS, "both"), default="both")
    parser.add_argument("--runs", type=int, default=1, help="of each layout, alternating")
    parser.add_argument("--seconds", type=float, default=3.0, help="counted interval (default 3)")
    parser.add_argument("--burst", type=int, default=32, help="of both sides (default 32)")
    parser.add_argument("--direction", choices=tuple(DIRECTIONS), default="to-device")
    parser.add_argument("--driver", help="other settings of virtio-user, such as 'in_order=0'")
    parser.add_argument("--round-trip", type=Path, default=ROUND_TRIP,
                        help="the program core_round_trip; without it, null is printed")
    args = parser.parse_args()
    if args.runs < 1 or not 0.1 <= args.seconds <= 60 or not 1 <= args.burst <= 512:
        parser.error("needs --runs >= 1, --seconds from 0.1 to 60 and --burst from 1 to 512")
    return args


def main():
    args = parse_arguments()
    for each in SIGNALS:
        signal.signal(each, on_signal)
    try:
        with HugePages(PAGES):
            for _ in range(args.runs):
                for layout in LAYOUTS if args.layout == "both" else (args.layout,):
                    print(json.dumps(run(layout, args.seconds, args.burst, args.direction,
                                         args.driver, args.round_trip)), flush=True)
    except Failure as failure:
        print(f"dpdk_virtqueue: {failure}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(f"dpdk_virtqueue: stopped by {stopped}; everything is put back", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
