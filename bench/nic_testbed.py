# SPDX-License-Identifier: BSD-2-Clause
"""The namespaces, interfaces and counters behind nic_compare. Needs root."""
import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

from nic_child import PATIENCE_S, Child, Failure, call

TAP_A, TAP_B = "bpbA0", "bpbB0"
ADDRESS_A, ADDRESS_B = "10.99.71.1", "10.99.71.2"
CORE_UNDER_TEST, CORE_OF_LOAD = 0, 1
IPERF_PORT = 5201


class Program:
    """How to start one of the two contestants."""

    def __init__(self, kind, path, more=()):
        self.kind, self.path, self.more = kind, path, list(more)

    def command(self, mode, ns_a, ns_b):
        if self.kind == "forwarder":
            poll = ["--poll"] if mode == "poll" else []
            return [self.path, f"{TAP_A}@{ns_a}", f"{TAP_B}@{ns_b}", *poll]
        return [self.path, "run", f"tap:{TAP_A},netns={ns_a},offload=off",
                f"tap:{TAP_B},netns={ns_b},offload=off", "--app", "patch", "--mode", mode,
                "--format", "json", *self.more]


class Testbed:
    """Two quiet namespaces; removes them and every process in them however the run ends."""

    def __init__(self, programs):
        self.programs = Path(programs)
        self.ns_a, self.ns_b = f"bpbA-{os.getpid()}", f"bpbB-{os.getpid()}"
        self.children = []

    def __enter__(self):
        try:
            for name in (self.ns_a, self.ns_b):
                call("ip", "netns", "add", name)
                # Router solicitations and the like would blur the counters.
                for scope in ("all", "default"):
                    knob = f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"
                    call("ip", "netns", "exec", name, "sh", "-c",
                         f"test ! -e {knob} || echo 1 > {knob}")
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_exception):
        self.remove()

    def remove(self):
        """Safe to call again: takes away whatever is still there."""
        while self.children:
            self.children[-1].kill()
            self.children.pop()
        for name in (self.ns_a, self.ns_b):
            if Path("/run/netns", name).exists():
                subprocess.run(["ip", "netns", "del", name], check=False)

    @contextlib.contextmanager
    def child(self, command, core, netns=None, silent=False):
        child = Child(command, core, netns, silent)
        self.children.append(child)
        yield child
        # Only after a good end; after an exception remove() has the list.
        child.kill()
        self.children.remove(child)

    @contextlib.contextmanager
    def running(self, program, mode):
        command = program.command(mode, self.ns_a, self.ns_b)
        with self.child(command, CORE_UNDER_TEST) as child:
            child.name = program.kind
            child.wait_ready()
            self.bring_up()
            yield child
            child.frames_by_kernel = self.frames_written()
            child.statistics = child.stop()

    def bring_up(self):
        for netns, tap, address in ((self.ns_a, TAP_A, ADDRESS_A), (self.ns_b, TAP_B, ADDRESS_B)):
            call("ip", "-n", netns, "addr", "add", f"{address}/24", "dev", tap)
            call("ip", "-n", netns, "link", "set", tap, "up")

    def wait_gone(self):
        """Waits for the interfaces of the last program, which the kernel may remove behind it."""
        deadline = time.monotonic() + PATIENCE_S
        while any(call("ip", "-n", netns, "-br", "link", "show", "type", kind).strip()
                  for netns in (self.ns_a, self.ns_b) for kind in ("tun", "veth")):
            if time.monotonic() > deadline:
                raise Failure(f"interfaces in {self.ns_a} or {self.ns_b} outlived their program by "
                              f"{PATIENCE_S:.0f} s; look who holds them: ls -l /proc/*/fd")
            time.sleep(0.01)

    def frames_written(self):
        """Frames that the program under test wrote into both TAPs, as the kernel counted them."""
        total = 0
        for netns, tap in ((self.ns_a, TAP_A), (self.ns_b, TAP_B)):
            link = json.loads(call("ip", "-n", netns, "-j", "-s", "link", "show", "dev", tap))
            total += link[0]["stats64"]["rx"]["packets"]
        return total
