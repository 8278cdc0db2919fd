// SPDX-License-Identifier: BSD-2-Clause
// A link with faults allocates when its back-ends are made, and not once per frame. Alone in its
// program, which replaces operator new and malloc.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../engine/counted_allocation.hpp"
#include "fault_bench.hpp"
#include "fault_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using engine::test::allocations;
using test::FaultBench;
using test::FaultRig;
using test::pattern_frame;

namespace {

constexpr std::array kPlans{
    "errno=EINVAL",     "errno=EAGAIN", "short",          "truncate",  "drop",
    "duplicate",        "corrupt",      "corrupt=header", "reorder=3", "delay=300",
    "errno=ENOBUFS:gso"};

// What calls allocate, without what the test does between them.
class Meter {
 public:
  template <class Call>
  auto operator()(Call&& call) {
    const std::uint64_t before = allocations();
    auto answer = call();
    allocated_ += allocations() - before;
    return answer;
  }
  [[nodiscard]] std::uint64_t allocated() const { return allocated_; }

 private:
  std::uint64_t allocated_ = 0;
};

[[nodiscard]] std::uint64_t happened(const FrameFaultCounts& counts) {
  std::uint64_t sum = counts.again;
  for (const std::uint64_t count : counts.faults) sum += count;
  return sum;
}

// Frames of all sizes through one back-end, every third of them with a fault.
void check_backend(const std::string& rule, engine::Direction direction) {
  const bool reads = direction == engine::Direction::device_to_memory;
  FaultRig rig(rule + ":every=3", direction);
  Meter meter;
  std::array<engine::Done, 8> done;
  std::array<bool, FaultRig::kBuffers> free;
  free.fill(true);
  for (unsigned i = 0; i < 400; ++i) {
    const auto frame = pattern_frame(60 + i * 7 % 1400, i);
    for (unsigned buffer = 0; buffer < FaultRig::kBuffers; ++buffer) {
      if (!free[buffer] || (!reads && buffer != i % FaultRig::kBuffers)) continue;
      const auto give = [&] { return reads ? rig.post(buffer) : rig.send(buffer, frame, 1); };
      free[buffer] = !meter(give);
    }
    if (reads) {
      auto raw = frame;
      raw.insert(raw.begin(), kVnetHeader, std::byte{1});
      static_cast<void>(rig.tap.push_raw(raw));
    }
    rig.clock.ns += 200'000;
    const engine::Reaped reaped = meter([&] { return rig.backend->reap(done); });
    for (unsigned n = 0; n < reaped.count; ++n) free[done[n].id - 1] = true;
    while (!reads && !rig.tap.pull_raw().empty()) {
    }
  }
  CHECK(meter([&] { return rig.backend->stop(), true; }));
  CHECK(happened(reads ? rig.link.rx() : rig.link.tx()) > 30);
  CHECK(meter.allocated() == 0);
}

}  // namespace

TEST_CASE("a back-end with a plan of any kind allocates nothing per frame") {
  if (!engine::test::counts_malloc()) MESSAGE("only operator new is counted");
  for (const char* const plan : kPlans) {
    CAPTURE(plan);
    check_backend(plan, engine::Direction::device_to_memory);
    if (plan != std::string_view("short")) {
      check_backend(plan, engine::Direction::memory_to_device);
    }
  }
}

TEST_CASE("a round of a NIC with a plan of any kind allocates nothing, in every style") {
  for (const char* const plan : kPlans) {
    if (std::string_view(plan).ends_with(":gso")) continue;  // there are none on these ports
    const std::string rule = std::string(plan) + ":every=3";
    for (const Style style : test::kEveryStyle) {
      CAPTURE(plan);
      CAPTURE(std::string(name_of(style)));
      FaultBench bench({rule, rule}, style, engine::Placement::driven);
      Meter meter;
      for (unsigned i = 0; i < 60; ++i) {
        REQUIRE(bench.taps[0].push(pattern_frame(60 + i * 11 % 1400, i)));
        for (int round = 0; round < 4; ++round) {
          static_cast<void>(meter([&] { return bench.nic->run_once(0); }));
        }
        bench.round();  // takes what was sent
      }
      CHECK(happened(bench.links[0]->rx()) > 10);
      CHECK(meter.allocated() == 0);
    }
  }
}
