// SPDX-License-Identifier: BSD-2-Clause
// Value rings of one and of several producers beside a queue of the standard library: random calls,
// every capacity, positions that turn over.
#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <vector>

#include "sanitizers.hpp"
#include "seeds.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

using Random = std::mt19937_64;

template <class K>
class Model {
 public:
  Model(std::uint32_t capacity, std::uint64_t start, std::uint64_t seed)
      : pair_(capacity, start), capacity_(capacity), random_(seed) {}

  void step() {
    switch (random_() % 12) {
      case 0:
        return push_one();
      case 1:
        return push_many();
      case 2:
        return fill(pair_.producer.reserve(some()));
      case 3:
        return fill_all();
      case 4:
        return pop_one();
      case 5:
        return pop_many();
      case 6:
        return peek();
      case 7:
        return poll();
      case 8:
        return pop_into();
      case 9:
        return static_cast<void>(pair_.producer.reserve(some()));
      case 10:
        return arm();
      default:
        return fill(pair_.producer.reserve(some()));
    }
  }

  void empty() {
    while (!values_.empty()) poll();
    CHECK(pair_.consumer.peek(1).empty());
    // check 25: now all of the room is there again.
    auto all = pair_.producer.reserve(capacity_ + 1);
    CHECK(all.size() == capacity_);
  }

 private:
  std::uint32_t some() { return static_cast<std::uint32_t>(random_() % (capacity_ + 2)); }

  // With several producers cancelled slots stay occupied until the consumer comes by.
  [[nodiscard]] std::uint32_t least_room() const {
    return K::kRing == ValueRing::spsc ? capacity_ - static_cast<std::uint32_t>(values_.size()) : 0;
  }
  [[nodiscard]] std::uint32_t most_room() const {
    return capacity_ - static_cast<std::uint32_t>(values_.size());
  }
  void check_room(std::uint32_t got, std::uint32_t wanted) {
    CHECK(got >= std::min(wanted, least_room()));
    CHECK(got <= std::min(wanted, most_room()));
  }

  void push_one() {
    const bool pushed = pair_.producer.push(next_);
    check_room(pushed ? 1 : 0, 1);
    if (pushed) values_.push_back(next_++);
  }
  void push_many() {
    std::vector<std::uint64_t> batch(some());
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = next_ + i;
    const std::uint32_t count = pair_.producer.push(std::span<const std::uint64_t>(batch));
    check_room(count, static_cast<std::uint32_t>(batch.size()));
    for (std::uint32_t i = 0; i < count; ++i) values_.push_back(next_++);
  }
  void fill_all() {
    const std::uint32_t wanted = some();
    auto batch = pair_.producer.reserve_all(wanted);
    CHECK((batch.size() == wanted || batch.size() == 0));
    if (wanted <= least_room()) CHECK(batch.size() == wanted);
    if (wanted > most_room()) CHECK(batch.size() == 0);
    fill(std::move(batch));
  }
  void fill(Reservation<typename K::Producer> batch) {
    const Runs<std::uint64_t> slots = batch.slots();
    CHECK(slots.size() == batch.size());
    CHECK(slots.size() <= most_room());
    const auto shown = static_cast<std::uint32_t>(random_() % (slots.size() + 1));
    for (std::uint32_t i = 0; i < shown; ++i) slots[i] = next_ + i;
    if (random_() % 2 == 0) {
      batch.commit(shown);
    } else {
      static_cast<void>(batch.commit_and_test(shown));
    }
    for (std::uint32_t i = 0; i < shown; ++i) values_.push_back(next_++);
  }

  void take(std::uint64_t value) {
    REQUIRE(!values_.empty());
    REQUIRE(value == values_.front());
    values_.pop_front();
  }
  void pop_one() {
    const auto value = pair_.consumer.pop();
    CHECK(value.has_value() == !values_.empty());
    if (value) take(*value);
  }
  void pop_into() {
    std::uint64_t value = 0;
    const bool popped = pair_.consumer.pop(value);
    CHECK(popped == !values_.empty());
    if (popped) take(value);
  }
  void pop_many() {
    std::vector<std::uint64_t> batch(some());
    const std::uint32_t count = pair_.consumer.pop(std::span(batch));
    check_ready(count, batch.size());
    for (std::uint32_t i = 0; i < count; ++i) take(batch[i]);
  }
  // A cancelled slot may end a batch, but never makes it empty.
  void check_ready(std::size_t got, std::size_t wanted) {
    CHECK(got <= std::min(wanted, values_.size()));
    if (K::kRing == ValueRing::spsc) CHECK(got == std::min(wanted, values_.size()));
    CHECK((got == 0) == (std::min(wanted, values_.size()) == 0));
  }
  void peek() {
    const std::uint32_t wanted = some();
    const Runs<std::uint64_t> seen = pair_.consumer.peek(wanted);
    check_ready(seen.size(), wanted);
    for (std::size_t i = 0; i < seen.size(); ++i) REQUIRE(seen[i] == values_[i]);
    const auto released = static_cast<std::uint32_t>(random_() % (seen.size() + 1));
    for (std::uint32_t i = 0; i < released; ++i) take(seen[i]);
    if (random_() % 2 == 0 || K::kRing == ValueRing::mpsc) {
      pair_.consumer.release(released);
    } else if constexpr (K::kRing == ValueRing::spsc) {
      static_cast<void>(pair_.consumer.release_and_test(released));
    }
  }
  void poll() {
    const std::uint32_t limit = some() + 1;
    const std::size_t before = values_.size();
    const std::uint32_t count =
        pair_.consumer.poll(limit, [&](const std::uint64_t& value) { take(value); });
    CHECK(count == before - values_.size());
    CHECK((count == 0) == (before == 0));
  }
  void arm() {
    if (pair_.consumer.arm()) {
      // With several producers there may be slots to be skipped only.
      if (K::kRing == ValueRing::spsc) CHECK(!values_.empty());
    } else {
      CHECK(values_.empty());
    }
    if (random_() % 2 == 0) pair_.consumer.disarm();
    if constexpr (K::kRing == ValueRing::spsc) {
      CHECK(pair_.producer.arm() == (values_.size() < capacity_));
      if (random_() % 2 == 0) pair_.producer.disarm();
    }
  }

  ValuePair<K> pair_;
  std::uint32_t capacity_;
  Random random_;
  std::uint64_t next_ = 0;
  std::deque<std::uint64_t> values_;
};

TEST_CASE_TEMPLATE(
    "checks 5, 25: random calls agree with a queue, whatever the capacity and the first position",
    K, BELLPULL_VALUE_KINDS) {
  const std::uint64_t seed = announce_seed("value model", 0xbe11);
  for (const std::uint32_t capacity : kCapacities) {
    for (const std::uint64_t start : kStarts) {
      CAPTURE(capacity);
      CAPTURE(start);
      Model<K> model(capacity, start, seed + capacity + start);
      const std::uint64_t steps = engine::test::scaled(4000);
      for (std::uint64_t i = 0; i < steps; ++i) {
        model.step();
        if (i % 97 == 0) model.empty();
      }
      model.empty();
    }
  }
}

TEST_CASE_TEMPLATE("check 26: a ring that was asked for N holds N values, and not one more", K,
                   BELLPULL_VALUE_KINDS) {
  for (const std::uint32_t capacity : kCapacities) {
    for (const std::uint64_t start : kStarts) {
      CAPTURE(capacity);
      CAPTURE(start);
      ValuePair<K> pair(capacity, start);
      std::uint64_t in = 0, out = 0;
      for (std::uint32_t lap = 0; lap < 5; ++lap) {
        for (std::uint32_t i = 0; i < capacity; ++i) REQUIRE(pair.producer.push(in++));
        CHECK(!pair.producer.push(in));
        CHECK(pair.producer.reserve(1).size() == 0);
        const std::uint32_t back = 1 + lap % capacity;
        for (std::uint32_t i = 0; i < back; ++i) REQUIRE(pair.consumer.pop() == out++);
        for (std::uint32_t i = 0; i < back; ++i) REQUIRE(pair.producer.push(in++));
        CHECK(!pair.producer.push(in));
        while (out != in) REQUIRE(pair.consumer.pop() == out++);
        CHECK(!pair.consumer.pop());
      }
    }
  }
}

TEST_CASE_TEMPLATE("check 25: nothing is held back: each value is there as soon as it is pushed", K,
                   BELLPULL_VALUE_KINDS) {
  for (const std::uint32_t capacity : kCapacities) {
    ValuePair<K> pair(capacity);
    for (std::uint64_t i = 0; i < 3 * std::uint64_t{capacity}; ++i) {
      REQUIRE(pair.producer.push(i));
      REQUIRE(pair.consumer.pop() == i);
      REQUIRE(pair.producer.reserve(capacity).size() == capacity);
      if constexpr (K::kRing == ValueRing::mpsc) REQUIRE(!pair.consumer.pop());
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
