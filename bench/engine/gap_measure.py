# SPDX-License-Identifier: BSD-2-Clause
"""Idle gaps by who starts the next transfer: measured, and put together from the rounds."""
import collections
import json
import statistics
import subprocess
import time

from dpdk_testpmd import Failure
from dpdk_virtqueue import round_trip_ns, two_cores
from ring_samples import PLACEMENTS, placement

ELECTORS = ("engine", "engine_one", "engine_driven", "callback", "poll", "dispatcher",
            "dispatcher_sleeps")
# Those whose rate without stamps is measured too, to show what the stamps cost.
ALSO_WITHOUT_STAMPS = ("engine", "engine_one", "dispatcher")
AIM_NS = 200
AIMED = ("engine", "engine_one")
WORDS = {"engine": "the engine", "engine_one": "the engine, back-end holds one",
         "engine_driven": "the engine, driven", "callback": "the client's callback, driven",
         "poll": "the client's poll", "dispatcher": "a dispatcher thread",
         "dispatcher_sleeps": "a dispatcher thread that sleeps"}


class GapBench:
    """The program gap_bench, an elector at a time in a process of its own."""

    def __init__(self, program, round_trip, dice):
        self.program, self.round_trip, self.cores = program, round_trip, two_cores()
        self.dice, self.samples, self.rounds = dice, [], 0

    def _probe(self):
        return round_trip_ns(self.cores, self.round_trip)

    def _run(self, elector, stamped):
        command = [self.program, elector] + ([] if stamped else ["--without-stamps"])
        before = self._probe()
        # By setsid: with autogroups the scheduler shares out by setsid.
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              start_new_session=True)
        if done.returncode != 0:
            raise Failure(f"'{self.program} {elector}' failed: {done.stderr.strip()}; try it by "
                          f"hand")
        probes = [before, self._probe()]
        for line in done.stdout.splitlines():
            self.samples.append({"elector": elector, "stamped": stamped, "round": self.rounds,
                                 "round_trip_ns": probes, **json.loads(line)})

    def measure(self, rounds, seconds):
        """Rounds of all electors in random order, until there are so many or the time is over."""
        until = time.monotonic() + seconds
        runs = [(elector, True) for elector in ELECTORS]
        runs += [(elector, False) for elector in ALSO_WITHOUT_STAMPS]
        while self.rounds < rounds and time.monotonic() < until:
            self.dice.shuffle(runs)
            for run in runs:
                self._run(*run)
            self.rounds += 1
        print(f"# gap: {self.rounds} rounds of {len(runs)} processes", flush=True)


def counts(samples, core_share, like):
    """Those that nothing disturbed."""
    return [sample for sample in samples if sample["core_share"] >= core_share
            and max(sample["round_trip_ns"]) <= like * min(sample["round_trip_ns"])]


def merged(samples):
    """One histogram of all, by upper bound in nanoseconds."""
    whole = collections.Counter()
    for sample in samples:
        whole.update({int(bound): count for bound, count in sample["histogram"].items()})
    return dict(sorted(whole.items()))


class Gap:
    """What the rounds say of one elector at one depth and size, with the cores in one place."""

    def __init__(self, samples):
        self.rounds = len(samples)
        self.counted = sum(sample["counted"] for sample in samples)
        with_gaps = [sample for sample in samples if sample["counted"]]

        def middle(key):
                return statistics.median(sample[key] for sample in with_gaps) if with_gaps else None

        self.p50, self.p99, self.p999 = middle("p50"), middle("p99"), middle("p999")
        self.duty = middle("duty")
        self.spread = [edge(sample["p50"] for sample in with_gaps) for edge in (min, max)] \
            if with_gaps else None
        self.most = max((sample["max"] for sample in with_gaps), default=None)
        self.mops = statistics.median(sample["mops"] for sample in samples)
        self.histogram = merged(with_gaps)


def gaps(document):
    """By (placement, depth, bytes, elector, stamped)."""
    parameters = document["parameters"]
    found = collections.defaultdict(list)
    for sample in counts(document["gaps"], parameters["core_share"], parameters["like"]):
        key = (placement(sample["round_trip_ns"]), sample["depth"], sample["bytes"],
               sample["elector"], sample["stamped"])
        found[key].append(sample)
    return {key: Gap(samples) for key, samples in found.items()}


def cases(found):
    """Placements, depths and sizes that occurred, in order."""
    rank = {name: number for number, (_, name) in enumerate(PLACEMENTS)}
    return sorted({key[:3] for key in found}, key=lambda case: (rank[case[0]], *case[1:]))
