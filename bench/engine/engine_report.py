# SPDX-License-Identifier: BSD-2-Clause
"""Bars and tables of the engine suite, from what engine_compare saved."""
from gap_report import gap_table, histogram_table, print_gap_bars, probe_table
from group_report import Figures, interval, print_bars

PARTS = ("small", "copy", "handover", "fused", "gap")
# Groups of a part that are not called like it.
PART_OF = {"noop": "small", "batch": "handover"}


def part_of(group):
    first = group["name"].partition(".")[0]
    return PART_OF.get(first, first)


def cores_words(figures, where):
    return f"{where}, {figures.trip_ns(where):.0f} ns" if where else "one"


def group_table(document, part):
    lines = ["| ratio | cores | pairs | value | one | other | control |",
             "|---|---|---|---|---|---|---|"]
    for group in document["groups"]:
        if part_of(group) != part:
            continue
        figures = Figures(document, group)
        for variants in (figures.variants, *group["also"]):
            for where in figures.placements():
                ratio = figures.ratio(where, variants)
                if ratio is None:
                    continue
                main = tuple(variants) == tuple(figures.variants)
                one, other = ratio.medians()
                control = group["controls"] and main and figures.ratio(where, group["controls"][0])
                lines.append(f"| {group['name']}: {' / '.join(variants)} "
                             f"| {cores_words(figures, where)} | {ratio.count} "
                             f"| {interval(ratio, bold=main)} | {one:.2f} {figures.unit} "
                             f"| {other:.2f} {figures.unit} | {interval(control or None)} |")
    return lines


def cheaper_from(document, warmth, variant):
    """The smallest size from which on handing over always costs less than copying; or None."""
    found = None
    for group in reversed([group for group in document["groups"]
                           if group["name"].startswith(f"handover.{warmth}.")]):
        figures = Figures(document, group)
        ours, theirs = figures.median(variant), figures.median(figures.variants[1])
        if ours is None or theirs is None or ours >= theirs:
            break
        found = group["name"].rpartition(".")[2]
    return found


def break_even(document):
    lines = []
    for warmth in ("hot", "cold"):
        for variant, words in (("calls", "post(), issue() and poll() cost"),
                               ("sleeping", "handing over and sleeping until the bell costs")):
            if warmth == "cold" and variant == "sleeping":
                continue
            size = cheaper_from(document, warmth, variant)
            lines.append(f"Bytes {warmth}: {words} less CPU than memcpy() "
                         + (f"from {size} on." if size else "at no size that was tried."))
    return lines


def markdown(document):
    """The lines for README.md."""
    facts, parameters = document["facts"], document["parameters"]
    kernel = facts["kernel"].partition("-")[0]
    lines = [f"{facts['cpu']}, Linux {kernel}, {facts['compiler']}, commit {facts['commit']}, seed "
             f"{parameters['seed']}."]
    lines += [f"Left out: {missing}." for missing in document["missing"]]
    for part in PARTS:
        if part == "gap" and document["gaps"]:
            lines += ["", *gap_table(document), "", *probe_table(document), "",
                      *histogram_table(document)]
        elif any(part_of(group) == part for group in document["groups"]):
            lines += ["", *group_table(document, part)]
            if part == "handover":
                lines += ["", *break_even(document)]
    return lines


def print_all_bars(document):
    """Whether all are met."""
    good = print_bars(document) if document["groups"] else True
    if any(part_of(group) == "handover" for group in document["groups"]):
        for line in break_even(document):
            print(f"# {line}")
    for missing in document["missing"]:
        print(f"# SKIPPED: {missing}")
    return (print_gap_bars(document) if document["gaps"] else True) and good
