// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>

#include "generate/options.hpp"
#include "generate/pacer.hpp"

using namespace bellpull;
using namespace bellpull::tools::generate;

namespace {

Words words() {
  Words words;
  words.interface = "bp0";
  return words;
}

}  // namespace

TEST_CASE("generate: the defaults") {
  const Options options = understand(words());
  CHECK(options.interface == "bp0");
  CHECK(options.rate == 1000);
  CHECK(options.burst == 1);
  CHECK(options.traffic.sizes == std::vector<std::uint16_t>{60});
  CHECK(options.traffic.flows == 1);
  CHECK(options.via == Via::best);
  CHECK_FALSE(options.count);
  CHECK_FALSE(options.duration);
  CHECK_FALSE(options.receive);
}

TEST_CASE("generate: every word is understood") {
  Words typed = words();
  typed.rate = "1.5M";
  typed.burst = "32";
  typed.size = "60,1514,9014";
  typed.flows = "65536";
  typed.count = "1000000";
  typed.duration = "0.5";
  typed.via = "packet";
  typed.qdisc = true;
  typed.source = "02:00:00:00:00:09,10.0.0.1";
  typed.destination = "10.0.0.2";
  const Options options = understand(typed);
  CHECK(options.rate == 1.5e6);
  CHECK(options.burst == 32);
  CHECK(options.traffic.sizes == std::vector<std::uint16_t>{60, 1514, 9014});
  CHECK(options.traffic.flows == 65536);
  CHECK(options.count == 1'000'000);
  CHECK(options.duration == std::chrono::milliseconds(500));
  CHECK(options.via == Via::packet);
  CHECK(options.qdisc);
  CHECK(options.traffic.ends.source_mac == netdrv::MacAddress{2, 0, 0, 0, 0, 9});
  CHECK(options.traffic.ends.source.bytes[3] == 1);
  CHECK(options.traffic.ends.destination_mac == netdrv::MacAddress{2, 0, 0, 0, 0, 2});
  CHECK(options.traffic.ends.destination.bytes[0] == 10);
  CHECK(options.traffic.ends.destination.bytes[3] == 2);
}

TEST_CASE("generate: a rate of 0 is no pause, and fast rates go in larger bursts") {
  Words typed = words();
  typed.rate = "0";
  CHECK(understand(typed).rate == kFlood);
  typed.rate = "100k";
  CHECK(understand(typed).burst == 50);
  typed.rate = "1M";
  CHECK(understand(typed).burst == 64);
}

TEST_CASE("generate: IMIX is 7 of 60, 4 of 590 and 1 of 1514 bytes, for each flow") {
  Words typed = words();
  typed.size = "imix";
  typed.flows = "3";
  const Traffic traffic = understand(typed).traffic;
  std::map<std::uint16_t, std::map<std::uint16_t, int>> counts;
  for (std::uint64_t number = 0; number < 36; ++number) {
    ++counts[traffic.said(number, 0).flow][traffic.size(number)];
  }
  REQUIRE(counts.size() == 3);
  for (auto& flow : counts) {
    CHECK(flow.second == std::map<std::uint16_t, int>{{60, 7}, {590, 4}, {1514, 1}});
  }
}

TEST_CASE("generate: each flow numbers its frames from 0") {
  Traffic traffic;
  traffic.flows = 3;
  for (std::uint64_t number = 0; number < 9; ++number) {
    CHECK(traffic.said(number, 7).flow == number % 3);
    CHECK(traffic.said(number, 7).sequence == number / 3);
    CHECK(traffic.said(number, 7).time_ns == 7);
  }
}

TEST_CASE("generate: bursts are due at the rate, and what one is late the next ones make up for") {
  Pacer pacer(1'000'000, 100, 5'000);
  CHECK(pacer.due_ns() == 5'000);
  pacer.begin(5'000);
  CHECK(pacer.due_ns() == 105'000);
  pacer.begin(1'000'000);
  CHECK(pacer.due_ns() == 205'000);
  CHECK(pacer.stalls() == 0);
}

TEST_CASE("generate: the schedule moves when making up for it would flood the interface") {
  Pacer pacer(1'000'000, 100, 0);
  pacer.begin(50'000'000);
  CHECK(pacer.stalls() == 1);
  CHECK(pacer.due_ns() == 50'000'000);
  CHECK(pacer.stalled_ns() == 49'900'000);
  pacer.begin(50'000'000);
  CHECK(pacer.stalls() == 1);
  CHECK(pacer.due_ns() == 50'100'000);
}
