# SPDX-License-Identifier: BSD-2-Clause
"""What the ring suite compares with what, and the order in which it measures it."""
import re
import time

from dpdk_testpmd import Failure
from dpdk_virtqueue import LAYOUTS
from ring_measure import Ours, Peer
from ring_samples import Pairs, last_attempts

ATTEMPTS = 3
# The variant that promises to give back in order, as the peer does, and publishes without a test.
IN_ORDER = "untrusted in order"
# More rounds than this for one pair that counts, and the machine is not fit for measuring.
ROUNDS_PER_PAIR = 3
NAME = re.compile(r"virtqueue/(?P<layout>[a-z]+)/(?P<kind>[a-z_/]+)/burst:(?P<burst>\d+)"
                  r"/(?P<payload>copy|bare)/(?P<threads>two_threads|one_thread)")


class Group:
    """Variants that are measured side by side; `ratio` names the two that count.

    `bar` is None where the ratio is only printed. A control is a pair of a variant and its double.
    """
    figure, unit = "mpps", "Mpps"  # what of a sample is compared

    def __init__(self, name, members, ratio, bar=None, also=(), doubles=()):
        self.name, self.ratio, self.bar, self.also = name, ratio, bar, list(also)
        self.members = dict(members)
        self.controls = [(f"{variant} again", variant) for variant in doubles]
        for again, variant in self.controls:
            self.members[again] = self.members[variant]

    def document(self):
        return {"name": self.name, "ratio": self.ratio, "bar": self.bar, "also": self.also,
                "controls": self.controls,
                "programs": {variant: member.name for variant, member in self.members.items()}}


def ours_name(layout, kind, burst, threads="two_threads"):
    return f"virtqueue/{layout}/{kind}/burst:{burst}/copy/{threads}"


def peer_group(bench, layout, burst, args, barred):
    """Each publish of ours asks whether somebody sleeps, as each of the peer's does."""
    members = {kind: Ours(bench, ours_name(layout, f"{kind}/event_idx", burst))
               for kind in ("untrusted", "trusted")}
    members["dpdk"] = Peer(layout, burst, args.peer_seconds, args.round_trip)
    members[IN_ORDER] = Ours(bench, ours_name(layout, "untrusted/in_order", burst))
    return Group(f"peer.{layout}.burst{burst}", members, ("untrusted", "dpdk"),
                 bar=">=1.00" if barred else None,
                 also=[("trusted", "dpdk"), (IN_ORDER, "dpdk")],
                 doubles=("untrusted", "dpdk") if barred else ())


def trust_group(bench, layout, args):
    members = {kind: Ours(bench, ours_name(layout, kind, 32))
               for kind in ("untrusted", "trusted")}
    return Group(f"trust.{layout}", members, ("untrusted", "trusted"), bar=">=0.80",
                 doubles=("trusted",))


def counters_group(bench, layout, threads, args):
    members = {variant: Ours(bench, ours_name(layout, kind, 32, threads))
               for variant, kind in (("counted", "trusted"), ("uncounted", "trusted/uncounted"))}
    return Group(f"counters.{layout}.{threads}", members, ("counted", "uncounted"),
                 bar=">=0.97" if threads == "one_thread" else None, doubles=("uncounted",))


def barred_peer_groups(bench, args):
    return [peer_group(bench, layout, 32, args, True) for layout in LAYOUTS]


def other_peer_groups(bench, args):
    return [peer_group(bench, layout, burst, args, False)
            for layout in LAYOUTS for burst in (1, 8, 64)]


def own_groups(bench, args):
    return [*(trust_group(bench, layout, args) for layout in LAYOUTS),
            *(counters_group(bench, layout, threads, args)
              for layout in LAYOUTS for threads in ("one_thread", "two_threads"))]


class Measuring:
    """Takes samples, in random order, until enough of them count or the time is over."""

    def __init__(self, dice, limits):
        self.dice, self.limits, self.samples, self.cut = dice, limits, [], []
        self.until = 0.0

    def _over(self):
        return time.monotonic() > self.until

    def _attempts(self, group, variant, member, round_):
        """Again while others disturb it, but only while there is time."""
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS or self._over()
            try:
                sample = member.sample()
            except Failure as failure:
                if last:
                    raise
                print(f"# note: {group} {variant} failed and is tried again: {failure}")
                continue
            sample.update(group=group, variant=variant, round=round_, attempt=attempt)
            self.samples.append(sample)
            if last or self.limits.trouble(sample) is None:
                return

    def _unfinished(self, groups, wanted):
        return [group for group in groups
                if Pairs(self.samples, self.limits, group.name, *group.ratio).most() < wanted]

    def pairs(self, groups, wanted, seconds):
        """Rounds of every group until each has `wanted` pairs of one placement."""
        self.until, round_ = time.monotonic() + seconds, 0
        while round_ < ROUNDS_PER_PAIR * wanted and not self._over():
            for group in self._shuffled(self._unfinished(groups, wanted)):
                if not self._over():
                    self._round(group, round_)
            round_ += 1
        self.cut += [f"{group.name} after {round_} rounds"
                     for group in self._unfinished(groups, wanted)]

    def _shuffled(self, things):
        self.dice.shuffle(things)
        return things

    def _round(self, group, round_):
        variants, said = self._shuffled(list(group.members)), []
        for variant in variants:
            self._attempts(group.name, variant, group.members[variant], round_)
            sample = last_attempts(self.samples, group.name, variant)[round_]
            trouble = self.limits.trouble(sample)
            said.append(f"{variant} {sample[group.figure]:.1f}"
                        + (f" ({trouble})" if trouble else ""))
        print(f"# {group.name} round {round_ + 1}: {', '.join(said)} {group.unit}",
              flush=True)

    def table(self, bench, bursts, repetitions, seconds):
        """Every benchmark of ours, `repetitions` times, interleaved."""
        self.until = time.monotonic() + seconds
        chosen = [name for name in bench.names
                  if (found := NAME.fullmatch(name)) and int(found["burst"]) in bursts]
        for repetition in range(repetitions):
            print(f"# table, repetition {repetition + 1} of {repetitions}", flush=True)
            for done, name in enumerate(self._shuffled(chosen)):
                if self._over():
                    self.cut.append(f"the table in repetition {repetition + 1}, at {done} of "
                                    f"{len(chosen)}")
                    return
                self._attempts("table", name, Ours(bench, name), repetition)
