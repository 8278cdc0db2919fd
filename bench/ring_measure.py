# SPDX-License-Identifier: BSD-2-Clause
"""One sample of the ring suite: of our benchmark program, or of DPDK."""
import json
import subprocess
import time

from dpdk_testpmd import Failure
from dpdk_virtqueue import round_trip_ns, run, two_cores

CALIBRATIONS = 5
# So short that a benchmark runs a single time, which takes a quarter of a second or so.
ONCE_S = 0.01


class OurBench:
    """The program virtqueue_bench, one benchmark at a time in a process of its own."""

    def __init__(self, program, round_trip, environment=None):
        self.program, self.round_trip, self.cores = program, round_trip, two_cores()
        self.environment = environment  # of the processes; None: ours
        self.outside_s = float("inf")
        listed = self._call("--benchmark_list_tests").split()
        self.names = [name.removesuffix("/manual_time") for name in listed]

    def _call(self, *options):
        # By setsid, like testpmd's: with autogroups the scheduler shares out by setsid.
        done = subprocess.run([self.program, *options], capture_output=True, text=True,
                              check=False, start_new_session=True, env=self.environment)
        if done.returncode != 0:
            said = done.stderr.strip().replace("\n", " ") or f"exit {done.returncode}"
            raise Failure(f"'{self.program} {' '.join(options)}' failed: {said}; try it by hand")
        return done.stdout

    def calibrate(self, name):
        """Learns how long a process takes around what it times: the least disturbed says it."""
        for _ in range(CALIBRATIONS):
            result, wall = self._timed(name)
            self.outside_s = min(self.outside_s, wall - result["real_time"] / 1e3)

    def _timed(self, name):
        began = time.monotonic()
        answer = self._call(f"--benchmark_filter=^{name}(/manual_time)?$",
                            f"--benchmark_min_time={ONCE_S}", "--benchmark_format=json")
        wall = time.monotonic() - began
        results = json.loads(answer)["benchmarks"] if answer.strip() else []
        if len(results) != 1 or results[0].get("error_occurred"):
            raise Failure(f"{self.program} did not run '{name}': "
                          f"{results[0]['error_message'] if results else 'no such benchmark'}; "
                          f"list them with --benchmark_list_tests")
        return results[0], wall

    def _probe(self):
        answer = round_trip_ns(self.cores, self.round_trip)
        if answer is None:
            raise Failure(f"{self.round_trip} is missing; build it with: bench/run ring")
        return answer

    def measured(self, name):
        """What the program said, how long it ran, and the probes around it if there were any."""
        if not name.endswith("/two_threads"):
            return *self._timed(name), None
        before = self._probe()
        result, wall = self._timed(name)
        return result, wall, [before, self._probe()]

    def sample(self, name):
        result, wall, probes = self.measured(name)
        # Of the thread that had less; without that figure, of the one that keeps the time.
        share = result.get("core_share", result["cpu_time"] / 1e3 / (wall - self.outside_s))
        return {"mpps": round(result["items_per_second"] / 1e6, 4),
                "core_share": round(share, 3), "round_trip_ns": probes}


class Ours:
    """A benchmark of ours as a member of a group."""

    def __init__(self, bench, name):
        self.bench, self.name = bench, name

    def sample(self):
        return self.bench.sample(self.name)


class Peer:
    """DPDK's two halves as a member of a group."""

    def __init__(self, layout, burst, seconds, round_trip):
        self.name = f"DPDK {layout} burst {burst}"
        self.arguments = (layout, seconds)
        self.options = {"burst": burst, "round_trip": round_trip}
        self.facts = {}

    def sample(self):
        result = run(*self.arguments, **self.options)
        self.facts = {key: result.pop(key) for key in ("dpdk_version", "how", "args")}
        for key in ("layout", "burst", "direction"):
            result.pop(key)
        return result
