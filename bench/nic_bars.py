# SPDX-License-Identifier: BSD-2-Clause
"""Medians, paired ratios and bars of the peers part."""
import statistics

from nic_plan import CASES
from paired import ENOUGH_REPS, describe, meets, paired_ratio


def goodput(sample):
    return sample["result"]["gbit_s"]


def rate(sample):
    return sample["result"]["rate"]


def cpu_per_frame(sample):
    return sample["result"]["cpu_ns"] / sample["result"]["wire"]


def p50(sample):
    return sample["result"]["p50_ns"]


def p99(sample):
    return sample["result"]["p99_ns"]


def calls_per_frame(sample):
    """System calls for each frame on the wire, also those that wait and those that find nothing.

    Over the whole run of the program, a load that was run again with the others.
    """
    own = sample["statistics"]
    if "ports" not in own:
        return own["syscalls"] / sample["wire_of_run"]
    queues = [queue for port in own["ports"] for queue in port["queues"]]
    calls = sum(queue["syscalls"] for queue in queues) + own["loop"]["waits"] + own["loop"]["looks"]
    return calls / sample["wire_of_run"]


UNITS = {goodput: "Gbit/s", rate: "1/s", cpu_per_frame: "ns", p50: "ns", p99: "ns"}
FIGURES = {"tcp": (goodput,), "tcp-both": (goodput,), "tcp-8": (goodput,), "udp": (rate,),
           "udp-segment": (rate,), "udp-64": (rate,), "short": (rate, cpu_per_frame),
           "round-trip": (p50, p99)}

# The setting that the bars on short frames are about: see README.md.
SHORT = "auto-uring"

# name, load, figure, who, against whom, bar; without a bar the ratio is only told
RATIOS = (
    ("control.tcp", "tcp", goodput, "superframes-control", "superframes", None),
    ("control.short.cpu", "short", cpu_per_frame, "control", "forwarder", None),
    ("control.round_trip.p50", "round-trip", p50, "superframes-control", "superframes", None),
    ("tcp.forwarder", "tcp", goodput, "auto", "superframes", ">=0.98"),
    ("tcp.dpdk", "tcp", goodput, "auto", "dpdk", ">=8"),
    ("tcp.veth", "tcp", goodput, "auto", "veth", None),
    ("tcp.uring", "tcp", goodput, "auto-uring", "auto", None),
    ("tcp_both.forwarder", "tcp-both", goodput, "auto", "superframes", None),
    ("tcp_both.veth", "tcp-both", goodput, "auto", "veth", None),
    ("tcp_8.forwarder", "tcp-8", goodput, "auto", "superframes", None),
    ("tcp_8.veth", "tcp-8", goodput, "auto", "veth", None),
    ("udp.forwarder", "udp", rate, "auto", "superframes", None),
    ("udp_64.forwarder", "udp-64", rate, "auto", "superframes", None),
    ("udp_segment.off", "udp-segment", rate, "auto", "off", ">=3"),
    ("udp_segment.forwarder", "udp-segment", rate, "auto", "superframes", None),
    ("short.cpu.uring", "short", cpu_per_frame, SHORT, "uring-forwarder", "<=1.08"),
    ("short.cpu.forwarder", "short", cpu_per_frame, SHORT, "forwarder", "<=0.8"),
    ("short.rate.uring", "short", rate, SHORT, "uring-forwarder", ">=1"),
    ("short.rate.forwarder", "short", rate, SHORT, "forwarder", ">=1"),
    ("short.off_uring.cpu", "short", cpu_per_frame, "off-uring", "uring-forwarder", None),
    ("short.off_uring.cpu.forwarder", "short", cpu_per_frame, "off-uring", "forwarder", None),
    ("short.off.cpu", "short", cpu_per_frame, "off", "forwarder", None),
    ("round_trip.p50.interrupt", "round-trip", p50, "auto", "superframes", "<=1.05"),
    ("round_trip.p50.poll", "round-trip", p50, "auto-poll", "superframes", None),
    ("round_trip.p99.poll", "round-trip", p99, "auto-poll", "superframes", "<=1"),
)

# name, load, who, most system calls per frame on the wire
CALLS = (
    ("short.calls", "short", SHORT, 1 / 16),
    ("udp_segment.calls", "udp-segment", "auto", 1 / 20),
    ("tcp.calls", "tcp", "auto", 1 / 20),
    ("tcp.calls.uring", "tcp", "auto-uring", 1 / 20),
)


def chosen(samples, load, peer):
    found = [s for s in samples if s["load"] == load and s["peer"] == peer]
    return sorted(found, key=lambda sample: sample["rep"])


def told(value, figure):
    unit = UNITS[figure]
    return f"{value:.3f} {unit}" if unit == "Gbit/s" else f"{value:,.0f} {unit}"


def print_medians(samples, args):
    for load in args.cases:
        for peer in CASES[load][1]:
            found = chosen(samples, load, peer)
            if not found:
                continue
            parts = [f"{figure.__name__} {told(statistics.median(map(figure, found)), figure)}"
                     for figure in FIGURES[load]]
            cores = statistics.median(s["result"]["cpu_ns"] for s in found) / 1e9 / args.seconds
            parts.append(f"{cores:.2f} cores")
            if found[0]["statistics"]:
                calls = statistics.median(map(calls_per_frame, found))
                parts.append(f"{calls:.3f} system calls per frame")
            print(f"# median {load} {peer}: {', '.join(parts)}")


def met(ratio, low, high, bar):
    """A bar at 1 asks for no difference to the worse: the interval may hold 1."""
    if bar == ">=1":
        return high >= 1
    if bar == "<=1":
        return low <= 1
    return meets(ratio, bar)


def print_ratio(samples, row, seed):
    name, load, figure, peer, base, bar = row
    values, against = ([figure(s) for s in chosen(samples, load, each)] for each in (peer, base))
    if not values or not against:
        return bar is None  # what was not measured is not met
    ratio, low, high = paired_ratio(values, against, seed)
    ends = (f"{describe(low, high)}; {peer} {told(statistics.median(values), figure)} against "
            f"{base} {told(statistics.median(against), figure)}")
    if bar is None:
        print(f"# {name} {ratio:.3f} {ends}")
        return True
    good = met(ratio, low, high, bar)
    print(f"{name} {ratio:.3f} {bar} {'ok' if good else 'short'} {ends}")
    return good


def print_bars(samples, args):
    """Prints everything; says whether every bar is met."""
    print_medians(samples, args)
    disturbed = sum(sample["result"]["disturbed"] for sample in samples)
    if disturbed:
        print(f"# note: {disturbed} of {len(samples)} loads were disturbed by other processes")
    if args.reps < ENOUGH_REPS:
        print(f"# note: {args.reps} repetitions are too few for a 95 % interval")
    good = [print_ratio(samples, row, args.seed) for row in RATIOS if row[1] in args.cases]
    for name, load, peer, most in CALLS:
        found = chosen(samples, load, peer)
        if not found:
            continue
        calls = statistics.median(map(calls_per_frame, found))
        good.append(calls <= most)
        print(f"{name} {calls:.4f} <={most:.4f} {'ok' if good[-1] else 'short'} {peer}")
    return all(good)
