// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "queue_steps.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE("the device sees nothing before publish, and all offered chains after it") {
  Pair pair(8);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 3; ++i) {
    REQUIRE(pair.offer_one(i) == i);
    CHECK(pair.device.refresh() == 0);
  }
  pair.driver.publish();
  CHECK(pair.device.ready() == 0);  // until it looks
  CHECK(pair.device.refresh() == 3);
  CHECK(pair.device.ready() == 3);
}

TEST_CASE("the driver sees nothing before the device publishes, and all completions after it") {
  Pair pair(8);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 3; ++i) pair.offer_one(i);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 3);
  for (unsigned i = 0; i < 3; ++i) {
    pair.device.complete(pair.take_one().head, 0);
    CHECK(poll_all(pair).empty());
  }
  CHECK(pair.device.in_flight() == 0);
  pair.device.publish();
  CHECK(poll_all(pair).size() == 3);
}

TEST_CASE("publish without anything new stores and asks nothing") {
  Pair pair(4);
  REQUIRE(pair.attached);
  CHECK_FALSE(pair.device.arm());
  CHECK_FALSE(pair.driver.arm());
  pair.driver.publish();
  CHECK_FALSE(pair.driver.publish_and_test());
  pair.device.publish();
  CHECK_FALSE(pair.device.publish_and_test());
  CHECK(pair.memory.split.avail->idx == 0);
  CHECK(pair.memory.split.used->idx == 0);
}

TEST_CASE("reserve takes all descriptors it needs or none") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::array<Segment, 3> three{};
  const std::array<Segment, 5> five{};
  CHECK(pair.driver.reserve({}, {}, 1) == kNoHead);
  CHECK(pair.driver.reserve(five, {}, 1) == kNoHead);
  CHECK(pair.driver.reserve(three, std::span(five).first(2), 1) == kNoHead);
  CHECK(pair.driver.free_descriptors() == 4);
  const std::uint16_t head = pair.driver.reserve(three, {}, 1);
  REQUIRE(head != kNoHead);
  CHECK(pair.driver.free_descriptors() == 1);
  CHECK(pair.driver.reserve(std::span(five).first(2), {}, 1) == kNoHead);
  CHECK(pair.driver.free_descriptors() == 1);
  CHECK(pair.driver.reserve({}, std::span(five).first(1), 1) != kNoHead);
  CHECK(pair.driver.free_descriptors() == 0);
  CHECK(pair.driver.reserve({}, std::span(five).first(1), 1) == kNoHead);
}

TEST_CASE(
    "a cancelled chain gives its descriptors back, in any order, and never reaches the device") {
  Pair pair(8);
  REQUIRE(pair.attached);
  const std::array<Segment, 3> three{};
  const std::array<Segment, 2> two{};
  const std::uint16_t a = pair.driver.reserve(three, {}, 1);
  const std::uint16_t b = pair.driver.reserve(two, {}, 2);
  const std::uint16_t c = pair.driver.reserve({}, three, 3);
  CHECK(pair.driver.free_descriptors() == 0);
  pair.driver.cancel(b);
  CHECK(pair.driver.free_descriptors() == 2);
  pair.driver.cancel(c);
  pair.driver.cancel(a);
  CHECK(pair.driver.free_descriptors() == 8);
  pair.driver.publish();
  CHECK(pair.device.refresh() == 0);
  const std::array<Segment, 8> eight{};
  CHECK(pair.driver.reserve(eight, {}, 4) != kNoHead);
}

TEST_CASE("cancel does nothing for a head that is not reserved") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::uint16_t head = pair.driver.reserve(std::array<Segment, 2>{}, {}, 1);
  pair.driver.cancel(kNoHead);
  pair.driver.cancel(4);
  pair.driver.cancel(static_cast<std::uint16_t>(head + 1));  // inside the chain
  CHECK(pair.driver.free_descriptors() == 2);
  pair.driver.cancel(head);
  pair.driver.cancel(head);
  CHECK(pair.driver.free_descriptors() == 4);

  const std::uint16_t offered = pair.driver.reserve(std::array<Segment, 4>{}, {}, 2);
  pair.driver.offer(offered);
  pair.driver.cancel(offered);
  CHECK(pair.driver.free_descriptors() == 0);
  pair.driver.publish();
  CHECK(drain(pair) == 1);
  CHECK(poll_all(pair).size() == 1);
  CHECK(pair.driver.free_descriptors() == 4);
}

TEST_CASE("chains that complete out of order bring their own tokens and lengths back") {
  Pair pair(8);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 5; ++i) pair.offer_one(0x1234567800000000U + i);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 5);
  std::array<std::uint16_t, 5> heads{};
  for (auto& head : heads) head = pair.take_one().head;
  for (const unsigned i : {3U, 0U, 4U, 1U, 2U}) pair.device.complete(heads[i], 100 + i);
  pair.device.publish();
  const std::vector<Used> back = poll_all(pair);
  REQUIRE(back.size() == 5);
  std::size_t at = 0;
  for (const unsigned i : {3U, 0U, 4U, 1U, 2U}) {
    CHECK(back[at].token == 0x1234567800000000U + i);
    CHECK(back[at].head == heads[i]);
    CHECK(back[at].length == 100 + i);
    ++at;
  }
}

TEST_CASE("poll reports at most its limit and leaves the rest for the next call") {
  Pair pair(8);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 6; ++i) pair.offer_one(i);
  pair.driver.publish();
  REQUIRE(drain(pair) == 6);
  CHECK(poll_all(pair, 0).empty());
  CHECK(poll_all(pair, 4).size() == 4);
  CHECK(poll_all(pair, 4).size() == 2);
  CHECK(poll_all(pair, 4).empty());
}

TEST_CASE(
    "a visitor can use the descriptors of the chain it is told about, and that ends the poll") {
  Pair pair(1);
  REQUIRE(pair.attached);
  pair.offer_one(0);
  pair.driver.publish();
  REQUIRE(drain(pair) == 1);
  unsigned visits = 0;
  pair.driver.poll(kAll, [&](const Used& used) {
    ++visits;
    CHECK(pair.driver.free_descriptors() == 1);
    CHECK(pair.offer_one(used.token + 1) != kNoHead);
    pair.driver.publish();
    CHECK(drain(pair) == 1);
  });
  CHECK(visits == 1);  // what came in meanwhile does not lengthen the call
  CHECK(poll_all(pair).size() == 1);
}

TEST_CASE("a length of the used ring is passed on as the device wrote it") {
  Pair pair(2);
  REQUIRE(pair.attached);
  pair.offer_one(1);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 1);
  pair.device.complete(pair.take_one().head, 0xffffffff);
  pair.device.publish();
  const std::vector<Used> back = poll_all(pair);
  REQUIRE(back.size() == 1);
  CHECK(back[0].length == 0xffffffff);
}

TEST_CASE("2^17 operations cross the wrap of the 16-bit indices twice") {
  Pair pair(8);
  REQUIRE(pair.attached);
  std::uint64_t sent = 0;
  std::uint64_t back = 0;
  while (back < (1U << 17U)) {
    for (unsigned i = 0; i < 1 + sent % 5; ++i) {
      if (pair.offer_one(sent) != kNoHead) ++sent;
    }
    pair.driver.publish();
    const unsigned ready = pair.device.refresh();
    REQUIRE(ready == sent - back);
    for (unsigned i = 0; i < ready; ++i) {
      std::uint64_t address = 0;
      const Chain chain =
          pair.device.take(1, [&](const Segment& segment, bool) { address = segment.address; });
      REQUIRE(chain.well_formed);
      REQUIRE(address == back + i);
      pair.device.complete(chain.head, static_cast<std::uint32_t>(address));
    }
    pair.device.publish();
    pair.driver.poll(kAll, [&](const Used& used) {
      CHECK(used.token == back);
      CHECK(used.length == static_cast<std::uint32_t>(back));
      ++back;
    });
    REQUIRE(back == sent);
  }
  CHECK(pair.memory.split.avail->idx == static_cast<std::uint16_t>(sent));
  CHECK(pair.memory.split.used->idx == static_cast<std::uint16_t>(sent));
  CHECK(pair.driver.bad_used() == 0);
  CHECK(pair.driver.free_descriptors() == 8);
}

TEST_CASE("a chain of exactly the queue size works from every place of the ring and of the table") {
  for (const std::uint32_t size : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 256U}) {
    for (std::uint32_t offset = 0; offset < size; ++offset) {
      CAPTURE(size);
      CAPTURE(offset);
      Pair pair(size);
      REQUIRE(pair.attached);
      // `offset` chains of one in flight together move the ring on by as much; given back oldest
      // first they leave the free list in reverse, so that it begins at every descriptor in turn.
      for (std::uint32_t i = 0; i < offset; ++i) REQUIRE(pair.offer_one(i) == i);
      pair.driver.publish();
      REQUIRE(drain(pair) == offset);
      REQUIRE(poll_all(pair).size() == offset);
      for (std::uint64_t token = offset; token < offset + 3; ++token) send_full_chain(pair, token);
    }
  }
}

TEST_CASE("a chain of 32768 descriptors passes") {
  Pair pair(kMaxQueueSize);
  REQUIRE(pair.attached);
  send_full_chain(pair, 12345);
  send_full_chain(pair, 54321);
}

}  // namespace
}  // namespace bellpull::ring::test
