# SPDX-License-Identifier: BSD-2-Clause
"""What the engine suite compares with what. The idle gaps are not here: see gap_measure.py."""
from engine_measure import Figure
from ring_plan import Group

LAYOUTS = ("split", "packed")
# The layout that the bars are on; the other one is printed beside it.
BARRED_LAYOUT = "packed"
UNITS = {"mops": "million/s", "gbps": "GB/s", "submitter_ns": "ns per copy"}
COPY_SIZES = [4 ** power << 10 for power in range(2, 8)]  # 16 KiB to 16 MiB
FUSED_SIZES = [4 << 10, *COPY_SIZES]
# Where neither source nor target fits into a second cache, and two passes fetch the bytes twice.
FUSED_BAR_FROM = 4 << 20
HANDOVER_SIZES = (64, 256, 1024, 1500, 4096, 16384, 65536)
HANDOVER_BAR_FROM = 4096
BATCH_SIZES = (64, 256, 576, 1500)


def size_words(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size}B"


class EngineGroup(Group):
    """A group with a figure of its own.

    `rivals`: the ratio is to the better of these. `views`: further bars on the same samples, each a
    name, a ratio and a bar. Members whose benchmark was not built are left out; where one of the ratio
    is, `instead` is shown, without a bar.
    """

    def __init__(self, name, members, ratio, figure, bar=None, also=(), doubles=(), rivals=(),
                 views=(), instead=None):
        members = {variant: Figure(*member, figure) for variant, member in members.items()}
        members = {variant: member for variant, member in members.items() if member.exists()}
        if not set(ratio) <= set(members):
            ratio, bar = instead, None
        super().__init__(name, members, ratio, bar,
                         [pair for pair in also if set(pair) <= set(members)],
                         [variant for variant in doubles if variant in members])
        self.figure, self.unit, self.rivals = figure, UNITS[figure], list(rivals)
        self.views = [view for view in views if set(view[1]) <= set(members)]

    def documents(self):
        """What is saved: the group itself and its views."""
        common = {**self.document(), "figure": self.figure, "unit": self.unit,
                  "rivals": self.rivals, "more_is_better": self.figure != "submitter_ns"}
        found = [common]
        for name, ratio, bar in self.views:
            found.append({**common, "name": name, "samples_of": self.name, "ratio": ratio,
                          "bar": bar, "also": [], "controls": [], "rivals": []})
        return found


def small_groups(benches):
    groups = []
    other = next(layout for layout in LAYOUTS if layout != BARRED_LAYOUT)
    for burst in (1, 32):
        kinds = (*LAYOUTS, "skeleton", "rings")
        members = {kind: (benches.small, f"small/copy/{kind}/burst:{burst}/two_threads")
                   for kind in kinds}
        rings_bar = ">=0.90" if burst == 32 else None
        groups.append(EngineGroup(
            f"small.skeleton.burst{burst}", members, (BARRED_LAYOUT, "skeleton"), "mops",
            bar=">=1.00", also=[(other, "skeleton"), (other, "rings"), LAYOUTS],
            doubles=(BARRED_LAYOUT,), instead=LAYOUTS,
            views=[(f"small.rings.burst{burst}", (BARRED_LAYOUT, "rings"), rings_bar)]))
    return groups


def noop_groups(benches):
    groups = []
    for place, threads in (("driven", "one_thread"), ("autonomous", "two_threads")):
        for burst in (1, 32):
            members = {layout: (benches.small, f"small/nop/{layout}/burst:{burst}/{threads}")
                       for layout in LAYOUTS}
            groups.append(EngineGroup(f"noop.{place}.burst{burst}", members, LAYOUTS, "mops"))
    return groups


def copy_groups(benches, sizes):
    groups = []
    for warmth in ("hot", "cold"):
        for size in sizes:
            end = f"{warmth}/{size}/one_thread"
            members = {"engine": (benches.copy, f"copy/engine/{end}"),
                       "libc": (benches.copy, f"copy/memcpy/{end}"),
                       "libc tuned": (benches.copy_tuned, f"copy/memcpy/{end}")}
            groups.append(EngineGroup(f"copy.{warmth}.{size_words(size)}", members,
                                      ("engine", "libc"), "gbps", bar=">=0.95",
                                      doubles=("engine",), rivals=("libc", "libc tuned")))
    return groups


def fused_groups(benches, sizes):
    groups = []
    for warmth in ("hot", "cold"):
        for size in sizes:
            members = {kind: (benches.copy,
                              f"fused/{kind.replace(' ', '_')}/{warmth}/{size}/one_thread")
                       for kind in ("one pass", "two passes")}
            barred = size >= FUSED_BAR_FROM
            groups.append(EngineGroup(f"fused.{warmth}.{size_words(size)}", members,
                                      ("one pass", "two passes"), "gbps",
                                      bar=">=1.30" if barred else None,
                                      doubles=("one pass",) if barred else ()))
    return groups


def handover_groups(benches, sizes):
    groups = []
    for warmth in ("hot", "cold"):
        for size in sizes:
            end = f"{warmth}/{size}"
            members = {"calls": (benches.handover, f"handover/calls/{end}/two_threads"),
                       "inline": (benches.handover, f"handover/inline/{end}/one_thread"),
                       "inline tuned": (benches.handover_tuned,
                                        f"handover/inline/{end}/one_thread")}
            if warmth == "hot":
                members["sleeping"] = (benches.handover, f"handover/sleeps/{end}/two_threads")
            barred = size >= HANDOVER_BAR_FROM
            groups.append(EngineGroup(f"handover.{warmth}.{size_words(size)}", members,
                                      ("calls", "inline"), "submitter_ns",
                                      bar="<=0.50" if barred else None,
                                      also=[("sleeping", "inline")],
                                      rivals=("inline", "inline tuned")))
    return groups


def batch_groups(benches, sizes):
    return [EngineGroup(f"batch.{size_words(size)}",
                        {"engine": (benches.handover, f"batch/engine/{size}/two_threads"),
                         "inline": (benches.handover, f"batch/inline/{size}/one_thread"),
                         "inline tuned": (benches.handover_tuned,
                                          f"batch/inline/{size}/one_thread")},
                        ("engine", "inline"), "mops", rivals=("inline", "inline tuned"))
            for size in sizes]
