# SPDX-License-Identifier: BSD-2-Clause
"""What the completion suite measured: samples by point and repetition, and ratios between points.

A sample is what completion_bench says of one benchmark (its counters), with `name` and `repetition`.
Samples whose device fell short are kept and marked; no ratio is made of them.
"""
import statistics

from paired import paired_ratio

PLACES = ("two", "one", "driven")
STYLES = ("push", "push-backlog", "push-pause", "notify", "poll", "virtqueue")
COLUMNS = (*STYLES, "unbudgeted", "control")
LOADS = ("0.1", "0.3", "0.5", "0.8", "1", "1.5", "2", "4", "10")
# By place: where the modes are compared.
MODE_LOADS = {"two": ("0.1", "0.3", "0.8", "2", "10"), "tap": ("0.1", "0.3", "0.8", "1.2", "1.5")}


class Samples:
    """All samples of a run."""

    def __init__(self, document):
        self.seed = document["parameters"]["seed"]
        self.by_name = {}
        for sample in document["samples"]:
            self.by_name.setdefault(sample["name"], {})[sample["repetition"]] = sample

    def of(self, name):
        """Valid samples of a point, by repetition."""
        return {repetition: sample for repetition, sample in self.by_name.get(name, {}).items()
                if sample["valid"]}

    def invalid(self, name):
        return len(self.by_name.get(name, {})) - len(self.of(name))

    def median(self, name, figure):
        """Over the valid samples; None without any."""
        values = [sample[figure] for sample in self.of(name).values()]
        return statistics.median(values) if values else None

    def median_of_all(self, name, figure):
        """Over all samples, those that are not valid included; None without any."""
        values = [sample[figure] for sample in self.by_name.get(name, {}).values()]
        return statistics.median(values) if values else None

    def worst(self, name, figure):
        """The largest of all samples, those that are not valid included; None without any."""
        values = [sample[figure] for sample in self.by_name.get(name, {}).values()]
        return max(values, default=None)

    def ratio(self, above, below):
        """Of two figures, each a function of a repetition that answers None where there is none:
        median, lower and upper end, number of pairs; None without any."""
        pairs = []
        for repetition in sorted({r for samples in self.by_name.values() for r in samples}):
            one, other = above(repetition), below(repetition)
            if one is not None and other:
                pairs.append((one, other))
        if not pairs:
            return None
        return (*paired_ratio([p[0] for p in pairs], [p[1] for p in pairs], self.seed), len(pairs))

    def figure(self, name, figure):
        """That figure of that point as a function of the repetition."""
        samples = self.of(name)
        return lambda repetition: samples[repetition][figure] if repetition in samples else None

    def best_point(self, names, figure, better=max):
        """The point whose median is the best: chosen once, and not anew in each repetition, where
        the luckiest of equal ones would be better than all of them."""
        medians = {name: self.median(name, figure) for name in names}
        known = [name for name in names if medians[name] is not None]
        return self.figure(better(known, key=medians.get) if known else names[0], figure)


def sweep(place, load, column):
    return f"sweep/{place}/load:{load}/{column}"


def mode_point(place, load, mode):
    return f"mode/{place}/load:{load}/{mode}"
