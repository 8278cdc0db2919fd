# SPDX-License-Identifier: BSD-2-Clause
"""The bars of the completion suite."""
from completion_samples import LOADS, MODE_LOADS, mode_point, sweep

KEEPS = 0.90        # of its peak goodput, at ten times the capacity
NEAR_BETTER = 0.85  # of the better of interrupt and polled
HALF_WIDTH = 0.05
LOW_CPU = 1.2
SWITCHES_PER_EDGE = 2.0
CALLS, NOTIFIES = 0.1, 0.05
PUSH_LOOP = 0.90
BUDGET = 64


class Bar:
    """A name, a value with its interval, a condition, and whether it is met."""

    def __init__(self, name, value, condition, met, note=""):
        self.name, self.value, self.condition, self.met, self.note = name, value, condition, met, note

    def line(self):
        return f"{self.name} {self.value} {self.condition} {'ok' if self.met else 'short'}{self.note}"


def missing(name, condition):
    return Bar(name, "none", condition, False, "  # no valid samples")


def ratio_bar(name, ratio, condition, met):
    if ratio is None:
        return missing(name, condition)
    value, low, high, pairs = ratio
    return Bar(name, f"{value:.3f}", condition, met(value, low, high),
               f"  # [{low:.3f}, {high:.3f}], {pairs} pairs")


def overload_bars(samples):
    for place in ("two", "one"):
        for column in ("poll", "virtqueue", "unbudgeted"):
            peak = samples.best_point([sweep(place, load, column) for load in LOADS], "goodput_fps")
            ratio = samples.ratio(samples.figure(sweep(place, "10", column), "goodput_fps"), peak)
            if column == "unbudgeted":
                yield ratio_bar(f"overload.{place}.{column}", ratio, f"<{KEEPS:.2f}",
                                lambda value, low, high: value < KEEPS)
            else:
                yield ratio_bar(f"overload.{place}.{column}", ratio, f">={KEEPS:.2f}",
                                lambda value, low, high: value >= KEEPS)


def adaptive_bars(samples, place, of=""):
    """`of`: what the bars' names have besides."""
    def near(value, low, high):
        return low >= NEAR_BETTER and (high - low) / 2 <= HALF_WIDTH or low >= 1
    condition = f"low>={NEAR_BETTER:.2f},half<={HALF_WIDTH:.2f}"
    where = f"mode/{place}"
    for load in MODE_LOADS[place]:
        fixed = [mode_point(place, load, mode) for mode in ("interrupt", "poll")]
        mine = mode_point(place, load, "adaptive")
        yield ratio_bar(f"adaptive.{of}goodput.{load}",
                        samples.ratio(samples.figure(mine, "goodput_fps"),
                                      samples.best_point(fixed, "goodput_fps")), condition, near)
        yield ratio_bar(f"adaptive.{of}p99.{load}",
                        samples.ratio(samples.best_point(fixed, "p99_ns", min),
                                      samples.figure(mine, "p99_ns")), condition, near)
    yield ratio_bar(f"adaptive.{of}low_cpu",
                    samples.ratio(samples.figure(f"{where}/low/adaptive", "app_cpu_share"),
                                  samples.figure(f"{where}/low/interrupt", "app_cpu_share")),
                    f"<={LOW_CPU}", lambda value, low, high: value <= LOW_CPU)
    switches = samples.ratio(samples.figure(f"{where}/square/adaptive", "mode_switches"),
                             samples.figure(f"{where}/square/adaptive", "edges"))
    yield ratio_bar(f"adaptive.{of}switches_per_edge", switches, f"<={SWITCHES_PER_EDGE:.0f}",
                    lambda value, low, high: high <= SWITCHES_PER_EDGE)
    for mode in ("interrupt", "adaptive"):
        woken = samples.worst(f"{where}/idle/{mode}", "wakeups_total")
        name = f"idle.{of}{mode}.wakeups"
        yield (missing(name, "==0") if woken is None else
               Bar(name, f"{woken:.0f}", "==0", woken == 0, "  # the most in any repetition"))


def fairness_bars(samples):
    """At most twice the p99 of the light port alone, plus one round of the others' budgets, at what
    a frame took in that very sample."""
    for place in ("two", "driven"):
        for style in ("poll", "virtqueue"):
            where = f"fairness/{place}/{style}"
            alone = samples.figure(f"{where}/alone", "p99_ns")
            goodput = samples.figure(f"{where}/beside_eight", "goodput_fps")

            def limit(repetition, alone=alone, goodput=goodput):
                if alone(repetition) is None or not goodput(repetition):
                    return None
                return 2 * alone(repetition) + 8 * BUDGET * 1e9 / goodput(repetition)
            yield ratio_bar(f"fairness.{place}.{style}",
                            samples.ratio(samples.figure(f"{where}/beside_eight", "p99_ns"), limit),
                            "<=1.00", lambda value, low, high: value <= 1)


def call_bars(samples):
    for name, figure, most in (("calls.poll", "border_calls", CALLS),
                               ("notifies.poll", "notifies", NOTIFIES)):
        value = samples.median("calls/poll", figure)
        yield (missing(name, f"<={most}") if value is None else
               Bar(name, f"{value:.4f}", f"<={most}", value <= most, "  # per frame, bursts of 32"))


def push_bar(samples):
    ratio = samples.ratio(samples.figure("push/style", "items_per_second"),
                          samples.figure("push/by_hand", "items_per_second"))
    return ratio_bar("push.inner_loop", ratio, f">={PUSH_LOOP:.2f}",
                     lambda value, low, high: value >= PUSH_LOOP)


def all_bars(samples):
    yield from overload_bars(samples)
    yield from adaptive_bars(samples, "two")
    yield from adaptive_bars(samples, "tap", "tap.")
    yield from fairness_bars(samples)
    yield from call_bars(samples)
    yield push_bar(samples)
