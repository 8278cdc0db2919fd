// SPDX-License-Identifier: BSD-2-Clause
// What a poll may give, and in which order what was submitted comes out of it.
#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

#include "long_run.hpp"
#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::uint32_t kSlots = 8192;

TEST_CASE("check 8: poll returns at most its budget, for all budgets from 0 to 4096") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    OperationRig rig({Placement::driven, layout}, make_copy_backend({.window = 1024}),
                     {.size = kSlots});
    std::vector<OperationRequest> nops(kSlots);
    std::vector<OperationCompletion> done(kSlots);
    std::uint64_t submitted = 0, polled = 0;
    bool right = true;
    for (unsigned budget = 0; budget <= 4096; budget += long_run() ? 1 : 1 + budget / 16) {
      const std::uint32_t free = rig.channel->free_slots();
      REQUIRE(rig.channel->post(std::span(nops).first(free)).kind == PrepareError::Kind::none);
      submitted += free;
      rig.channel->issue();
      while (rig.engine.run(64).completed != 0) {
      }
      const std::uint64_t ready = rig.channel->stats().completed - polled;
      REQUIRE(ready >= budget);
      const unsigned got = rig.channel->poll(std::span(done).first(budget));
      right = right && got == budget;  // no more, and no less when there are as many
      polled += got;
      right = right && rig.channel->in_flight() == submitted - polled;
    }
    CHECK(right);
    while (polled != submitted) {
      rig.engine.run(64);
      polled += rig.channel->poll(done);
    }
    CHECK(rig.channel->poll(done) == 0);
  }
}

TEST_CASE(
    "check 8: a poll of budget 0 does no work: slots, completions and bells stay as they are") {
  int told = 0;
  const Notify bell{[](void* context) noexcept { ++*static_cast<int*>(context); }, &told};
  OperationRig rig({}, make_copy_backend(), {.size = 4});
  for (int i = 0; i < 4; ++i) REQUIRE(rig.submit({}) != 0);
  rig.channel->issue();
  rig.engine.run(8);
  REQUIRE(rig.channel->notify_space(1, bell));
  for (int i = 0; i < 10; ++i) CHECK(rig.channel->poll({}) == 0);
  CHECK(rig.channel->free_slots() == 0);
  CHECK(rig.channel->in_flight() == 4);
  CHECK(told == 0);
  std::array<OperationCompletion, 1> one;
  CHECK(rig.channel->poll(one) == 1);
  CHECK(told == 1);
}

// Polls at random and posts anew for each completion, from inside its handling.
void resubmit(const OperationSetting& setting, std::uint64_t transfers, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  OperationRig rig(setting, make_copy_backend({.window = 512}), {.size = 512});
  std::vector<OperationCompletion> done(4096);
  const OperationRequest nop{};
  std::uint64_t submitted = 0, polled = 0;
  bool right = true;
  for (; submitted < 400; ++submitted) REQUIRE(rig.submit(nop) == submitted + 1);
  rig.channel->issue();
  const auto some_more = [&] {
    const auto budget = static_cast<unsigned>(random() % 4097);
    const unsigned got = rig.channel->poll(std::span(done).first(budget));
    right = right && got <= budget && got <= submitted - polled;
    for (unsigned i = 0; i < got; ++i) {
      right = right && done[i].cookie == ++polled;  // check 10
      if (submitted >= transfers) continue;
      right = right && rig.channel->post({&nop, 1}).kind == PrepareError::Kind::none;
      ++submitted;
      rig.channel->issue();
    }
    return polled == transfers || !right;
  };
  CHECK(until(rig.engine, some_more, [&] { return polled; }));
  CHECK(right);
  CHECK(submitted == transfers);
  CHECK(rig.channel->poll(done) == 0);
}

TEST_CASE(
    "check 8, check 10: with a client that submits anew, all come back once, in their order") {
  const std::uint64_t seed = ring::test::announce_seed("budgets", 8);
  CAPTURE(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    // Where two threads have to take turns, a tenth shows as much.
    const std::uint64_t usual = setting.placement == Placement::driven ? 200'000 : 20'000;
    resubmit(setting, long_run() ? 10'000'000 : scaled(usual), seed);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
