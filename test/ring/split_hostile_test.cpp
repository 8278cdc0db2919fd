// SPDX-License-Identifier: BSD-2-Clause
// What either half does when the other one writes nonsense into shared memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <vector>

#include "queue_steps.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE("used entries that name no chain in flight are counted, cost nothing else (V1)") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::uint16_t chain = pair.driver.reserve(std::array<Segment, 2>{}, {}, 7);
  pair.driver.offer(chain);
  const std::uint16_t reserved = pair.driver.reserve(std::array<Segment, 1>{}, {}, 8);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 1);
  const std::uint16_t head = pair.take_one().head;
  vring_used* const used = pair.memory.split.used;
  const auto forge = [&](std::uint32_t id) {
    pair.device.complete(0, 0);
    used->ring[used->idx % 4].id = id;
    pair.device.publish();
    CHECK(poll_all(pair).empty());
  };
  forge(4);                                     // the first id behind the table
  forge(0xffffffff);                            //
  forge(0x10000U + head);                       // right in its low half
  forge(static_cast<std::uint32_t>(head + 1));  // inside the chain
  forge(reserved);                              // reserved, not offered
  forge(3);                                     // free
  CHECK(pair.driver.bad_used() == 6);
  CHECK(pair.driver.free_descriptors() == 1);

  pair.device.complete(head, 1);
  pair.device.complete(head, 1);  // twice
  pair.device.publish();
  CHECK(poll_all(pair).size() == 1);
  CHECK(pair.driver.bad_used() == 7);
  CHECK(pair.driver.free_descriptors() == 3);
  pair.driver.cancel(reserved);
  CHECK(pair.driver.free_descriptors() == 4);
}

TEST_CASE("bad used entries count against the limit of a poll") {
  Pair pair(4);
  REQUIRE(pair.attached);
  pair.offer_one(1);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 1);
  const std::uint16_t head = pair.take_one().head;
  pair.device.complete(77, 0);
  pair.device.complete(78, 0);
  pair.device.complete(head, 0);
  pair.device.publish();
  CHECK(poll_all(pair, 2).empty());
  CHECK(pair.driver.bad_used() == 2);
  CHECK(poll_all(pair, 2).size() == 1);
}

TEST_CASE("a used index that jumps or runs backwards ends in bad entries, never in a crash (V3)") {
  for (const std::uint16_t jump :
       std::initializer_list<std::uint16_t>{5, 100, 0x7fff, 0x8000, 0xffff}) {
    CAPTURE(jump);
    Pair pair(4);
    REQUIRE(pair.attached);
    for (unsigned i = 0; i < 4; ++i) pair.offer_one(i);
    pair.driver.publish();
    pair.memory.split.used->idx = jump;  // all entries of the ring still name chain 0
    CHECK(poll_all(pair).size() == 1);
    CHECK(pair.driver.bad_used() == jump - 1U);
    CHECK(pair.driver.free_descriptors() == 1);
  }
}

TEST_CASE("a device that writes random used entries cannot hurt the driver half") {
  std::mt19937_64 random(announce_seed("random used entries", 20250731));
  Pair pair(16);
  REQUIRE(pair.attached);
  vring_used* const used = pair.memory.split.used;
  std::uint32_t lent = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    const auto length = static_cast<std::uint32_t>(random() % 3 + 1);
    const std::vector<Segment> segments(length);
    const std::uint16_t head = pair.driver.reserve(segments, {}, length);
    if (head != kNoHead) {
      pair.driver.offer(head);
      lent += length;
    }
    pair.driver.publish();
    for (auto& entry : std::span(used->ring, 16))
      entry.id = static_cast<std::uint32_t>(random() % 20);
    used->idx = static_cast<std::uint16_t>(used->idx + random() % 24);
    for (const Used& back : poll_all(pair)) lent -= static_cast<std::uint32_t>(back.token);
    REQUIRE(pair.driver.free_descriptors() == 16 - lent);
  }
  CHECK(pair.driver.bad_used() > 0);
}

/// A queue of 4 whose table is written by hand, with one chain at `head`.
struct Forged {
  explicit Forged(std::uint16_t head) {
    for (std::uint16_t i = 0; i < 4; ++i) {
      vring_desc& desc = pair.memory.split.desc[i];
      desc.addr = 0x1000U + i;
      desc.flags = VRING_DESC_F_NEXT;
      desc.next = static_cast<std::uint16_t>(i + 1);
    }
    pair.memory.split.desc[3].flags = 0;
    pair.memory.split.avail->ring[0] = head;
    pair.memory.split.avail->idx = 1;
  }

  Chain take(unsigned max_segments) {
    REQUIRE(pair.device.refresh() == 1);
    return pair.device.take(max_segments, [&](const Segment&, bool) {
      ++emitted;
      REQUIRE(emitted <= 4);  // take() is noexcept: this ends the program rather than run for ever
    });
  }

  Pair pair{4};
  unsigned emitted = 0;
};

TEST_CASE("a head outside of the table is not well formed and emits nothing (D3)") {
  for (const std::uint16_t head :
       std::initializer_list<std::uint16_t>{4, 5, 0x7fff, 0x8000, 0xffff}) {
    Forged forged(head);
    const Chain chain = forged.take(kAll);
    CHECK_FALSE(chain.well_formed);
    CHECK(chain.head == head);
    CHECK(chain.segments == 0);
    CHECK(forged.emitted == 0);
    CHECK(forged.pair.device.ready() == 0);
  }
}

TEST_CASE("a next outside of the table ends the chain as not well formed (D4)") {
  for (const std::uint16_t next : std::initializer_list<std::uint16_t>{4, 0x8000, 0xffff}) {
    Forged forged(0);
    forged.pair.memory.split.desc[1].next = next;
    const Chain chain = forged.take(kAll);
    CHECK_FALSE(chain.well_formed);
    CHECK(chain.segments == 2);
    CHECK(forged.emitted == 2);
  }
}

TEST_CASE("a chain that loops ends as not well formed whatever limit the caller gave (D5)") {
  struct Loop {
    std::uint16_t head, from, to;
  };
  for (const Loop loop : {Loop{2, 2, 2}, Loop{0, 3, 0}, Loop{0, 3, 2}}) {
    for (const unsigned limit : {1U, 4U, 5U, 65535U, 65536U, 65537U, kAll}) {
      CAPTURE(loop.to);
      CAPTURE(limit);
      Forged forged(loop.head);
      forged.pair.memory.split.desc[loop.from].flags = VRING_DESC_F_NEXT;
      forged.pair.memory.split.desc[loop.from].next = loop.to;
      const Chain chain = forged.take(limit);
      CHECK_FALSE(chain.well_formed);
      CHECK(chain.segments == std::min(limit, 4U));
    }
  }
}

TEST_CASE("a loop in a table of 32768 ends as well") {
  Pair pair(kMaxQueueSize);
  REQUIRE(pair.attached);
  pair.memory.split.desc[0].flags = VRING_DESC_F_NEXT;
  pair.memory.split.avail->idx = 1;
  REQUIRE(pair.device.refresh() == 1);
  unsigned emitted = 0;
  const Chain chain = pair.device.take(kAll, [&](const Segment&, bool) { ++emitted; });
  CHECK_FALSE(chain.well_formed);
  CHECK(chain.segments == kMaxQueueSize);
  CHECK(emitted == kMaxQueueSize);
}

TEST_CASE("a chain of the caller's limit is taken, one descriptor more is not well formed (D6)") {
  for (unsigned limit = 0; limit <= 5; ++limit) {
    CAPTURE(limit);
    Forged forged(0);
    const Chain chain = forged.take(limit);
    CHECK(chain.well_formed == (limit >= 4));
    CHECK(chain.segments == std::min(limit, 4U));
    CHECK(forged.emitted == chain.segments);
  }
}

TEST_CASE("a chain that is not well formed is given back like any other and the queue goes on") {
  Pair pair(4);
  REQUIRE(pair.attached);
  pair.offer_one(1);
  const std::uint16_t two = pair.driver.reserve(std::array<Segment, 2>{}, {}, 2);
  pair.driver.offer(two);
  pair.offer_one(3);
  pair.driver.publish();
  pair.memory.split.desc[two].next = 9;
  REQUIRE(pair.device.refresh() == 3);
  for (unsigned i = 0; i < 3; ++i) {
    const Chain chain = pair.take_one();
    CHECK(chain.well_formed == (i != 1));
    pair.device.complete(chain.head, 0);
  }
  pair.device.publish();
  CHECK(poll_all(pair).size() == 3);
  CHECK(pair.driver.free_descriptors() == 4);
  // The driver's links are its own: what stands in shared memory did not mislead it.
  send_full_chain(pair, 9);
}

}  // namespace
}  // namespace bellpull::ring::test
