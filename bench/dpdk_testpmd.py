# SPDX-License-Identifier: BSD-2-Clause
"""Huge pages borrowed from the kernel, and a testpmd process of DPDK that is asked questions."""
import ctypes
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

PROGRAM = "dpdk-testpmd"
READY = "testpmd> "
PATIENCE_S = 30.0
HUGE_PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """One line: what was tried, on what, why it failed, what to do."""


def find_program():
    found = shutil.which(PROGRAM)
    if found is None:
        raise Failure(f"cannot start {PROGRAM}: it is not in PATH; type: "
                      f"apt-get install dpdk-dev librte-net-vhost23 librte-net-virtio23 "
                      f"librte-mempool-ring23")
    return found


class HugePages:
    """Sees to `pages` free huge pages of 2 MiB; leaving puts the former setting back.

    Takes nothing when enough are free, so a caller may hold one around many runs.
    """

    def __init__(self, pages):
        self.pages, self.before = pages, None

    @staticmethod
    def _read(name):
        return int((HUGE_PAGES / name).read_text())

    def __enter__(self):
        try:
            missing = self.pages - self._read("free_hugepages")
            if missing > 0:
                total = self._read("nr_hugepages")
                self.before = total
                (HUGE_PAGES / "nr_hugepages").write_text(str(total + missing))
        except OSError as error:
            raise Failure(f"cannot reserve {self.pages} huge pages of 2 MiB in {HUGE_PAGES}: "
                          f"{error.strerror}; run as root on a kernel with huge pages") from error
        free = self._read("free_hugepages")
        if free < self.pages:
            self.__exit__()
            raise Failure(f"cannot reserve {self.pages} huge pages of 2 MiB: the kernel has "
                          f"{free} free ones to give; free memory, or reserve them at boot with "
                          f"hugepages={self.pages}")
        return self

    def __exit__(self, *_exception):
        if self.before is not None:
            (HUGE_PAGES / "nr_hugepages").write_text(str(self.before))
            self.before = None


class Testpmd:
    """testpmd with one port and one forwarding thread, pinned to `core`, spoken to on a terminal.

    The thread that reads commands is bound to the same core and sleeps between commands.
    """

    def __init__(self, core, directory, name, vdev, mode, options):
        self.name, self.mode = f"{PROGRAM} ({name})", mode
        self.command = [find_program(), "-v", f"--lcores=0@{core},1@{core}", "--in-memory",
                        "--single-file-segments", "--force-max-simd-bitwidth=512", "--no-pci",
                        "--no-telemetry", f"--file-prefix={name}", f"--vdev={vdev}", "--", "-i",
                        "--disable-link-check", f"--forward-mode={mode}", *options]
        self.said = ""
        self.terminal, theirs = pty.openpty()
        environment = {**os.environ, "RUNTIME_DIRECTORY": str(directory), "TERM": "dumb"}

        def prepare():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

        try:
            # By setsid: Ctrl-C reaches only us, and we end the children in order.
            self.process = subprocess.Popen(self.command, stdin=theirs, stdout=theirs,
                                            stderr=theirs, env=environment, cwd=directory,
                                            preexec_fn=prepare, start_new_session=True)
        except OSError as error:
            os.close(self.terminal)
            raise Failure(f"cannot start {self.command[0]}: {error.strerror}; reinstall the "
                          f"package dpdk-dev") from error
        finally:
            os.close(theirs)

    def _fail(self, what):
        complaints = [line.strip() for line in self.said.splitlines()
                      if re.search(r"error|cannot|fail|invalid|panic", line, re.IGNORECASE)]
        said = " / ".join(complaints[:3]) or "it named no error"
        raise Failure(f"{self.name} {what}: {said}; try it by hand: {' '.join(self.command)}")

    def _read(self, deadline):
        ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            self._fail(f"did not answer within {PATIENCE_S:.0f} s")
        try:
            return os.read(self.terminal, 65536).decode(errors="replace")
        except OSError:  # how a terminal reports that nobody holds its other end
            self._fail(f"ended with {self.process.wait()}")

    def wait_ready(self):
        """Waits for the first sign that it listens, and fails when testpmd came up without its port."""
        if "No probed ethernet devices" in self._until_prompt():
            self._fail("could not make its port")

    def _until_prompt(self):
        deadline, start = time.monotonic() + PATIENCE_S, len(self.said)
        while READY not in self.said[start:]:
            self.said += self._read(deadline)
        return self.said[start:]

    def ask(self, command):
        """Types a command; returns the answer up to the next such sign."""
        os.write(self.terminal, f"{command}\n".encode())
        return self._until_prompt()

    def version(self):
        found = re.search(r"RTE Version: '([^']+)'", self.said)
        return found.group(1) if found else "unknown"

    def port_statistics(self):
        """Counters of the port, and the frame rates since the last call, by testpmd's clock."""
        answer = self.ask("show port stats 0")
        found = {name: int(value) for name, value in
                 re.findall(r"([RT][Xx]-[a-z]+): +(\d+)", answer)}
        if "RX-packets" not in found or "Rx-pps" not in found:
            self._fail("printed no statistics")
        return found

    def stop_forwarding(self):
        """Totals of the forwarding thread since `start`."""
        answer = self.ask("stop").partition("Accumulated")[0]
        return {name: int(value) for name, value in re.findall(r"([RT]X-[a-z]+): +(\d+)", answer)}

    def worker_cpu_s(self):
        """CPU seconds of the forwarding thread so far."""
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().startswith(("lcore-worker", "rte-worker")):
                return int((task / "schedstat").read_text().split()[0]) / 1e9
        return self._fail("has no forwarding thread")

    def close(self):
        """Ends the process, politely at first. Safe to call again."""
        if self.process.poll() is None:
            try:
                os.write(self.terminal, b"quit\n")
                self._drain_until_end(time.monotonic() + 5)
            except OSError:
                pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1

    def _drain_until_end(self, deadline):
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.05)[0]:
                os.read(self.terminal, 65536)
