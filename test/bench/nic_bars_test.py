#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The bars of `bench/run nic` say met where they are, and short where they are not.

The limits that acceptance checks 14, 15 and 17 set to speed are there, not in tests; here is what
tells them.
"""
import contextlib
import io
import sys
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import nic_bars  # noqa: E402 pylint: disable=wrong-import-position

REPS = 6


def samples(load, peer, figure, values, calls=0):
    """One sample for each repetition, with nothing but what the bars read."""
    statistics = {"syscalls": calls}
    return [{"rep": rep, "load": load, "peer": peer, "wire_of_run": 1000, "statistics": statistics,
             "result": {figure: value, "cpu_ns": 1e9, "wire": 1000, "disturbed": False}}
            for rep, value in enumerate(values)]


def verdict(name, *groups):
    """What is said of that bar, and whether all of this load are met."""
    every = [sample for group in groups for sample in group]
    for sample in every:  # a figure that this test is not about
        for figure in ("gbit_s", "rate", "p50_ns", "p99_ns"):
            sample["result"].setdefault(figure, 1)
    args = types.SimpleNamespace(cases=[every[0]["load"]], seconds=1, reps=REPS, seed=1)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        nic_bars.print_bars(every, args)
    lines = [line.split() for line in said.getvalue().splitlines()]
    return [words[3] for words in lines if words[0] == name]


class Bars(unittest.TestCase):
    """Each bar by its name, from both sides."""

    def of(self, name, load, figure, peer, base, ratio):
        return verdict(name, samples(load, peer, figure, [100 * ratio] * REPS),
                       samples(load, base, figure, [100] * REPS))

    def both_sides(self, name, load, figure, peer, base, good, bad):
        self.assertEqual(self.of(name, load, figure, peer, base, good), ["ok"])
        self.assertEqual(self.of(name, load, figure, peer, base, bad), ["short"])

    def test_check_15_superframes_of_udp_are_three_times_as_fast(self):
        self.both_sides("udp_segment.off", "udp-segment", "rate", "auto", "off", 3.01, 2.99)

    def test_check_15_tcp_is_measured_against_the_forwarder_with_superframes(self):
        self.both_sides("tcp.forwarder", "tcp", "gbit_s", "auto", "superframes", 0.99, 0.97)

    def test_check_17_interrupt_mode_answers_within_a_twentieth_of_the_loop(self):
        self.both_sides("round_trip.p50.interrupt", "round-trip", "p50_ns", "auto", "superframes",
                        1.04, 1.06)

    def test_check_17_polled_mode_is_below_the_loop(self):
        self.both_sides("round_trip.p99.poll", "round-trip", "p99_ns", "auto-poll", "superframes",
                        0.9, 1.1)

    def test_check_14_calls_count_against_frames_on_the_wire(self):
        for calls, expected in ((50, "ok"), (51, "short")):
            found = samples("tcp", "auto", "gbit_s", [1] * REPS, calls)
            found[0]["statistics"] = {"syscalls": 10 * calls}  # one odd run is not the median
            self.assertEqual(verdict("tcp.calls", found), [expected])

    def test_a_bar_at_1_asks_for_no_difference_to_the_worse(self):
        base = samples("round-trip", "superframes", "p99_ns", [100] * REPS)
        across = [90, 95, 99, 103, 110, 120]
        self.assertEqual(verdict("round_trip.p99.poll", base,
                                 samples("round-trip", "auto-poll", "p99_ns", across)), ["ok"])

    def test_what_was_not_measured_is_not_met(self):
        args = types.SimpleNamespace(cases=["tcp"], seconds=1, reps=REPS, seed=1)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertFalse(nic_bars.print_bars([], args))


if __name__ == "__main__":
    unittest.main()
