# SPDX-License-Identifier: BSD-2-Clause
"""Which samples of the ring suite count, and which two of them may be compared.

A sample is a dict: group, variant, round, attempt, mpps, core_share, and round_trip_ns, a pair of
probes around it, or None where one core did everything.
"""
import statistics

from paired import ENOUGH_REPS

# Names of placements, and the round trips, in nanoseconds, below which they hold.
PLACEMENTS = ((270.0, "near"), (800.0, "far"), (float("inf"), "remote"))


class Limits:
    """How undisturbed a sample, and how alike two have to be."""

    def __init__(self, core_share, like):
        self.core_share, self.most = core_share, like

    def like(self, probes):
        return max(probes) <= self.most * min(probes)

    def trouble(self, sample):
        """Why a sample does not count; None if it does."""
        if sample["core_share"] < self.core_share:
            return "disturbed"
        if sample["round_trip_ns"] and not self.like(sample["round_trip_ns"]):
            return "moved"
        return None


def placement(probes):
    """near, far or remote; None where one core did everything."""
    if not probes:
        return None
    return next(name for limit, name in PLACEMENTS if statistics.mean(probes) < limit)


def last_attempts(samples, group, variant):
    """The last attempt of each round."""
    return {s["round"]: s for s in samples if s["group"] == group and s["variant"] == variant}


def print_conditions(document, limits):
    """What the figures of a run have to be read with."""
    bad = [limits.trouble(sample) for sample in document["samples"]]
    print(f"# {len(bad)} samples, of which {bad.count('disturbed')} disturbed by other "
          f"processes and {bad.count('moved')} with cores that moved meanwhile")
    if document["parameters"]["pairs"] < ENOUGH_REPS:
        print(f"# note: {document['parameters']['pairs']} pairs are too few for a 95 % interval: "
              f"those below are narrower")


class Pairs:
    """The samples of two variants of a group, round by round, apart by placement."""

    def __init__(self, samples, limits, group, left, right):
        self.limits = limits
        self.by_placement, self.discarded = {}, {"disturbed": 0, "moved": 0, "unlike": 0}
        others = last_attempts(samples, group, right)
        for round_, ours in sorted(last_attempts(samples, group, left).items()):
            if round_ in others:
                self._add(ours, others[round_])

    def _add(self, ours, theirs):
        probes = (ours["round_trip_ns"] or []) + (theirs["round_trip_ns"] or [])
        reason = self.limits.trouble(ours) or self.limits.trouble(theirs)
        if reason is None and probes and not self.limits.like(probes):
            reason = "unlike"
        if reason:
            self.discarded[reason] += 1
        else:
            self.by_placement.setdefault(placement(probes), []).append((ours, theirs))

    def most(self):
        """Pairs of the placement that has most."""
        return max((len(pairs) for pairs in self.by_placement.values()), default=0)
