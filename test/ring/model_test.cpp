// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <cstdint>

#include "queue_model.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE_TEMPLATE(
    "check 16: a queue behaves as lists of chains do under random operations and hand-overs", K,
    BELLPULL_KINDS) {
  const std::uint64_t seed = announce_seed("queue model", 20260801);
  for_each_queue<typename K::Layout>(256, [&](std::uint32_t size, const Features& features) {
    CAPTURE(seed);
    Model<K> model(size, features, seed + size);
    const std::uint64_t steps = engine::test::scaled(20000);
    for (std::uint64_t i = 0; i < steps; ++i) model.step();
    model.finish();
    CHECK(model.round_trips() > steps / 100);
    CHECK(model.hand_overs() > steps / 100);
  });
}

}  // namespace
}  // namespace bellpull::ring::test
