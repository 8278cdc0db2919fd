# SPDX-License-Identifier: BSD-2-Clause
"""Who carries frames between the two namespaces, and how each of them is started."""
import contextlib
import shutil
from pathlib import Path

from nic_child import Failure, call
from nic_testbed import CORE_UNDER_TEST, TAP_A, TAP_B

TESTPMD = "dpdk-testpmd"
DPDK_PACKAGES = "dpdk-dev librte-net-tap23 librte-mempool-ring23"


class Forwarder:
    """One of the C programs: forwarder, superframe_forwarder or uring_forwarder."""

    def __init__(self, path):
        self.path = path

    @contextlib.contextmanager
    def started(self, bed):
        command = [self.path, f"{TAP_A}@{bed.ns_a}", f"{TAP_B}@{bed.ns_b}"]
        with bed.child(command, CORE_UNDER_TEST) as child:
            # The same source has two names.
            child.wait_until(lambda: "forwarder: ready" in child.errors(), "ready")
            bed.bring_up()
            yield child
            child.statistics = child.stop()


class Bellpull:
    """`bellpull run ... --app patch` with the offloads `auto` or `off`."""

    def __init__(self, path, offload, *options):
        self.path, self.offload, self.options = path, offload, options

    @contextlib.contextmanager
    def started(self, bed):
        ports = [f"tap:{tap},netns={netns},offload={self.offload}"
                 for tap, netns in ((TAP_A, bed.ns_a), (TAP_B, bed.ns_b))]
        command = [self.path, "run", *ports, "--app", "patch", "--format", "json", *self.options]
        with bed.child(command, CORE_UNDER_TEST) as child:
            child.wait_ready()
            bed.bring_up()
            yield child
            child.statistics = child.stop()


class NetTap:
    """DPDK's testpmd over two net_tap ports. It can make them in its own namespace only."""

    @contextlib.contextmanager
    def started(self, bed):
        lcores = f"0@{CORE_UNDER_TEST},1@{CORE_UNDER_TEST}"
        vdevs = [f"--vdev=net_tap{i},iface={tap}" for i, tap in enumerate((TAP_A, TAP_B))]
        command = ["stdbuf", "-oL", TESTPMD, f"--lcores={lcores}", "--no-huge", "-m", "256",
                   "--no-shconf", "--no-pci", "--no-telemetry", *vdevs, "--",
                   "--forward-mode=io", "--total-num-mbufs=8192"]
        with bed.child(command, CORE_UNDER_TEST, silent=True) as child:
            child.name = TESTPMD
            child.wait_until(lambda: "Press enter" in child.errors(), "ready")
            for tap, netns in ((TAP_A, bed.ns_a), (TAP_B, bed.ns_b)):
                call("ip", "link", "set", tap, "netns", netns)
            bed.bring_up()
            yield child
            child.statistics = {}


class Veth:
    """The kernel's own cable: nothing in between, so the limit of what a program can reach."""

    @contextlib.contextmanager
    def started(self, bed):
        call("ip", "-n", bed.ns_a, "link", "add", TAP_A, "type", "veth",
             "peer", "name", TAP_B, "netns", bed.ns_b)
        bed.bring_up()
        yield None
        call("ip", "-n", bed.ns_a, "link", "del", TAP_A)


def all_peers(args):
    """The contestants by name; None where one cannot run here."""
    patch = args.bellpull
    peers = {
        "forwarder": Forwarder(args.programs / "forwarder"),
        "control": Forwarder(args.programs / "forwarder"),
        "superframes": Forwarder(args.programs / "superframe_forwarder"),
        "superframes-control": Forwarder(args.programs / "superframe_forwarder"),
        "uring-forwarder": Forwarder(args.programs / "uring_forwarder"),
        "off": Bellpull(patch, "off"),
        "off-uring": Bellpull(patch, "off", "--io", "uring"),
        "auto": Bellpull(patch, "auto"),
        "auto-uring": Bellpull(patch, "auto", "--io", "uring"),
        "auto-poll": Bellpull(patch, "auto", "--mode", "poll"),
        "dpdk": NetTap(),
        "veth": Veth(),
    }
    for peer in peers.values():
        if isinstance(peer, Forwarder) and not peer.path.exists():
            raise Failure(f"{peer.path} is missing; type: apt-get install liburing-dev, and build "
                          f"it with: bench/run nic")
    drivers = Path("/usr/lib").glob("*/dpdk/pmds-*/librte_net_tap.so*")
    if shutil.which(TESTPMD) is None or next(drivers, None) is None:
        print(f"# MISSING: the comparison lacks DPDK; type: apt-get install {DPDK_PACKAGES}")
        del peers["dpdk"]
    return peers
