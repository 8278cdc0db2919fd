# SPDX-License-Identifier: BSD-2-Clause
"""The traffic of the frames part: what a program carried, and what it cost the program."""
from nic_child import PATIENCE_S, Failure, is_listening
from nic_quiet import undisturbed
from nic_testbed import ADDRESS_B, CORE_OF_LOAD, IPERF_PORT, TAP_A, TAP_B


def tcp_traffic(bed, device, args):
    with bed.child(["iperf3", "-s", "-1", "-p", IPERF_PORT], CORE_OF_LOAD, bed.ns_b) as server:
        server.wait_until(lambda: is_listening(server.process.pid, IPERF_PORT), "listening")
        client = ["iperf3", "-c", ADDRESS_B, "-p", IPERF_PORT, "-t", f"{args.seconds:.0f}", "-J"]
        with bed.child(client, CORE_OF_LOAD, bed.ns_a) as sender:
            end = sender.finish_json(args.seconds + PATIENCE_S, device)["end"]
        server.finish()
    return {"gbit_s": end["sum_received"]["bits_per_second"] / 1e9,
            "retransmits": end["sum_sent"]["retransmits"]}


def frame_traffic(bed, device, args, rate):
    receiver = [bed.programs / "seq_receiver", TAP_B]
    with bed.child(receiver, CORE_OF_LOAD, bed.ns_b) as counter:
        counter.wait_ready()
        command = [bed.programs / "paced_sender", TAP_A, "--rate", rate, "--batch", args.batch,
                   "--seconds", args.seconds, "--size", 60]
        with bed.child(command, CORE_OF_LOAD, bed.ns_a) as sender:
            sent = sender.finish_json(args.seconds + PATIENCE_S, device)
        arrived = counter.stop()
    if arrived["overflowed"]:
        raise Failure(f"seq_receiver on {TAP_B} lost {arrived['overflowed']} frames in its own "
                      f"socket buffer: they would be blamed on the program under test; run again "
                      f"on a machine that does nothing else")
    return {"sent": sent, "arrived": arrived, "fps": arrived["received"] / sent["seconds"]}


def run_load(bed, device, load, args):
    result = undisturbed(lambda: run_load_once(bed, device, load, args), args.attempts)
    check_carried(device, load, result)
    return result


def run_load_once(bed, device, load, args):
    """One load through one program: what was carried, and what it cost the program."""
    frames_before, cpu_before = bed.frames_written(), device.cpu()
    if load == "tcp":
        result = tcp_traffic(bed, device, args)
    else:
        result = frame_traffic(bed, device, args, args.rate if load == "paced" else 0)
    cpu_after, frames_after = device.cpu(), bed.frames_written()
    frames = frames_after - frames_before
    total, user, system = (after - before for after, before in zip(cpu_after, cpu_before))
    return {**result, "frames": frames, "cpu_ns": total, "user_s": user, "system_s": system,
            "cpu_ns_per_frame": total / max(frames, 1)}


def check_carried(device, load, result):
    if result["frames"] == 0:
        raise Failure(f"{device.name} carried no frame of the {load} load in "
                      f"{result['cpu_ns'] / 1e9:.3f} s of CPU, while other processes used "
                      f"{result['foreign_cores']:.1f} cores; wait for a quiet machine, or try it "
                      f"by hand: {' '.join(device.command)}")
    if result["cpu_ns"] == 0:
        raise Failure(f"{device.name} carried {result['frames']} frames without using any CPU of "
                      f"its own, so another process did the work; give the program itself, not a "
                      f"wrapper")
