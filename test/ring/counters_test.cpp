// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE_TEMPLATE("check 31: the driver half counts chains, publishes, kicks, full and high water",
                   K, BELLPULL_KINDS) {
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  for (unsigned i = 0; i < 5; ++i) pair.post_one(i);
  pair.driver.publish();
  for (unsigned i = 0; i < 3; ++i) pair.post_one(i);
  CHECK(pair.post_one(9) == kNoHead);
  CHECK_FALSE(pair.driver.publish_and_test());
  CHECK_FALSE(pair.driver.offer(3));
  CHECK_FALSE(pair.driver.cancel(100));
  const Segment one = pair.segment(0, 1);
  CHECK(pair.driver.reserve({}, {}, 0) == kNoHead);  // no segment is no want of room
  pair.drain();
  CHECK(pair.poll(6).size() == 6);
  CHECK_FALSE(pair.device.arm());
  pair.driver.post({&one, 1}, {}, 0);
  CHECK(pair.driver.publish_and_test());

  const DriverCounters& counters = pair.driver.counters();
  CHECK(counters.offered == 9);
  CHECK(counters.completed == 6);
  CHECK(counters.publishes == 3);
  CHECK(counters.kicks == 1);
  CHECK(counters.kicks_suppressed == 1);
  CHECK(counters.full == 1);
  CHECK(counters.misuses == 2);
  CHECK(counters.most_in_flight == 8);
  CHECK(counters.lengths_clamped == 0);
}

TEST_CASE_TEMPLATE(
    "check 31: the device half counts chains, publishes, bells, empty and high water", K,
    BELLPULL_KINDS) {
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  CHECK_FALSE(pair.take());
  for (unsigned i = 0; i < 6; ++i) pair.post_one(i);
  pair.driver.publish();
  std::vector<Chain> chains;
  for (unsigned i = 0; i < 4; ++i) chains.push_back(*pair.take());
  Budget budget{.chains = 0};
  Chain chain;
  CHECK(pair.device.refresh() > 0);
  CHECK(pair.device.take(budget, pair.pieces, chain) == Pull::more);
  for (const Chain& taken : chains) pair.complete(taken, 0);
  CHECK_FALSE(pair.device.publish_and_test());
  pair.poll();
  CHECK_FALSE(pair.driver.arm());
  CHECK(pair.take().has_value());
  const auto last = pair.take();
  pair.complete(*last, 0);
  CHECK(pair.device.publish_and_test());

  const DeviceCounters& counters = pair.device.counters();
  CHECK(counters.taken == 6);
  CHECK(counters.completed == 5);
  CHECK(counters.publishes == 2);
  CHECK(counters.bells == 1);
  CHECK(counters.bells_suppressed == 1);
  CHECK(counters.empty == 1);
  CHECK(counters.budget_ends == 1);
  CHECK(counters.most_in_flight == 4);
  CHECK(counters.misuses == 0);
  for (const std::uint64_t faults : counters.chain_faults) CHECK(faults == 0);
}

TEST_CASE_TEMPLATE("check 30: chains that are completed twice or were never taken do nothing", K,
                   SplitUntrusted, PackedUntrusted) {
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  pair.complete(Chain{.head = 3}, 0);
  pair.complete(Chain{.head = 8}, 0);
  pair.complete(Chain{.head = 0xffff}, 0);
  pair.post_writable(1);
  pair.driver.publish();
  const auto chain = pair.take();
  REQUIRE(chain);
  pair.complete(*chain, 1);
  pair.complete(*chain, 1);
  CHECK(pair.device.counters().misuses == 4);
  CHECK(pair.device.in_flight() == 0);
  pair.device.publish();
  CHECK(pair.poll().size() == 1);
  pair.step(20);
}

TEST_CASE_TEMPLATE("check 30: heads that were not reserved are neither offered nor cancelled", K,
                   BELLPULL_KINDS) {
  for (const bool in_order : {false, true}) {
    Pair<K> pair(4, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    const std::vector<Segment> two(2, pair.segment(0, 1));
    const std::uint16_t head = pair.driver.reserve(two, {}, 1);
    REQUIRE(head != kNoHead);
    for (const unsigned wrong : {head + 1U, head + 2U, 4U, 5U, 0x7fffU, 0xffffU}) {
      CHECK_FALSE(pair.driver.offer(static_cast<std::uint16_t>(wrong)));
      CHECK_FALSE(pair.driver.cancel(static_cast<std::uint16_t>(wrong)));
    }
    CHECK(pair.driver.offer(head));
    CHECK_FALSE(pair.driver.cancel(head));
    CHECK(pair.driver.free_descriptors() == 2);
    pair.driver.publish();
    CHECK(pair.drain() == 1);
    CHECK_FALSE(pair.driver.cancel(head));
    CHECK(pair.poll().size() == 1);
    CHECK_FALSE(pair.driver.offer(head));
    CHECK_FALSE(pair.driver.cancel(head));
    CHECK(pair.driver.free_descriptors() == 4);
  }
}

TEST_CASE_TEMPLATE("check 30: a chain without a segment, or longer than the queue, is not reserved",
                   K, BELLPULL_KINDS) {
  for (const bool indirect : {false, true}) {
    Pair<K> pair(4, {.indirect = indirect});
    REQUIRE(pair.attach() == SetupError::none);
    CHECK(pair.driver.reserve({}, {}, 1) == kNoHead);
    const std::vector<Segment> five(5, pair.segment(0, 1));
    CHECK(pair.driver.reserve(five, {}, 1) == kNoHead);
    CHECK(pair.driver.reserve(std::span(five).first(2), std::span(five).first(3), 1) == kNoHead);
    CHECK(pair.driver.free_descriptors() == 4);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
