# SPDX-License-Identifier: BSD-2-Clause
"""What the samples of one point say: the rates of all, the best peer, and our ratio to it."""
import statistics

from paired import paired_ratio
from ring_samples import PLACEMENTS, placement

OURS = "ours"
# Shown beside it, and no peer: the same ring by the calls that copy.
OURS_COPYING = "ours_copy"


class Place:
    """A point with the cores in one placement."""

    def __init__(self, where, rates, pairs, best):
        self.where, self.rates, self.pairs, self.best = where, rates, pairs, best

    def median(self, contender):
        rates = self.rates.get(contender)
        return statistics.median(rates) if rates else None

    def ratio(self, seed):
        """Median ratio of ours to the best peer, with the ends of its interval."""
        return paired_ratio(*zip(*self.pairs), seed)


class PointFigures:
    """The samples of a point, by placement."""

    def __init__(self, point, samples, limits):
        self.point, self.limits = point, limits
        self.rounds = {}
        for sample in samples:
            self.rounds.setdefault(sample["round"], {})[sample["contender"]] = sample
        self.places = {}
        for _, where in PLACEMENTS:
            place = self._place(where)
            if place:
                self.places[where] = place

    def _place(self, where):
        rates = {}
        for contenders in self.rounds.values():
            for name, sample in contenders.items():
                if (self.limits.trouble(sample) is None
                        and placement(sample["round_trip_ns"]) == where):
                    rates.setdefault(name, []).append(sample["mps"])
        peers = [name for name in rates if name not in (OURS, OURS_COPYING)]
        if not peers or OURS not in rates:
            return None
        best = max(peers, key=lambda name: statistics.median(rates[name]))
        return Place(where, rates, self._pairs(where, best), best)

    def _pairs(self, where, best):
        pairs = []
        for contenders in self.rounds.values():
            if OURS not in contenders or best not in contenders:
                continue
            ours, theirs = contenders[OURS], contenders[best]
            probes = ours["round_trip_ns"] + theirs["round_trip_ns"]
            if (self.limits.trouble(ours) is None and self.limits.trouble(theirs) is None
                    and self.limits.like(probes) and placement(probes) == where):
                pairs.append((ours["mps"], theirs["mps"]))
        return pairs

    def main(self):
        """The placement with most pairs; None without a pair."""
        best = max(self.places.values(), key=lambda place: len(place.pairs), default=None)
        return best if best and best.pairs else None

    def pairs(self):
        place = self.main()
        return len(place.pairs) if place else 0


def figures_of(samples, limits):
    """PointFigures by point."""
    by_point = {}
    for sample in samples:
        by_point.setdefault(sample["point"], []).append(sample)
    return {point: PointFigures(point, own, limits) for point, own in by_point.items()}
