// SPDX-License-Identifier: BSD-2-Clause
#include "queue_model.hpp"

#include <doctest/doctest.h>

#include <cstdint>

#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE_TEMPLATE("a queue behaves as lists of chains do under random operations and hand-overs",
                   K, BELLPULL_KINDS) {
  const std::uint64_t seed = announce_seed("queue model", 20260801);
  for_each_queue<typename K::Layout>(256, [&](std::uint32_t size, const Features& features) {
    CAPTURE(seed);
    Model<K> model(size, features, seed + size);
    for (std::uint64_t i = 0; i < engine::test::scaled(20000); ++i) model.step();
    model.finish();
    CHECK(model.round_trips() > 100);
    CHECK(model.hand_overs() > 50);
  });
}

}  // namespace
}  // namespace bellpull::ring::test
