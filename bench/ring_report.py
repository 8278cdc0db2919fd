# SPDX-License-Identifier: BSD-2-Clause
"""Tables of the ring suite, from what ring_compare saved."""
import statistics

from group_report import Figures, interval, limits_of
from ring_plan import IN_ORDER, NAME
from ring_samples import PLACEMENTS, placement

ROW_NAMES = {"event_idx": "publishes tested by event index", "flags": "publishes tested by flags",
             "uncounted": "without counters", "in_order": "in order"}
PLACE_ORDER = {name: rank for rank, (_, name) in enumerate(PLACEMENTS)}


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
