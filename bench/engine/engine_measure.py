# SPDX-License-Identifier: BSD-2-Clause
"""One sample of the engine suite: a benchmark of one of its programs, in a process of its own."""
import os

from ring_measure import OurBench

# What of a benchmark's answer is compared.
FIGURES = {"mops": lambda result: result["items_per_second"] / 1e6,
           "gbps": lambda result: result["gbps"],
           "submitter_ns": lambda result: result["submitter_ns"]}
LAST_CACHE = "/sys/devices/system/cpu/cpu0/cache/index3/size"


def last_cache_bytes():
    """As the kernel says; 32 MiB where it does not."""
    try:
        with open(LAST_CACHE, encoding="ascii") as file:
            return int(file.read().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 32 << 20


def tuned_libc():
    """Never `rep movsb`, and past the cache from three quarters of it on: on a part of a large
    machine the C library takes the caches of the whole machine for its own."""
    return {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1073741824:"
            f"glibc.cpu.x86_non_temporal_threshold={last_cache_bytes() // 4 * 3}"}


class Benches:
    """The suite's programs, and those of them that call the C library a second time, tuned."""

    def __init__(self, programs, round_trip):
        self.tunables = tuned_libc()
        tuned = {**os.environ, **self.tunables}
        self.small = OurBench(programs / "small_bench", round_trip)
        self.copy = OurBench(programs / "copy_bench", round_trip)
        self.copy_tuned = OurBench(programs / "copy_bench", round_trip, tuned)
        self.handover = OurBench(programs / "handover_bench", round_trip)
        self.handover_tuned = OurBench(programs / "handover_bench", round_trip, tuned)


class Figure:
    """One figure of one benchmark, as a member of a group."""

    def __init__(self, bench, name, figure):
        self.bench, self.name, self.figure = bench, name, figure

    def exists(self):
        return self.name in self.bench.names

    def sample(self):
        result, _, probes = self.bench.measured(self.name)
        return {self.figure: round(FIGURES[self.figure](result), 4),
                "core_share": round(result["core_share"], 3), "round_trip_ns": probes}
