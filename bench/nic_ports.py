# SPDX-License-Identifier: BSD-2-Clause
"""What more ports cost: one bellpull that reflects, the same traffic spread over its ports."""
import contextlib
import re
import statistics
from pathlib import Path

from nic_child import PATIENCE_S, Failure
from nic_loads import received
from nic_quiet import undisturbed
from nic_testbed import CORE_OF_LOAD, CORE_UNDER_TEST

PORTS = (2, 8, 32)
RATE = 96_000  # frames per second of all ports together
TAP = "bpbP{}"


def resident_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def reflected(bed, device, taps, args):
    before = device.cpu()
    came_before = sum(received(tap, bed.ns_a)[0] for tap in taps)
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(bed.child(
            [args.bellpull, "generate", tap, "--via", "packet", "--rate", RATE // len(taps),
             "--duration", args.seconds, "--format", "json"], CORE_OF_LOAD, bed.ns_a))
            for tap in taps]
        sent = sum(sender.finish_json(args.seconds + PATIENCE_S, device)["sent"]
                   for sender in senders)
    came_back = sum(received(tap, bed.ns_a)[0] for tap in taps) - came_before
    if came_back == 0:
        raise Failure(f"bellpull reflected none of {sent} frames; try it by hand: "
                      f"{' '.join(device.command)}")
    return {"sent": sent, "wire": came_back, "cpu_ns": device.cpu()[0] - before[0],
            "rss_mib": resident_mib(device.process.pid)}


def run_ports(bed, ports, args):
    taps = [TAP.format(i) for i in range(ports)]
    command = [args.bellpull, "run", *(f"tap:{tap},netns={bed.ns_a}" for tap in taps),
               "--app", "reflect", "--format", "json"]
    with bed.child(command, CORE_UNDER_TEST) as device:
        device.wait_ready()
        result = undisturbed(lambda: reflected(bed, device, taps, args), args.attempts)
        device.stop()
    bed.wait_gone()
    return result


def measure_ports(bed, args):
    samples = []
    for rep in range(args.port_reps):
        for ports in PORTS:
            print(f"# ports {rep + 1}/{args.port_reps}: {ports}", flush=True)
            samples.append({"rep": rep, "ports": ports, **run_ports(bed, ports, args)})
    return samples


def print_ports(samples, args):
    for ports in PORTS:
        chosen = [sample for sample in samples if sample["ports"] == ports]
        cpu, rss, rate = (statistics.median(values) for values in zip(*(
            (s["cpu_ns"] / s["wire"], s["rss_mib"], s["wire"] / args.seconds) for s in chosen)))
        print(f"# {ports} ports: {rate:,.0f} frames/s, CPU {cpu:,.0f} ns per frame, "
              f"{rss:.1f} MiB resident")
