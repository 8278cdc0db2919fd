# SPDX-License-Identifier: BSD-2-Clause
"""The processes of nic_compare: pinned, awaited, and never left behind."""
import ctypes
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_S = 10.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """One line: what was tried, on what, why it failed, what to do."""


def persistent(work, attempts=3):
    """What work() returns; one sample that failed shall not cost the others. Each failure is told."""
    for _ in range(attempts - 1):
        try:
            return work()
        except Failure as failure:
            print(f"# measured once more, because {failure}", flush=True)
    return work()


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


def is_listening(pid, port):
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        for fields in map(str.split, lines):
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                return True
    return False
