// SPDX-License-Identifier: BSD-2-Clause
// Several producers by turns in one thread: order, unfinished slots, cancels, and what others do
// between two steps of a claim.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

using Kind = Mpsc<std::uint64_t>;

/// A ring with several producers attached; `pair.producer` is number 0.
struct Several {
  explicit Several(std::uint32_t capacity, std::uint32_t count, std::uint64_t start = 0)
      : pair(capacity, start, count) {
    for (std::uint32_t number = 1; number < count; ++number) {
      others.push_back(std::make_unique<Kind::Producer>());
      REQUIRE(others.back()->attach(pair.heap.memory(), number) == SetupError::none);
    }
  }
  Kind::Producer& operator[](std::uint32_t number) {
    return number == 0 ? pair.producer : *others[number - 1];
  }
  ValuePair<Kind> pair;
  std::vector<std::unique_ptr<Kind::Producer>> others;
};

TEST_CASE(
    "check 24: while a producer is paused the others go on until the ring is full, then fail") {
  for (const std::uint64_t start : kStarts) {
    CAPTURE(start);
    Several ring(8, 3, start);
    REQUIRE(ring[1].push(std::uint64_t{100}));
    auto paused = ring[0].reserve(2);
    REQUIRE(paused.size() == 2);
    for (std::uint64_t i = 0; i < 5; ++i) REQUIRE(ring[1 + i % 2].push(200 + i));
    CHECK(!ring[1].push(std::uint64_t{0}));
    CHECK(!ring[2].push(std::uint64_t{0}));
    CHECK(ring[2].counters().full == 1);
    // Neither the unfinished slots nor what lies behind them.
    CHECK(ring.pair.consumer.peek(8).size() == 1);
    CHECK(ring.pair.consumer.pop() == 100);
    CHECK(!ring.pair.consumer.pop());
    CHECK(ring.pair.consumer.peek(8).empty());
    CHECK(!ring.pair.consumer.arm());
    REQUIRE(ring[1].push(std::uint64_t{205}));  // one slot is free again
    CHECK(!ring[1].push(std::uint64_t{0}));
    paused.slots()[0] = 300;
    CHECK(!ring.pair.consumer.pop());
    paused.slots()[1] = 301;
    paused.commit();
    for (const unsigned value : {300U, 301U, 200U, 201U, 202U, 203U, 204U, 205U}) {
      CHECK(ring.pair.consumer.pop() == value);
    }
    CHECK(!ring.pair.consumer.pop());
  }
}

TEST_CASE(
    "check 24: cancelled slots, whole claims and parts of them, are passed over and counted") {
  for (const std::uint64_t start : kStarts) {
    Several ring(16, 2, start);
    for (unsigned lap = 0; lap < 10; ++lap) {
      static_cast<void>(ring[0].reserve(3));
      REQUIRE(ring[1].push(std::uint64_t{1}));
      auto part = ring[0].reserve(4);
      part.slots()[0] = 2;
      part.slots()[1] = 3;
      part.commit(2);
      REQUIRE(ring[1].push(std::uint64_t{4}));
      static_cast<void>(ring[1].reserve(1));
      for (const unsigned value : {1U, 2U, 3U, 4U}) CHECK(ring.pair.consumer.pop() == value);
      CHECK(!ring.pair.consumer.pop());
      CHECK(ring[0].reserve(16).size() == 16);
      CHECK(!ring.pair.consumer.pop());
    }
    CHECK(ring.pair.consumer.counters().skipped == 10 * (3 + 2 + 1 + 16));
    CHECK(ring[0].counters().cancelled == 10 * (3 + 2 + 16));
    CHECK(ring[1].counters().cancelled == 10);
  }
}

TEST_CASE("check 24: a ring full of cancelled slots is empty for the consumer and then for all") {
  for (const std::uint32_t capacity : kCapacities) {
    Several ring(capacity, 2);
    for (unsigned lap = 0; lap < 3; ++lap) {
      CHECK(ring[0].reserve(capacity).size() == capacity);
      CHECK(!ring[1].push(std::uint64_t{1}));
      CHECK(!ring.pair.consumer.pop());
      REQUIRE(ring[1].push(std::uint64_t{1}));
      CHECK(ring.pair.consumer.pop() == 1);
    }
  }
}

TEST_CASE("check 24: a batch of values is never split by another producer's claim") {
  Several ring(100, 2);
  std::vector<std::uint64_t> batch(7);
  for (std::uint64_t round = 0; round < 50; ++round) {
    std::iota(batch.begin(), batch.end(), round * 10);
    REQUIRE(ring[0].push(std::span<const std::uint64_t>(batch)) == 7);
    REQUIRE(ring[1].push(std::uint64_t{9999}));
    for (const std::uint64_t value : batch) REQUIRE(ring.pair.consumer.pop() == value);
    REQUIRE(ring.pair.consumer.pop() == 9999);
  }
}

TEST_CASE("check 24: more values than a claim can have go in at once, as far as there is room") {
  Several ring(200'000, 1);
  std::vector<std::uint64_t> batch(200'001);
  std::iota(batch.begin(), batch.end(), 0);
  CHECK(ring[0].push(std::span<const std::uint64_t>(batch), Overflow::drop_newest) == 200'000);
  CHECK(ring[0].counters().dropped == 1);
  for (std::uint64_t i = 0; i < 200'000; ++i) REQUIRE(ring.pair.consumer.pop() == i);
  CHECK(ring[0].reserve(200'000).size() == 65'535);
  CHECK(ring[0].reserve_all(65'536).size() == 0);
}

/// Calls a function before each load of an index by a claim.
struct Between : NativeAccess {
  static inline std::function<void()> others;
  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    if constexpr (site == Site::claim_tail || site == Site::head_poll) {
      if (others) others();
    }
    return NativeAccess::load<site>(word);
  }
};

TEST_CASE("check 24: a ring that others fill and empty meanwhile is not taken for a full one") {
  for (const std::uint32_t capacity : {1U, 4U, 5U}) {
    for (int turns = 0; turns < 8; ++turns) {
      CAPTURE(capacity);
      CAPTURE(turns);
      Several ring(capacity, 2);
      // One producer more, which is held up wherever it looks.
      ValuePair<Kind>& pair = ring.pair;
      MpscProducer<std::uint64_t, Untrusted, Between> slow;
      pair.producer.detach();
      REQUIRE(slow.attach(pair.heap.memory(), 0) == SetupError::none);
      int left = turns;
      Between::others = [&] {
        if (left == 0) return;
        --left;
        for (std::uint32_t i = 0; i < capacity; ++i) REQUIRE(ring[1].push(std::uint64_t{1}));
        while (pair.consumer.pop()) {
        }
      };
      CHECK(slow.push(std::uint64_t{2}));
      Between::others = nullptr;
      CHECK(slow.counters().full == 0);
      CHECK(slow.counters().peer_faults == 0);
      CHECK(pair.consumer.pop() == 2);
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
