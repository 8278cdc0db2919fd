# SPDX-License-Identifier: BSD-2-Clause
"""The traffic of the peers part: what is sent through a peer, and what arrived of it."""
import json

from nic_child import PATIENCE_S, Failure, call, is_listening
from nic_testbed import ADDRESS_B, CORE_OF_LOAD, IPERF_PORT, TAP_A, TAP_B

# Of a frame of 60 bytes that bellpull generate sends: Ethernet, IPv4 and UDP; what they carry.
HEADERS, PAYLOAD = 42, 18
DATAGRAM = 1400
DATAGRAMS_PER_CALL = 46  # as many as 64 KiB hold
TCP_SEGMENT = 1448  # of an MTU of 1500, with timestamps


def tcp(*options):
    def run(bed, device, args):
        with bed.child(["iperf3", "-s", "-1", "-p", IPERF_PORT], CORE_OF_LOAD, bed.ns_b) as server:
            server.wait_until(lambda: is_listening(server.process.pid, IPERF_PORT), "listening")
            command = ["iperf3", "-c", ADDRESS_B, "-p", IPERF_PORT, "-t", args.seconds, "-J",
                       *options]
            with bed.child(command, CORE_OF_LOAD, bed.ns_a) as client:
                end = client.finish_json(args.seconds + PATIENCE_S, device)["end"]
            server.finish()
        sums = [end[name] for name in ("sum_received", "sum_received_bidir_reverse") if name in end]
        return {"gbit_s": sum(part["bits_per_second"] for part in sums) / 1e9,
                "wire": sum(part["bytes"] for part in sums) / TCP_SEGMENT}
    return run


def udp(size, per_call):
    """Numbered datagrams, `per_call` in a call (UDP_SEGMENT), every byte checked on arrival."""
    def run(bed, device, args):
        receiver = [bed.programs / "udp_segment_receiver"]
        with bed.child(receiver, CORE_OF_LOAD, bed.ns_b) as counter:
            counter.wait_ready()
            command = [bed.programs / "udp_segment_sender", ADDRESS_B, "--segment", size,
                       "--segments", per_call, "--seconds", args.seconds]
            with bed.child(command, CORE_OF_LOAD, bed.ns_a) as sender:
                sent = sender.finish_json(args.seconds + PATIENCE_S, device)
            arrived = counter.stop()
        return {"sent": sent, "arrived": arrived, "wire": arrived["datagrams"],
                "rate": arrived["datagrams"] / sent["seconds"]}
    return run


def round_trips(bed, device, args):
    program = bed.programs / "udp_round_trip"
    with bed.child([program, "--echo"], CORE_OF_LOAD, bed.ns_b) as echo:
        echo.wait_ready()
        with bed.child([program, ADDRESS_B, "--seconds", args.seconds], CORE_OF_LOAD,
                       bed.ns_a) as asker:
            figures = asker.finish_json(args.seconds + PATIENCE_S, device)
    if figures["answered"] == 0:
        raise Failure(f"nobody answered udp_round_trip through {device.name}; is {TAP_B} up?")
    return {**figures, "wire": 2 * figures["answered"]}


def received(tap, netns):
    """Short frames that the kernel received so far, a superframe being those that it was merged
    from, which its bytes tell; and how many frames and superframes they came in.
    """
    answer = json.loads(call("ip", "-n", netns, "-j", "-s", "link", "show", "dev", tap))
    counted = answer[0]["stats64"]["rx"]
    return (counted["bytes"] - HEADERS * counted["packets"]) // PAYLOAD, counted["packets"]


def short_frames(flows):
    """Frames of 60 bytes written by XDP into the first TAP, counted by the kernel at the second.

    Nobody listens there: they end as frames for another station.
    """
    def run(bed, device, args):
        before = received(TAP_B, bed.ns_b)
        command = [args.bellpull, "generate", TAP_A, "--rate", 0, "--flows", flows,
                   "--duration", args.seconds, "--format", "json"]
        with bed.child(command, CORE_OF_LOAD, bed.ns_a) as sender:
            sent = sender.finish_json(args.seconds + PATIENCE_S, device)
        frames, packets = (late - early for late, early in
                           zip(received(TAP_B, bed.ns_b), before))
        if frames == 0:
            raise Failure(f"{device.name} carried none of the {sent['sent']} frames that were "
                          f"generated; try it by hand: {' '.join(device.command)}")
        return {"sent": sent["sent"], "wire": frames, "packets": packets,
                "rate": frames / args.seconds}
    return run


def measured(bed, device, load, args):
    """One load through one peer, with the CPU that the peer used.

    `wire` is what arrived, in frames as they would be on a cable: a superframe is as many as it
    holds, and acknowledgements are left out.
    """
    before = device.cpu() if device else (0, 0, 0)
    result = load(bed, device, args)
    after = device.cpu() if device else (0, 0, 0)
    if device:
        device.wire = getattr(device, "wire", 0) + result["wire"]
    total, user, system = (late - early for late, early in zip(after, before))
    return {**result, "cpu_ns": total, "user_s": user, "system_s": system}
