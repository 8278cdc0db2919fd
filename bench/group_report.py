# SPDX-License-Identifier: BSD-2-Clause
"""Ratios and bars of groups whose variants were measured side by side, from a saved run."""
import statistics

from paired import ENOUGH_REPS, describe, meets, paired_ratio
from ring_samples import Limits, Pairs, last_attempts, print_conditions


def limits_of(document):
    parameters = document["parameters"]
    return Limits(parameters["core_share"], parameters["like"])


class Ratio:
    """The ratio of two variants over the pairs of one placement."""

    def __init__(self, pairs, seed, figure="mpps"):
        self.left, self.right = ([pair[i][figure] for pair in pairs] for i in (0, 1))
        self.count = len(pairs)
        self.value, self.low, self.high = paired_ratio(self.left, self.right, seed)

    def medians(self):
        return statistics.median(self.left), statistics.median(self.right)


class Figures:
    """All ratios of a group, by placement."""

    def __init__(self, document, group):
        self.samples, self.group = document["samples"], group
        self.seed = document["parameters"]["seed"]
        self.wanted = min(document["parameters"]["pairs"], ENOUGH_REPS)
        self.limits = limits_of(document)
        # What a ring's group need not say: these, and whose samples it looks at.
        self.figure, self.unit = group.get("figure", "mpps"), group.get("unit", "Mpps")
        self.variants = self._variants()
        self.main = self._pairs(self.variants)

    def _variants(self):
        """The two that are compared: where there are rivals, the better of them is the second."""
        left, right = self.group["ratio"]
        rivals = [rival for rival in self.group.get("rivals") or []
                  if self.median(rival) is not None]
        best = max if self.group.get("more_is_better", True) else min
        return left, best(rivals, key=self.median) if rivals else right

    def median(self, variant):
        """Of all samples that count, wherever the cores were; None without any."""
        samples = last_attempts(self.samples, self._name(), variant).values()
        values = [sample[self.figure] for sample in samples
                  if self.limits.trouble(sample) is None]
        return statistics.median(values) if values else None

    def _name(self):
        return self.group.get("samples_of", self.group["name"])

    def _pairs(self, variants):
        return Pairs(self.samples, self.limits, self._name(), *variants)

    def placements(self):
        """Those that occurred, the one with most pairs first."""
        found = self.main.by_placement
        return sorted(found, key=lambda where: (-len(found[where]), where or ""))

    def ratio(self, where, variants=None):
        pairs = self._pairs(variants) if variants else self.main
        chosen = pairs.by_placement.get(where)
        return Ratio(chosen, self.seed, self.figure) if chosen else None

    def trip_ns(self, where):
        """Median round trip between the two cores; None where one core did everything."""
        probes = [ns for pair in self.main.by_placement[where] for sample in pair
                  for ns in sample["round_trip_ns"] or []]
        return statistics.median(probes) if probes else None

    def discarded(self):
        counts = [f"{count} {reason}" for reason, count in self.main.discarded.items() if count]
        return ", ".join(counts) or "none"


def counted(number):
    return f"{number} pair" if number == 1 else f"{number} pairs"


def pair_words(figures, ratio, where, variants):
    left, right = ratio.medians()
    trip = figures.trip_ns(where)
    return (f"{describe(ratio.low, ratio.high)}; {variants[0]} {left:.2f} against {variants[1]} "
            f"{right:.2f} {figures.unit}, {counted(ratio.count)}"
            + (f", round trip {trip:.0f} ns" if trip else ""))


def print_others(figures, where, name):
    """Controls and further ratios of a group, which have no bar."""
    for again, variant in figures.group["controls"]:
        control = figures.ratio(where, (again, variant))
        if control:
            print(f"# control {name} {variant} {control.value:.3f} "
                  f"{describe(control.low, control.high)}")
    for variants in figures.group["also"]:
        other = figures.ratio(where, variants)
        if other:
            print(f"# {name} {'/'.join(variants)} {other.value:.3f} "
                  f"{pair_words(figures, other, where, variants)}")


def print_group(document, group):
    """The lines of a group; whether its bar, if it has one, is met."""
    figures, bar = Figures(document, group), group["bar"]
    verdicts = []
    for where in figures.placements():
        name = group["name"] + (f".{where}" if where else "")
        print_others(figures, where, name)
        ratio = figures.ratio(where)
        words = pair_words(figures, ratio, where, figures.variants)
        if bar and ratio.count >= figures.wanted:
            verdicts.append("ok" if meets(ratio.value, bar) else "short")
            print(f"{name} {ratio.value:.3f} {bar} {verdicts[-1]} {words}")
        else:
            print(f"# {name} {ratio.value:.3f} {words}{', too few for a bar' if bar else ''}")
    print(f"# {group['name']}: pairs thrown away: {figures.discarded()}")
    if bar and not verdicts:
        verdicts.append("short")
        print(f"{group['name']} - {bar} short: there are not {figures.wanted} pairs that may be "
              f"compared; run again on a quiet machine")
    return "short" not in verdicts


def print_bars(document):
    """Every group; whether all bars are met."""
    limits = limits_of(document)
    print_conditions(document, limits)
    for cut in document["cut"]:
        print(f"# note: not enough time or too few samples that count: {cut}")
    results = [print_group(document, group) for group in document["groups"]]
    if document["skipped"]:
        print(f"# SKIPPED: nothing was compared with DPDK: {document['skipped']}")
    return all(results)


def interval(ratio, bold=False):
    if ratio is None:
        return "–"
    value = f"**{ratio.value:.3f}**" if bold else f"{ratio.value:.3f}"
    return f"{value} [{ratio.low:.3f}, {ratio.high:.3f}]"
