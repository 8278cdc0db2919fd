# SPDX-License-Identifier: BSD-2-Clause
"""Rounds of the program ring_bench: rings of values, ours and the peers'."""
import json
import re
import subprocess

from dpdk_testpmd import Failure

NAME = re.compile(r"value/(?P<point>.+)/(?P<contender>[a-z_]+)")
POINT = re.compile(r"(?P<kind>spsc|mpsc\d|pingpong)/capacity:(?P<capacity>\d+)/bytes:(?P<bytes>\d+)"
                   r"(/burst:(?P<burst>\d+))?")


def point_key(point):
    """Sorts points, and takes their names apart: kind, capacity, bytes, burst (0: ping-pong)."""
    found = POINT.fullmatch(point)
    return (found["kind"], int(found["capacity"]), int(found["bytes"]), int(found["burst"] or 0))


class RingBench:
    """The program ring_bench; each round is a process, in which all contenders run."""

    def __init__(self, program, limits, sample_ms):
        self.program = program
        self.options = [f"--core_share={limits.core_share}", f"--like={limits.most}",
                        f"--sample_ms={sample_ms}"]
        names = [NAME.match(name.partition("/iterations")[0])
                 for name in self._call("--benchmark_list_tests").split()]
        self.points = sorted({found["point"] for found in names}, key=point_key)
        self.missing = []

    def _call(self, *options):
        # In a session of its own: with autogroups the scheduler shares out by session.
        done = subprocess.run([self.program, *self.options, *options], capture_output=True,
                              text=True, check=False, start_new_session=True)
        if done.returncode != 0:
            said = done.stderr.strip().replace("\n", " ") or f"exit {done.returncode}"
            raise Failure(f"'{self.program} {' '.join(options)[:200]}' failed: {said}; "
                          f"try it by hand")
        return done.stdout

    def round(self, points, number, seed):
        """The samples of all contenders at these points, in an order that the seed says."""
        answer = json.loads(self._call(f"--seed={seed}", "--benchmark_format=json",
                                       f"--benchmark_filter=^value/({'|'.join(points)})/"))
        self.missing = answer["context"].get("missing", "").split(",")
        self.missing = [package for package in self.missing if package]
        return [self._sample(result, number) for result in answer["benchmarks"]]

    def _sample(self, result, number):
        found = NAME.match(result["name"].partition("/iterations")[0])
        if result.get("error_occurred"):
            raise Failure(f"{self.program} did not run '{result['name']}': "
                          f"{result['error_message']}; the ring loses or changes elements")
        return {"point": found["point"], "contender": found["contender"], "round": number,
                "mps": round(result["items_per_second"] / 1e6, 4),
                "core_share": round(result["core_share"], 3),
                "round_trip_ns": [round(result["round_trip_before"], 1),
                                  round(result["round_trip_after"], 1)]}
