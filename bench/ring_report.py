# SPDX-License-Identifier: BSD-2-Clause
"""Bars, ratios and tables of the ring suite, from what ring_compare saved."""
import statistics

from paired import ENOUGH_REPS, describe, meets, paired_ratio
from ring_plan import IN_ORDER, NAME
from ring_samples import PLACEMENTS, Limits, Pairs, placement

ROW_NAMES = {"event_idx": "publishes tested by event index", "flags": "publishes tested by flags",
             "uncounted": "without counters", "in_order": "in order"}
PLACE_ORDER = {name: rank for rank, (_, name) in enumerate(PLACEMENTS)}


def limits_of(document):
    parameters = document["parameters"]
    return Limits(parameters["core_share"], parameters["like"])


class Ratio:
    """The ratio of two variants over the pairs of one placement."""

    def __init__(self, pairs, seed):
        self.left, self.right = ([pair[i]["mpps"] for pair in pairs] for i in (0, 1))
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
        self.main = self._pairs(group["ratio"])

    def _pairs(self, variants):
        return Pairs(self.samples, self.limits, self.group["name"], *variants)

    def placements(self):
        """Those that occurred, the one with most pairs first."""
        found = self.main.by_placement
        return sorted(found, key=lambda where: (-len(found[where]), where or ""))

    def ratio(self, where, variants=None):
        pairs = self._pairs(variants) if variants else self.main
        chosen = pairs.by_placement.get(where)
        return Ratio(chosen, self.seed) if chosen else None

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
            f"{right:.2f} Mpps, {counted(ratio.count)}"
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
        words = pair_words(figures, ratio, where, group["ratio"])
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
    bad = [limits.trouble(sample) for sample in document["samples"]]
    print(f"# {len(bad)} samples, of which {bad.count('disturbed')} disturbed by other "
          f"processes and {bad.count('moved')} with cores that moved meanwhile")
    if document["parameters"]["pairs"] < ENOUGH_REPS:
        print(f"# note: {document['parameters']['pairs']} pairs are too few for a 95 % interval: "
              f"those below are narrower")
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


def cores_words(figures, where):
    return f"{where}, {figures.trip_ns(where):.0f} ns" if where else "one"


def peer_table(document):
    groups = [g for g in document["groups"] if g["name"].startswith("peer.")]
    if not groups:
        return [f"Not compared with DPDK: {document['skipped']}."]
    lines = ["| layout, burst | cores | pairs | untrusted / DPDK | in order / DPDK "
             "| trusted / DPDK | untrusted | DPDK | control: ours | control: DPDK |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for group in groups:
        figures = Figures(document, group)
        controls = {variant: (again, variant) for again, variant in group["controls"]}
        _, layout, burst = group["name"].split(".")
        for where in figures.placements():
            main = figures.ratio(where)
            ours, theirs = main.medians()
            doubles = [figures.ratio(where, controls[variant]) if variant in controls else None
                       for variant in ("untrusted", "dpdk")]
            cells = [f"{layout}, {burst.removeprefix('burst')}", cores_words(figures, where),
                     str(main.count), interval(main, bold=True),
                     interval(figures.ratio(where, (IN_ORDER, "dpdk"))),
                     interval(figures.ratio(where, ("trusted", "dpdk"))), f"{ours:.1f} Mpps",
                     f"{theirs:.1f} Mpps", *map(interval, doubles)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def own_table(document):
    lines = ["| ratio | cores | pairs | value | one | other | control |",
             "|---|---|---|---|---|---|---|"]
    for group in document["groups"]:
        if group["name"].startswith("peer."):
            continue
        figures = Figures(document, group)
        _, layout, *threads = group["name"].split(".")
        for where in figures.placements():
            main = figures.ratio(where)
            one, other = main.medians()
            title = f"{layout}: {' / '.join(group['ratio'])}"
            title += f", {threads[0].replace('_', ' ')}" if threads else ", two threads"
            cells = [title, cores_words(figures, where), str(main.count),
                     interval(main, bold=True), f"{one:.1f} Mpps", f"{other:.1f} Mpps",
                     interval(figures.ratio(where, group["controls"][0]))]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def row_name(found):
    trust, *rest = found["kind"].split("/")
    words = [trust, *(ROW_NAMES.get(word, word.replace("_", " ")) for word in rest)]
    return ", ".join(words + ([] if found["payload"] == "copy" else ["no payload"]))


def collect(document):
    """Rates by (threads, placement, row) and by (layout, burst)."""
    rows, columns = {}, set()
    limits = limits_of(document)
    for sample in document["samples"]:
        if sample["group"] != "table" or limits.trouble(sample):
            continue
        found = NAME.fullmatch(sample["variant"])
        row = (found["threads"], placement(sample["round_trip_ns"]), row_name(found))
        column = (found["layout"], int(found["burst"]))
        columns.add(column)
        rows.setdefault(row, {}).setdefault(column, []).append(sample["mpps"])
    return rows, sorted(columns, key=lambda column: (column[0] != "split", column))


def cell(rates):
    if not rates:
        return "–"
    middle = statistics.median(rates)
    if len(rates) == 1:
        return f"{middle:.1f}"
    return f"{middle:.1f} ±{50 * (max(rates) - min(rates)) / middle:.0f}%"


def row_order(row):
    threads, where, name = row
    return (threads != "two_threads", PLACE_ORDER.get(where, 0), "no payload" in name,
            name.count(","), not name.startswith("trusted"), name)


def alone_table(document):
    rows, columns = collect(document)
    lines = ["| Mpps | " + " | ".join(f"{layout} {burst}" for layout, burst in columns) + " |",
             "|---|" + "---|" * len(columns)]
    last = None
    for row in sorted(rows, key=row_order):
        threads, where, name = row
        if (threads, where) != last:
            last = (threads, where)
            title = threads.replace("_", " ") + (f", cores {where}" if where else "")
            lines.append(f"| **{title}** |" + " |" * len(columns))
        lines.append(f"| {name} | " + " | ".join(cell(rows[row].get(c)) for c in columns) + " |")
    return lines


def markdown(document):
    """The lines for README.md."""
    facts, parameters = document["facts"], document["parameters"]
    peer = facts.get("dpdk")
    kernel = facts["kernel"].partition("-")[0]
    return [f"{facts['cpu']}, Linux {kernel}, {facts['compiler']}"
            + (f", {peer}" if peer else "")
            + f", commit {facts['commit']}, seed {parameters['seed']}.", "",
            *peer_table(document), "", *own_table(document), "", *alone_table(document)]
