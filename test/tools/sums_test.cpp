// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "output.hpp"
#include "statistics_checker.hpp"

using namespace bellpull;
using netdrv::SimCounters;

namespace {

// Of 10 arrivals 7 were received; of these 4 sent back, 2 consumed, 1 dropped.
tools::Snapshot balanced() {
  netdrv::QueueStats queue;
  queue.rx_packets = 7;
  queue.rx_consumed = 2;
  queue.tx_packets = 4;
  queue.rx_dropped[0] = 1;
  tools::Snapshot snapshot;
  snapshot.nic.ports = {{"sim0", netdrv::PortState::stopped, {queue}}};
  snapshot.ends.resize(1);
  snapshot.ends[0].sim = SimCounters{
      .scheduled = 10, .delivered = 7, .missed_no_buffer = 2, .missed_generator = 1, .sent = 4};
  return snapshot;
}

}  // namespace

TEST_CASE("sums that agree are found in order") {
  CHECK(test::fault_in_sums(to_json(balanced())) == "");
}

TEST_CASE("each number of a simulated NIC that does not add up is found") {
  for (const auto member :
       {&SimCounters::scheduled, &SimCounters::delivered, &SimCounters::missed_no_buffer,
        &SimCounters::missed_generator, &SimCounters::sent, &SimCounters::corrupt,
        &SimCounters::foreign, &SimCounters::reordered, &SimCounters::duplicated}) {
    tools::Snapshot snapshot = balanced();
    ++((*snapshot.ends[0].sim).*member);
    CHECK(test::fault_in_sums(to_json(snapshot)).starts_with("sim0: "));
  }
}

TEST_CASE("a frame without an end and a packet that is left are found") {
  tools::Snapshot snapshot = balanced();
  snapshot.nic.ports[0].queues[0].rx_consumed = 1;
  CHECK(test::fault_in_sums(to_json(snapshot)) ==
        "received or cut, and sent, merged, consumed or dropped: 7 and 6");
  snapshot = balanced();
  snapshot.nic.pool_outstanding = 3;
  CHECK(test::fault_in_sums(to_json(snapshot)) == "left in the pool: 3 and 0");
  CHECK(test::fault_in_sums("{}") != "");
  CHECK(test::fault_in_sums("") == "it is no JSON");
}
