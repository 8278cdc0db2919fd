# SPDX-License-Identifier: BSD-2-Clause
"""Bars and tables of the idle gaps."""
from engine_plan import size_words
from gap_measure import AIM_NS, AIMED, ALSO_WITHOUT_STAMPS, ELECTORS, WORDS, cases, gaps
from paired import ENOUGH_REPS

HEAD = ("| cores, depth, size | who starts the next | gaps | p50 | of rounds | p99 | p99.9 | max "
        "| duty | million/s |")


def print_aim(name, gap, wanted):
    """Whether it is met, or not to be judged."""
    words = (f"ns, medians of {gap.rounds} rounds from {gap.spread[0]:.0f} to "
             f"{gap.spread[1]:.0f}; p99 {gap.p99:.0f}, p99.9 {gap.p999:.0f}, max {gap.most:.0f}, "
             f"duty {gap.duty:.3f}")
    if gap.rounds < wanted:
        print(f"# {name} {gap.p50:.0f} {words}, too few for a bar")
        return None
    met = gap.p50 <= AIM_NS
    print(f"{name} {gap.p50:.0f} <={AIM_NS} {'ok' if met else 'short'} {words}")
    return met


def print_gap_bars(document):
    """A line per aim; whether all are met."""
    found, verdicts = gaps(document), {}
    wanted = min(document["parameters"]["pairs"], ENOUGH_REPS)
    for where, depth, size in cases(found):
        for elector in AIMED:
            gap = found.get((where, depth, size, elector, True))
            name = f"gap.aim.{elector}.depth{depth}.{size_words(size)}"
            judged = verdicts.setdefault(name, [])
            if gap is not None and gap.p50 is not None:
                judged.append(print_aim(f"{name}.{where}", gap, wanted))
    unjudged = [name for name, judged in verdicts.items() if set(judged) <= {None}]
    for name in unjudged:
        print(f"{name} - <={AIM_NS} short: fewer than {wanted} undisturbed rounds with a gap; run "
              f"again on a quiet machine")
    return not unjudged and all(met is not False for each in verdicts.values() for met in each)


def nanoseconds(value):
    return "–" if value is None else f"{value:,.0f}"


def case_words(case):
    where, depth, size = case
    return f"{where}, {depth}, {size_words(size)}"


def row(case, elector, gap):
    spread = "–" if gap.spread is None else f"{gap.spread[0]:,.0f} to {gap.spread[1]:,.0f}"
    duty = "–" if gap.duty is None else f"{gap.duty:.3f}"
    cells = [case_words(case), WORDS[elector], f"{gap.counted:,}",
             f"**{nanoseconds(gap.p50)}**", spread, nanoseconds(gap.p99), nanoseconds(gap.p999),
             nanoseconds(gap.most), duty, f"{gap.mops:.2f}"]
    return f"| {' | '.join(cells)} |"


def gap_table(document):
    found = gaps(document)
    lines = [HEAD, "|---" * 10 + "|"]
    for case in cases(found):
        lines += [row(case, elector, found[*case, elector, True]) for elector in ELECTORS
                  if (*case, elector, True) in found]
    return lines


def histogram_table(document):
    """Share of the gaps below each power of two, of all rounds together."""
    found = {key: gap for key, gap in gaps(document).items() if key[3] and gap.counted}
    bounds = sorted({bound for gap in found.values() for bound in gap.histogram})
    lines = ["| gaps in %, below ns | " + " | ".join(f"{bound:,}" for bound in bounds) + " |",
             "|---" * (len(bounds) + 1) + "|"]
    for case in cases(found):
        for elector in ELECTORS:
            gap = found.get((*case, elector, True))
            if gap is None:
                continue
            shares = [gap.histogram.get(bound, 0) / gap.counted * 100 for bound in bounds]
            cells = ["" if share == 0 else "<0.01" if share < 0.01 else f"{share:.2f}"
                     for share in shares]
            lines.append(f"| {case_words(case)}, {elector} | {' | '.join(cells)} |")
    return lines


def probe_table(document):
    found = gaps(document)
    lines = ["| cores, depth, size | who starts the next | million/s with stamps | without "
             "| ratio |",
             "|---|---|---|---|---|"]
    for case in cases(found):
        for elector in ALSO_WITHOUT_STAMPS:
            both = [found.get((*case, elector, stamped)) for stamped in (True, False)]
            if None in both:
                continue
            lines.append(f"| {case_words(case)} | {WORDS[elector]} | "
                         f"{both[0].mops:.2f} | {both[1].mops:.2f} | "
                         f"{both[0].mops / both[1].mops:.2f} |")
    return lines
