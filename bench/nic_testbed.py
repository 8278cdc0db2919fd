# SPDX-License-Identifier: BSD-2-Clause
"""The namespaces, processes and counters behind nic_compare. Needs root."""
import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

TAP_A, TAP_B = "bpbA0", "bpbB0"
ADDRESS_A, ADDRESS_B = "10.99.71.1", "10.99.71.2"
CORE_UNDER_TEST, CORE_OF_LOAD = 0, 1
IPERF_PORT = 5201
PATIENCE_S = 10.0
# How much of a core other people may use during a load before it is run again. What is measured
# is never looked at for that, so it does not favour a result.
FOREIGN_CORES = 0.10
QUIET_PAUSE_S = 2.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """One line: what was tried, on what, why it failed, what to do."""


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.strip().replace("\n", " ") or f"exit {done.returncode}"
        raise Failure(f"'{' '.join(command)}' failed: {reason}; check that it works by hand")
    return done.stdout


class Child:
    """A pinned process that dies with us and whose standard error is kept for the error line.

    With `silent`, its standard output is kept there as well and not awaited at the end; its
    standard input stays open.
    """

    def __init__(self, command, core, netns=None, silent=False):
        self.command = [str(word) for word in command]
        self.name = Path(self.command[0]).name
        self.log = tempfile.TemporaryFile(mode="w+")
        prefix = ["ip", "netns", "exec", netns] if netns else []

        def prepare():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.sched_setaffinity(0, {core})

        # A process group of its own: Ctrl-C reaches only us, and we end the children in order.
        self.process = subprocess.Popen(prefix + self.command,
                                        stdin=subprocess.PIPE if silent else subprocess.DEVNULL,
                                        stdout=self.log if silent else subprocess.PIPE,
                                        stderr=self.log, text=True, preexec_fn=prepare,
                                        start_new_session=True)

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def fail(self, what):
        lines = self.errors().strip().splitlines()
        said = lines[-1] if lines else "it said nothing"
        raise Failure(f"{self.name} {what}: {said}; try it by hand: {' '.join(self.command)}")

    def wait_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None:
                self.fail(f"ended early with {self.process.returncode}")
            if time.monotonic() > deadline:
                self.fail(f"was not {what} within {PATIENCE_S:.0f} s")
            time.sleep(0.01)

    def wait_ready(self):
        self.wait_until(lambda: f"{self.name}: ready" in self.errors(), "ready")

    def finish(self, seconds=PATIENCE_S, device=None):
        """Waits for the end; returns standard output. Fails at once when the device has died."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                output, _ = self.process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if device is not None and device.process.poll() is not None:
                    device.fail(f"ended under load with {device.process.returncode}")
                if time.monotonic() > deadline:
                    self.fail(f"did not end within {seconds:.0f} s")
        if self.process.returncode != 0:
            self.fail(f"ended with {self.process.returncode}")
        return output

    def finish_json(self, seconds=PATIENCE_S, device=None):
        output = self.finish(seconds, device)
        try:
            return json.loads(output)
        except json.JSONDecodeError as error:
            raise Failure(f"{self.name} printed no JSON: {error}; try it by hand: "
                          f"{' '.join(self.command)}") from error

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.finish_json()

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # with what a wrapper may have started
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.log.close()

    def cpu(self):
        """CPU so far of all threads: nanoseconds together, and (user, system) seconds in ticks."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        tick = os.sysconf("SC_CLK_TCK")
        return total, int(stat[11]) / tick, int(stat[12]) / tick


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


def is_listening(pid, port):
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        for fields in map(str.split, lines):
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                return True
    return False


def tcp_traffic(bed, device, args):
    with bed.child(["iperf3", "-s", "-1", "-p", IPERF_PORT], CORE_OF_LOAD, bed.ns_b) as server:
        server.wait_until(lambda: is_listening(server.process.pid, IPERF_PORT), "listening")
        client = ["iperf3", "-c", ADDRESS_B, "-p", IPERF_PORT, "-t", f"{args.seconds:.0f}", "-J"]
        with bed.child(client, CORE_OF_LOAD, bed.ns_a) as sender:
            end = sender.finish_json(args.seconds + PATIENCE_S, device)["end"]
        server.finish()
    return {"gbit_s": end["sum_received"]["bits_per_second"] / 1e9,
            "retransmits": end["sum_sent"]["retransmits"]}


def frame_traffic(bed, device, args, rate):
    receiver = [bed.programs / "seq_receiver", TAP_B]
    with bed.child(receiver, CORE_OF_LOAD, bed.ns_b) as counter:
        counter.wait_ready()
        command = [bed.programs / "paced_sender", TAP_A, "--rate", rate, "--batch", args.batch,
                   "--seconds", args.seconds, "--size", 60]
        with bed.child(command, CORE_OF_LOAD, bed.ns_a) as sender:
            sent = sender.finish_json(args.seconds + PATIENCE_S, device)
        arrived = counter.stop()
    if arrived["overflowed"]:
        raise Failure(f"seq_receiver on {TAP_B} lost {arrived['overflowed']} frames in its own "
                      f"socket buffer: they would be blamed on the program under test; run again "
                      f"on a machine that does nothing else")
    return {"sent": sent, "arrived": arrived, "fps": arrived["received"] / sent["seconds"]}


def machine_busy():
    """Seconds that all cores together were not idle."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def our_cpu():
    """CPU seconds of this script and of every child that has ended."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def run_load(bed, device, load, args):
    result = undisturbed(lambda: run_load_once(bed, device, load, args), args.attempts)
    check_carried(device, load, result)
    return result


def undisturbed(run, attempts):
    """Runs a load until it was disturbed by nobody else on the machine, a few times at most."""
    for attempt in range(1, attempts + 1):
        began, busy, ours = time.monotonic(), machine_busy(), our_cpu()
        result = run()
        ours = our_cpu() - ours + result["cpu_ns"] / 1e9
        cores = max(0.0, machine_busy() - busy - ours) / (time.monotonic() - began)
        if cores <= FOREIGN_CORES or attempt == attempts:
            result.update(foreign_cores=round(cores, 3), attempts=attempt,
                          disturbed=cores > FOREIGN_CORES)
            return result
        time.sleep(QUIET_PAUSE_S)


def run_load_once(bed, device, load, args):
    """One load through one program: what was carried, and what it cost the program."""
    frames_before, cpu_before = bed.frames_written(), device.cpu()
    if load == "tcp":
        result = tcp_traffic(bed, device, args)
    else:
        result = frame_traffic(bed, device, args, args.rate if load == "paced" else 0)
    cpu_after, frames_after = device.cpu(), bed.frames_written()
    frames = frames_after - frames_before
    total, user, system = (after - before for after, before in zip(cpu_after, cpu_before))
    return {**result, "frames": frames, "cpu_ns": total, "user_s": user, "system_s": system,
            "cpu_ns_per_frame": total / max(frames, 1)}


def check_carried(device, load, result):
    if result["frames"] == 0:
        raise Failure(f"{device.name} carried no frame of the {load} load in "
                      f"{result['cpu_ns'] / 1e9:.3f} s of CPU, while other processes used "
                      f"{result['foreign_cores']:.1f} cores; wait for a quiet machine, or try it "
                      f"by hand: {' '.join(device.command)}")
    if result["cpu_ns"] == 0:
        raise Failure(f"{device.name} carried {result['frames']} frames without using any CPU of "
                      f"its own, so another process did the work; give the program itself, not a "
                      f"wrapper")
