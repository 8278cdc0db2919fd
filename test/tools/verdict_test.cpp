// SPDX-License-Identifier: BSD-2-Clause
#include "verdict.hpp"

#include <doctest/doctest.h>

using namespace bellpull;
using netdrv::SimCounters;
using tools::verdict_on;

namespace {

tools::Snapshot two_sims() {
  tools::Snapshot snapshot;
  snapshot.nic.ports = {{"sim0", netdrv::PortState::stopped, {netdrv::QueueStats{}}},
                        {"sim1", netdrv::PortState::stopped, {netdrv::QueueStats{}}}};
  snapshot.ends.resize(2);
  for (tools::PortEnd& end : snapshot.ends) {
    end.sim = SimCounters{.scheduled = 9, .missed_no_buffer = 4, .missed_generator = 5, .sent = 3};
  }
  return snapshot;
}

}  // namespace

TEST_CASE("frames that were lost by the device are nobody's error") {
  CHECK(verdict_on(two_sims(), true).empty());
}

TEST_CASE("frames that were changed or mixed up are an error of bellpull, one line per port") {
  for (const auto member : {&SimCounters::corrupt, &SimCounters::foreign, &SimCounters::reordered,
                            &SimCounters::duplicated}) {
    tools::Snapshot snapshot = two_sims();
    (*snapshot.ends[1].sim).*member = 2;
    const auto lines = verdict_on(snapshot, true);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("of 3 frames sent to sim1, "));
    CHECK(lines[0].find("please report it") != std::string::npos);
    CHECK(verdict_on(snapshot, false).empty());
  }
}

TEST_CASE("packets that were not given back are an error of bellpull") {
  tools::Snapshot snapshot = two_sims();
  snapshot.nic.pool_outstanding = 1;
  snapshot.nic.pool_buffers = 8;
  for (const bool closed : {false, true}) {
    const auto lines = verdict_on(snapshot, closed);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("1 of 8 packets were not given back"));
  }
}
