// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include "sample_snapshot.hpp"

using namespace bellpull;

TEST_CASE(
    "the table has a line per port, offloads in use, the drops by reason, the latency, the "
    "simulation, the capture, and what "
    "a frame cost") {
  CHECK(to_table(test::sample_snapshot()) ==
        "port      state    rx frames  rx bytes  rx dropped  tx frames  tx bytes  tx dropped  "
        "polls  bells  syscalls\n"
        "bp0       stopped        101       102           7        103       104           5  "
        "  105    106       108\n"
        "bp0@left  gone             0         0           0          0         0           0  "
        "    0      0         0\n"
        "sim0      stopped          0         0           0          0         0           0  "
        "    0      0         0\n"
        "bp0 offloads: rx csum uso, tx csum\n"
        "bp0@left offloads: rx none, tx csum tso4 tso6 uso\n"
        "bp0 rx dropped: runt 3, not_for_us 4\n"
        "bp0 tx dropped: ring_full 5\n"
        "bp0 latency: p50 0.001 us, p99 2.527 us, p99.9 100000000.000 us, max 100000000.000 us, of "
        "100 frames\n"
        "bp0@left interface: lost 401 times, taken up again 400 times\n"
        "bp0@left dropped by the kernel, as nobody read them in time: 402 frames\n"
        "sim0 simulated: 201 arrivals, 202 delivered, 203 missed for want of a buffer, 204 because "
        "the simulation was late (at most 0.205 us); 206 taken back, 207 corrupt, 208 foreign, 209 "
        "reordered, 210 duplicated\n"
        "bp0 captured: 301 frames, 302 missed, 303 filtered out\n"
        "capture: 304 bytes written\n"
        "app respond: arp 1, icmp4_echo 2\n"
        "101 frames received in 2.50 s; cpu 1.500 s user, 0.250 s system; 10 wake-ups\n"
        "per frame received: 1.40 system calls (those of the loop included), 1.05 bells, "
        "17326.73 us of cpu\n");
}

TEST_CASE("without frames the table has no cost per frame") {
  tools::Snapshot snapshot;
  snapshot.nic.ports = {{"bp0", netdrv::PortState::stopped, {netdrv::QueueStats{}}}};
  snapshot.ends = {{}};
  snapshot.settings.app = "discard";
  CHECK(to_table(snapshot) ==
        "port  state    rx frames  rx bytes  rx dropped  tx frames  tx bytes  tx dropped  polls  "
        "bells  syscalls\n"
        "bp0   stopped          0         0           0          0         0           0      0  "
        "    0         0\n"
        "app discard\n"
        "0 frames received in 0.00 s; cpu 0.000 s user, 0.000 s system; 0 wake-ups\n");
}
