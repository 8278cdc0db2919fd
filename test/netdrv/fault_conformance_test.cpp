// SPDX-License-Identifier: BSD-2-Clause
// Back-ends behind a link with faults are back-ends like any other: they pass the engine's
// conformance kit as long as nothing goes wrong.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bellpull/engine/conformance.hpp"
#include "fault_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using engine::conformance::Report;
using engine::conformance::Subject;
using engine::conformance::Verdict;
using test::Bytes;

namespace {

// A link with a plan over a socket pair, made anew for each back-end.
struct World {
  World(std::string_view plan, engine::Direction direction)
      : whole(tap.device("p0")),
        link(whole, test::plan_of(plan)),
        reads(direction == engine::Direction::device_to_memory) {}
  [[nodiscard]] std::unique_ptr<engine::Backend> make() {
    return reads ? link.make_receiver() : link.make_sender();
  }
  test::SocketTap tap;
  TapLink whole;
  FaultLink link;
  bool reads;
};

Report report_of(std::string_view plan, engine::Direction direction) {
  std::vector<std::unique_ptr<World>> worlds;  // they outlive their back-ends
  Subject subject;
  subject.make = [&] {
    worlds.push_back(std::make_unique<World>(plan, direction));
    return worlds.back()->make();
  };
  subject.peer.send = [&](std::span<const std::byte> message) {
    return worlds.back()->tap.push_raw(Bytes(message.begin(), message.end()));
  };
  subject.peer.receive = [&](std::span<std::byte> into) -> std::size_t {
    const Bytes bytes = worlds.back()->tap.pull_raw();
    std::copy(bytes.begin(), bytes.end(), into.begin());
    return bytes.size();
  };
  const bool slow = BELLPULL_TEST_SANITIZED != 0;
  return engine::conformance::run(subject,
                                  {.seed = ring::test::announce_seed("fault link conformance", 35),
                                   .max_length = 1U << 15,
                                   .rounds = slow ? 6U : 24U,
                                   .patience = 2000});
}

void check_passed(const Report& report) {
  CHECK_MESSAGE(report.passed(), report.text());
  CHECK(report.streams);
  for (const char* const name :
       {"the window is kept", "stream bytes arrive", "after stop no memory is touched"}) {
    CAPTURE(name);
    REQUIRE(report.find(name) != nullptr);
    CHECK(report.find(name)->verdict == Verdict::passed);
  }
}

}  // namespace

TEST_CASE(
    "check 35: back-ends of a link with faults pass, without a plan and with none that hits") {
  for (const char* const plan : {"", "drop:chance=0"}) {
    for (const auto direction :
         {engine::Direction::device_to_memory, engine::Direction::memory_to_device}) {
      CAPTURE(plan);
      CAPTURE(static_cast<int>(direction));
      check_passed(report_of(plan, direction));
    }
  }
}

TEST_CASE("check 35: they pass with calls that fail for now, which cost no frame and no order") {
  for (const auto direction :
       {engine::Direction::device_to_memory, engine::Direction::memory_to_device}) {
    CAPTURE(static_cast<int>(direction));
    check_passed(report_of("errno=EAGAIN:every=3", direction));
  }
}

TEST_CASE("check 35: the kit sees bytes that a link with faults spoils or loses") {
  for (const char* const plan : {"corrupt:every=5", "drop:every=5", "truncate:every=5"}) {
    for (const auto direction :
         {engine::Direction::device_to_memory, engine::Direction::memory_to_device}) {
      CAPTURE(plan);
      CAPTURE(static_cast<int>(direction));
      CHECK_FALSE(report_of(plan, direction).passed());
    }
  }
}
