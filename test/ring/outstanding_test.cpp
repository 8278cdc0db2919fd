// SPDX-License-Identifier: BSD-2-Clause
// A chain that stays with the device while the queue goes on around it. BELLPULL_LONG=1 in the
// environment: while more others come and go than half the numbers of 32 bits.
#include <doctest/doctest.h>

#include <cstdint>

#include "long_run.hpp"
#include "queue_pair.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE_TEMPLATE("check 4: a chain that the device keeps comes back, however many others did", K,
                   SplitUntrusted, PackedUntrusted) {
  const std::uint64_t others =
      engine::test::long_run() ? (std::uint64_t{1} << 31U) + 1000 : engine::test::scaled(200'000);
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  constexpr std::uint64_t kKept = ~std::uint64_t{0};
  pair.post_one(kKept);
  pair.driver.publish();
  const auto kept = pair.take();
  REQUIRE(kept.has_value());
  // Without the checks of doctest: there are too many of them.
  std::uint64_t wrong = 0;
  const Segment one = pair.segment(0, 1);
  for (std::uint64_t next = 0; next < others;) {
    const std::uint64_t before = next;
    for (unsigned i = 0; i < 7; ++i) pair.driver.post({&one, 1}, {}, before + i);
    pair.driver.publish();
    Chain chain;
    while (pair.device.take(pair.pieces, chain)) pair.complete(chain, 0);
    pair.device.publish();
    pair.driver.poll(kAll, [&](const Used& used) { wrong += used.token == next++ ? 0U : 1U; });
    if (next == before) break;
  }
  CHECK(wrong == 0);
  pair.complete(*kept, 0);
  pair.device.publish();
  const auto back = pair.poll();
  REQUIRE(back.size() == 1);
  CHECK(back[0].token == kKept);
  CHECK(pair.driver.fault() == QueueFault::none);
}

}  // namespace
}  // namespace bellpull::ring::test
