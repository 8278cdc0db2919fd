# SPDX-License-Identifier: BSD-2-Clause
"""Bars and tables of the value rings, from what value_compare saved."""
import statistics

from paired import ENOUGH_REPS, meets
from ring_samples import Limits, placement, print_conditions
from value_bench import point_key
from value_figures import OURS, figures_of

KINDS = (("spsc", "One producer, one consumer: million elements per second"),
         ("pingpong", "Ping-pong: million round trips of one element per second"),
         ("mpsc1", "Ring of several producers, one of them running: million elements per second"),
         ("mpsc2", "Two producers on one core: million elements per second"))
BARRED = ("spsc", "pingpong")
# Of the lower ends of the intervals: this at most points, and that at every one.
LOW, LOW_SHARE, LOW_WORST, MEDIAN = 0.95, ">=0.90", ">=0.85", ">=1.20"


def limits_of(document):
    parameters = document["parameters"]
    return Limits(parameters["core_share"], parameters["like"])


def words_of(point):
    _, capacity, size, burst = point_key(point)
    return f"capacity {capacity}, {size} bytes" + (f", burst {burst}" if burst else "")


class Kind:
    """The points of one kind, each with its figures, and the ratios where there are pairs."""

    def __init__(self, document, kind):
        self.seed = document["parameters"]["seed"]
        self.wanted = min(document["parameters"]["pairs"], ENOUGH_REPS)
        figures = figures_of([sample for sample in document["samples"]
                              if sample["point"].startswith(f"{kind}/")], limits_of(document))
        self.figures = {point: figures[point] for point in sorted(figures, key=point_key)}
        self.planned = [point for point in document["points"] if point.startswith(f"{kind}/")]
        self.ratios = {(point, where): place.ratio(self.seed)
                       for point, own in self.figures.items()
                       for where, place in own.places.items() if place.pairs}

    def counted(self):
        """The ratio, by point, of the placement with most pairs if they are enough."""
        return {point: self.ratios[point, own.main().where]
                for point, own in self.figures.items() if own.pairs() >= self.wanted}


def print_points(kind):
    for point, own in kind.figures.items():
        for where, place in own.places.items():
            if not place.pairs:
                continue
            value, low, high = kind.ratios[point, where]
            print(f"# value.{point}.{where} {value:.3f} [{low:.3f}, {high:.3f}]; {OURS} "
                  f"{place.median(OURS):.2f} against {place.best} "
                  f"{place.median(place.best):.2f} M/s, {len(place.pairs)} pairs"
                  + (", BEHIND" if value < 1 else ""))


def print_kind(document, name):
    """The bars of a kind; whether all are met."""
    kind = Kind(document, name)
    print_points(kind)
    if name not in BARRED:
        return True
    counted = kind.counted()
    lacking = [point for point in kind.planned if point not in counted]
    for point in lacking:
        print(f"# note: value.{point}: fewer than {kind.wanted} pairs that may be compared")
    if not counted:
        print(f"value.{name}.median - {MEDIAN} short: no point has enough pairs; run again on a "
              f"quiet machine")
        return False
    lows = {point: low for point, (_, low, _) in counted.items()}
    worst = min(lows, key=lows.get)
    good = sum(low >= LOW for low in lows.values())
    median = statistics.median(value for value, _, _ in counted.values())
    lines = ((f"low{LOW}", good / len(kind.planned), LOW_SHARE,
              f"the interval begins at {LOW} or above at {good} of {len(kind.planned)} points"),
             ("worst", lows[worst], LOW_WORST, f"the lowest begin of an interval, {words_of(worst)}"),
             ("median", median, MEDIAN, f"ours to the best peer, over {len(counted)} points"))
    passed = not lacking
    for bar, value, limit, words in lines:
        # What was not measured may be worse than the worst.
        met = meets(value, limit) and not (bar == "worst" and lacking)
        passed = passed and met
        print(f"value.{name}.{bar} {value:.3f} {limit} {'ok' if met else 'short'} {words}")
    return passed


def print_bars(document):
    """Every kind; whether all bars are met."""
    limits = limits_of(document)
    print_conditions(document, limits)
    for cut in document["cut"]:
        print(f"# note: {cut}")
    for package in document["missing"]:
        print(f"# MISSING: built without what {package} has: that peer is not in these figures")
    return all([print_kind(document, name) for name, _ in KINDS])


def cell(place, contender):
    rate = place.median(contender)
    if rate is None:
        return "–"
    words = f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.3f}"
    return f"**{words}**" if rate == max(map(place.median, place.rates)) else words


def kind_table(document, name):
    kind = Kind(document, name)
    contenders = {contender for own in kind.figures.values() for place in own.places.values()
                  for contender in place.rates}
    columns = [OURS, *sorted(contenders - {OURS})]
    lines = ["| capacity, bytes, burst | cores | pairs | ours / best peer | best peer | "
             + " | ".join(columns) + " |", "|" + "---|" * (5 + len(columns))]
    for point, own in kind.figures.items():
        for where, place in own.places.items():
            ratio = "–"
            if place.pairs:
                value, low, high = kind.ratios[point, where]
                ratio = f"**{value:.2f}** [{low:.2f}, {high:.2f}]"
            _, capacity, size, burst = point_key(point)
            at = f"{capacity}, {size}" + (f", {burst}" if burst else "")
            cells = [at, where, str(len(place.pairs)), ratio, place.best,
                     *(cell(place, contender) for contender in columns)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def summary(document):
    """A line per kind and placement: how often we are ahead."""
    lines = []
    for name, _ in KINDS:
        kind = Kind(document, name)
        for where in dict.fromkeys(where for _, where in kind.ratios):
            # Of a single pair an interval says nothing.
            values = [ratio[0] for (point, at), ratio in kind.ratios.items()
                      if at == where and len(kind.figures[point].places[at].pairs) >= kind.wanted]
            if values:
                ahead = sum(value > 1 for value in values)
                lines.append(f"- {name}, cores {where}: ahead of the best peer at {ahead} of "
                             f"{len(values)} points, median {statistics.median(values):.2f}, "
                             f"smallest {min(values):.2f}, largest {max(values):.2f}")
    return lines


def markdown(document):
    """The lines for README.md."""
    facts, parameters = document["facts"], document["parameters"]
    trips = {}
    for sample in document["samples"]:
        if limits_of(document).trouble(sample) is None:
            trips.setdefault(placement(sample["round_trip_ns"]), []).extend(
                sample["round_trip_ns"])
    said = ", ".join(f"{where} {statistics.median(own):.0f} ns" for where, own in trips.items())
    lines = [f"{facts['cpu']}, Linux {facts['kernel'].partition('-')[0]}, {facts['compiler']}, "
             f"commit {facts['commit']}, seed {parameters['seed']}; round trip: {said}.", ""]
    lines += [f"**Missing here: {package}.**" for package in document["missing"]]
    lines += [*summary(document), ""]
    for name, title in KINDS:
        lines += [f"{title}", "", *kind_table(document, name), ""]
    return lines
