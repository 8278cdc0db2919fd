// SPDX-License-Identifier: BSD-2-Clause
// Who asked to be told is told once, and nobody else is: event words of value rings.
#include <doctest/doctest.h>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

template <class Producer>
bool put(Producer& producer, std::uint64_t value) {
  auto batch = producer.reserve(1);
  REQUIRE(batch.size() == 1);
  batch.slots()[0] = value;
  return batch.commit_and_test();
}

TEST_CASE_TEMPLATE("however many values come while the consumer is armed, it is rung exactly once",
                   K, BELLPULL_VALUE_KINDS) {
  for (const std::uint64_t start : kStarts) {
    CAPTURE(start);
    ValuePair<K> pair(32, start);
    for (unsigned round = 0; round < 10; ++round) {
      CHECK(!pair.consumer.arm());
      unsigned bells = 0;
      for (unsigned i = 0; i < 20; ++i) bells += put(pair.producer, i);
      CHECK(bells == 1);
      CHECK(pair.consumer.arm());  // there are values: no sleeping
      pair.consumer.disarm();
      while (pair.consumer.pop()) {
      }
      // Nobody asked now.
      CHECK(!put(pair.producer, 1));
      REQUIRE(pair.consumer.pop() == 1);
    }
    CHECK(pair.producer.counters().bells == 10);
    CHECK(pair.producer.counters().bells_suppressed == 10 * 20);
  }
}

TEST_CASE_TEMPLATE("a consumer that is not armed is not rung, however much went by untested", K,
                   BELLPULL_VALUE_KINDS) {
  for (const std::uint64_t start : kStarts) {
    ValuePair<K> pair(4, start);
    for (unsigned i = 0; i < 1000; ++i) {
      REQUIRE(pair.producer.push(std::uint64_t{1}));
      if (i % 7 == 0) pair.consumer.disarm();
      REQUIRE(pair.consumer.pop());
    }
    CHECK(!put(pair.producer, 1));
    REQUIRE(pair.consumer.pop());
    if constexpr (K::kRing == ValueRing::spsc) {
      pair.producer.disarm();
      for (unsigned i = 0; i < 1000; ++i) {
        REQUIRE(pair.producer.push(std::uint64_t{1}));
        if (i % 7 == 0) pair.producer.disarm();
        REQUIRE(pair.consumer.pop());
      }
      REQUIRE(pair.producer.push(std::uint64_t{1}));
      REQUIRE(pair.consumer.peek(1).size() == 1);
      CHECK(!pair.consumer.release_and_test(1));
    }
  }
}

TEST_CASE_TEMPLATE("a value that was shown without a test is rung for by the next test", K,
                   BELLPULL_VALUE_KINDS) {
  for (const std::uint64_t start : kStarts) {
    ValuePair<K> pair(8, start);
    CHECK(!put(pair.producer, 0));
    REQUIRE(pair.consumer.pop() == 0);
    CHECK(!pair.consumer.arm());
    REQUIRE(pair.producer.push(std::uint64_t{1}));
    REQUIRE(pair.producer.push(std::uint64_t{2}));
    CHECK(put(pair.producer, 3));
    CHECK(!put(pair.producer, 4));
  }
}

TEST_CASE_TEMPLATE("a claim that was cancelled in front of a value does not hide it from a sleeper",
                   K, BELLPULL_VALUE_KINDS) {
  for (const std::uint64_t start : kStarts) {
    ValuePair<K> pair(8, start);
    CHECK(!pair.consumer.arm());
    static_cast<void>(pair.producer.reserve(2));
    CHECK(put(pair.producer, 3));
    REQUIRE(pair.consumer.pop() == 3);
  }
}

TEST_CASE("check 24: who commits the slot that the consumer waits for rings, not who is behind") {
  for (const std::uint64_t start : kStarts) {
    for (const bool cancels : {false, true}) {
      ValuePair<Mpsc<std::uint64_t>> pair(8, start, 2);
      MpscProducer<std::uint64_t> other;
      REQUIRE(other.attach(pair.heap.memory(), 1) == SetupError::none);
      CHECK(!pair.consumer.arm());
      auto first = pair.producer.reserve(2);
      CHECK(!put(other, 7));
      CHECK(!pair.consumer.arm());
      first.slots()[0] = 6;
      CHECK(first.commit_and_test(cancels ? 0 : 1));
      CHECK(pair.consumer.arm());
      if (!cancels) CHECK(pair.consumer.pop() == 6);
      CHECK(pair.consumer.pop() == 7);
      CHECK(!pair.consumer.pop());
    }
  }
}

TEST_CASE_TEMPLATE("a producer that waits for room is rung once, and arm() tells whether to wait",
                   K, Spsc<std::uint64_t>, Spsc<std::uint64_t, Untrusted>) {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint32_t capacity : kCapacities) {
      CAPTURE(capacity);
      ValuePair<K> pair(capacity, start);
      CHECK(pair.producer.arm());  // there is room
      pair.producer.disarm();
      for (unsigned round = 0; round < 5; ++round) {
        while (pair.producer.push(std::uint64_t{1})) {
        }
        CHECK(!pair.producer.arm());
        REQUIRE(pair.consumer.peek(capacity).size() == capacity);
        unsigned bells = 0;
        for (unsigned i = 0; i < capacity; ++i) bells += pair.consumer.release_and_test(1);
        CHECK(bells == 1);
        CHECK(pair.producer.arm());
        pair.producer.disarm();
        REQUIRE(pair.producer.push(std::uint64_t{1}));
        REQUIRE(pair.consumer.peek(1).size() == 1);
        CHECK(!pair.consumer.release_and_test(1));
      }
      CHECK(pair.consumer.counters().bells == 5);
      CHECK(pair.consumer.counters().bells_suppressed == 5 * capacity);
    }
  }
}

TEST_CASE("an overwriting producer rings the consumer that waits, once") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Overwrite<std::uint64_t>> pair(4, start);
    const std::array<std::uint64_t, 6> values{};
    bool asks = true;
    CHECK(pair.producer.push_and_test(values, Overflow::overwrite_oldest, asks) == 4);
    CHECK(!asks);
    CHECK(pair.consumer.arm());
    std::array<std::uint64_t, 8> out{};
    CHECK(pair.consumer.pop(out) == 4);
    CHECK(!pair.consumer.arm());
    // More than a lap without a test does not lose the bell.
    for (unsigned i = 0; i < 10; ++i) pair.producer.push(values[0], Overflow::overwrite_oldest);
    CHECK(pair.producer.push_and_test(values, Overflow::overwrite_oldest, asks) == 4);
    CHECK(asks);
    pair.producer.push_and_test(values, Overflow::overwrite_oldest, asks);
    CHECK(!asks);
    CHECK(pair.producer.counters().bells == 1);
    CHECK(pair.producer.counters().bells_suppressed == 2);
    CHECK(pair.consumer.arm());
    CHECK(pair.consumer.pop(out) == 4);
    pair.consumer.disarm();
    for (unsigned i = 0; i < 10; ++i) pair.producer.push(values[0], Overflow::overwrite_oldest);
    pair.producer.push_and_test(values, Overflow::overwrite_oldest, asks);
    CHECK(!asks);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
