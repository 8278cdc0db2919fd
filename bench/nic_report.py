# SPDX-License-Identifier: BSD-2-Clause
"""Medians, paired ratios and bars for nic_compare."""
import statistics

from paired import ENOUGH_REPS, describe, meets, paired_ratio


def gbit(load):
    return load["gbit_s"]


def frames_per_second(load):
    return load["fps"]


def cpu_per_frame(load):
    return load["cpu_ns_per_frame"]


# load, figure, unit, how to read it, bar on the ratio bellpull / forwarder
FIGURES = (
    ("tcp", "goodput", "Gbit/s", gbit, ">=0.95"),
    ("tcp", "cpu_per_frame", "ns", cpu_per_frame, "<=1.05"),
    ("paced", "frames_per_s", "1/s", frames_per_second, ">=0.95"),
    ("paced", "cpu_per_frame", "ns", cpu_per_frame, "<=1.05"),
    ("flood", "frames_per_s", "1/s", frames_per_second, ">=0.95"),
    ("flood", "cpu_per_frame", "ns", cpu_per_frame, "<=1.05"),
)


def series(samples, mode, variant, load, read):
    chosen = [s for s in samples if s["mode"] == mode and s["variant"] == variant]
    return [read(s["loads"][load]) for s in sorted(chosen, key=lambda s: s["rep"])]


def format_value(value, unit):
    return f"{value:.3f} {unit}" if unit == "Gbit/s" else f"{value:,.0f} {unit}"


def print_medians(samples, mode, loads):
    for load in loads:
        for variant in sorted({s["variant"] for s in samples}):
            parts = [format_value(statistics.median(series(samples, mode, variant, load, read)),
                                  unit)
                     for name, _, unit, read, _ in FIGURES if name == load]
            for part in ("user_s", "system_s"):
                share = [1e9 * x[part] / x["frames"] for x in
                         (s["loads"][load] for s in samples
                          if s["mode"] == mode and s["variant"] == variant)]
                parts.append(f"{part[:-2]} {statistics.median(share):,.0f} ns")
            print(f"# median {mode}.{load} {variant}: {', '.join(parts)}")


def calls_and_frames(sample):
    """System calls and frames of one process, from its own statistics."""
    own = sample["statistics"]
    if "ports" not in own:
        return own["syscalls"], own["frames"]
    queues = [queue for port in own["ports"] for queue in port["queues"]]
    return (sum(queue["syscalls"] for queue in queues),
            sum(queue["tx_packets"] for queue in queues))


def print_accounts(samples, mode):
    for variant in sorted({s["variant"] for s in samples}):
        chosen = [s for s in samples if s["mode"] == mode and s["variant"] == variant]
        ratios = []
        for sample in chosen:
            calls, frames = calls_and_frames(sample)
            ratios.append(calls / frames)
            if frames != sample["frames_by_kernel"]:
                print(f"# note: {variant} in repetition {sample['rep'] + 1} counts {frames} frames "
                      f"written, the kernel {sample['frames_by_kernel']}")
        print(f"# {mode} {variant}: {statistics.median(ratios):.3f} system calls per frame")
        shuffled = sum(load["arrived"]["reordered"] + load["arrived"]["duplicated"]
                       for s in chosen for load in s["loads"].values() if "arrived" in load)
        if shuffled:
            print(f"# note: {variant} reordered or duplicated {shuffled} frames in mode {mode}")


def print_mode(samples, mode, args):
    met = True
    for load, figure, unit, read, bar in FIGURES:
        if load not in args.loads:
            continue
        name = f"{mode}.{load}.{figure}"
        base = series(samples, mode, "forwarder", load, read)
        control = series(samples, mode, "control", load, read)
        ratio, low, high = paired_ratio(control, base, args.seed)
        print(f"# control {name} {ratio:.3f} {describe(low, high)}")
        # A loop that spins burns its core whatever it carries, so its CPU per frame has no bar.
        if args.baseline_only or (mode == "poll" and figure == "cpu_per_frame"):
            continue
        values = series(samples, mode, "bellpull", load, read)
        ratio, low, high = paired_ratio(values, base, args.seed)
        verdict = "ok" if meets(ratio, bar) else "short"
        met = met and verdict == "ok"
        print(f"{name} {ratio:.3f} {bar} {verdict} {describe(low, high)}; "
              f"{format_value(statistics.median(values), unit)} against "
              f"{format_value(statistics.median(base), unit)}")
    return met


def print_disturbances(samples):
    loads = [load for sample in samples for load in sample["loads"].values()]
    again = sum(load["attempts"] - 1 for load in loads)
    noisy = sum(load["disturbed"] for load in loads)
    if again:
        print(f"# note: {again} loads were thrown away and run again because other processes used "
              f"the machine; {noisy} of {len(loads)} that count were disturbed all the same")


def print_report(samples, args):
    """Prints everything; says whether every bar is met."""
    print("# CPU is that of the program under test. It includes the receiving stack of the far "
          "side, which runs inside its write(); the sending stack is paid by the sender.")
    print_disturbances(samples)
    if args.reps < ENOUGH_REPS:
        print(f"# note: {args.reps} repetitions are too few for a 95 % interval: those below are "
              f"narrower")
    met = True
    for mode in args.modes:
        print_medians(samples, mode, args.loads)
        print_accounts(samples, mode)
        met = print_mode(samples, mode, args) and met
    return met
