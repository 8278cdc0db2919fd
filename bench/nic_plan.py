# SPDX-License-Identifier: BSD-2-Clause
"""The peers part: which loads go through which peers, and in which order."""
from nic_child import persistent
from nic_loads import (DATAGRAM, DATAGRAMS_PER_CALL, measured, round_trips, short_frames, tcp, udp)
from nic_quiet import undisturbed

FLOWS = 16

# load: how to run it, through whom
CASES = {
    "tcp": (tcp(), ("superframes", "superframes-control", "auto", "auto-uring", "dpdk", "veth")),
    "tcp-both": (tcp("--bidir"), ("superframes", "auto", "veth")),
    "tcp-8": (tcp("-P", "8"), ("superframes", "auto", "veth")),
    "udp": (udp(DATAGRAM, 1), ("superframes", "auto", "off")),
    "udp-segment": (udp(DATAGRAM, DATAGRAMS_PER_CALL), ("superframes", "auto", "off")),
    "udp-64": (udp(64, 1), ("superframes", "auto", "off")),
    "short": (short_frames(FLOWS), ("forwarder", "control", "uring-forwarder", "off", "off-uring",
                                    "auto", "auto-uring")),
    "round-trip": (round_trips, ("superframes", "superframes-control", "auto", "auto-poll")),
}


def measure_peers(bed, peers, order, args):
    """Each repetition has every load through each of its peers once, in random order."""
    samples = []
    for rep in range(args.reps):
        for name in args.cases:
            load, wanted = CASES[name]
            names = [peer for peer in wanted if peer in peers]
            order.shuffle(names)
            print(f"# {rep + 1}/{args.reps} {name}: {' '.join(names)}", flush=True)
            for peer in names:
                sample = persistent(lambda: carried_by(bed, peers[peer], load, args))
                samples.append({"rep": rep, "load": name, "peer": peer, **sample})
    return samples


def carried_by(bed, peer, load, args):
    with peer.started(bed) as device:
        result = undisturbed(lambda: measured(bed, device, load, args), args.attempts)
    bed.wait_gone()
    return {"result": result, "wire_of_run": device.wire if device else 0,
            "statistics": device.statistics if device else {}}
