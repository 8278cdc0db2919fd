// SPDX-License-Identifier: BSD-2-Clause
// Values with lives of their own: move-only, without a default constructor, aligned. And calls that
// ask for more than there is.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

/// Counts itself, owns memory (AddressSanitizer sees what is freed twice or never), and cannot be
/// copied or made of nothing.
class alignas(32) Owner {
 public:
  explicit Owner(int value) noexcept : value_(new int(value)) { ++alive; }
  Owner(Owner&& other) noexcept : value_(std::move(other.value_)) { ++alive; }
  Owner& operator=(Owner&& other) noexcept = default;
  ~Owner() { --alive; }
  [[nodiscard]] int value() const { return value_ == nullptr ? -1 : *value_; }

  static inline int alive = 0;

 private:
  std::unique_ptr<int> value_;
};

#define BELLPULL_OWNERS Spsc<Owner>, Mpsc<Owner>

TEST_CASE_TEMPLATE("check 30: move-only values without a default constructor live exactly once", K,
                   BELLPULL_OWNERS) {
  REQUIRE(Owner::alive == 0);
  for (const std::uint64_t start : kStarts) {
    {
      ValuePair<K> pair(5, start);
      for (int lap = 0; lap < 20; ++lap) {
        REQUIRE(pair.producer.push(Owner(lap)));
        auto batch = pair.producer.reserve(3);
        REQUIRE(batch.size() == 3);
        CHECK(batch.emplace(100));
        CHECK(batch.emplace(101));
        batch.commit();  // two of three
        CHECK(Owner::alive == 3);
        CHECK(pair.consumer.pop()->value() == lap);
        CHECK(Owner::alive == 2);
        Owner into(0);
        REQUIRE(pair.consumer.pop(into));
        CHECK(into.value() == 100);
        CHECK(pair.consumer.poll(9, [](Owner& value) { CHECK(value.value() == 101); }) == 1);
        CHECK(Owner::alive == 1);
        CHECK(!pair.consumer.pop());
      }
      CHECK(Owner::alive == 0);
      static_cast<void>(pair.producer.push(Owner(1)));
      static_cast<void>(pair.producer.push(Owner(2)));
    }
    CHECK(Owner::alive == 0);
  }
}

TEST_CASE_TEMPLATE(
    "check 30: what was emplaced and not committed is destroyed with its reservation", K,
    BELLPULL_OWNERS) {
  ValuePair<K> pair(4);
  {
    auto batch = pair.producer.reserve(2);
    CHECK(batch.emplace(1));
    CHECK(batch.emplace(2));
    CHECK(!batch.emplace(3));  // all are made
    CHECK(Owner::alive == 2);
    auto moved = std::move(batch);
    CHECK(moved.size() == 2);
    CHECK(batch.size() == 0);  // NOLINT(bugprone-use-after-move): is what is tested
    CHECK(!batch.emplace(4));
  }
  CHECK(Owner::alive == 0);
  CHECK(!pair.consumer.pop());
  {
    auto batch = pair.producer.reserve(2);
    CHECK(batch.emplace(5));
    static_cast<void>(batch.commit_and_test());
    CHECK(!batch);
    CHECK(!batch.emplace(6));
    batch.commit();  // nothing is left
  }
  CHECK(pair.consumer.pop()->value() == 5);
  CHECK(!pair.consumer.pop());
  CHECK(Owner::alive == 0);
  CHECK(pair.producer.counters().values == 1);
  CHECK(pair.producer.counters().cancelled == 3);
}

TEST_CASE_TEMPLATE("check 30: a value that found no room stays, or is let go, as the call says", K,
                   BELLPULL_OWNERS) {
  ValuePair<K> pair(1);
  REQUIRE(pair.producer.push(Owner(1)));
  Owner value(2);
  CHECK(!pair.producer.push(std::move(value)));
  CHECK(value.value() == 2);  // NOLINT(bugprone-use-after-move): is what is tested
  CHECK(!pair.producer.push(std::move(value), Overflow::drop_newest));
  CHECK(value.value() == -1);  // NOLINT(bugprone-use-after-move): is what is tested
  CHECK(pair.producer.counters().full == 1);
  CHECK(pair.producer.counters().dropped == 1);
  CHECK(pair.consumer.pop()->value() == 1);
}

TEST_CASE("check 30: rings that own their memory destroy what is left, also when made anew") {
  {
    SpscRing<Owner> ring;
    CHECK(ring.make(0) == SetupError::capacity_zero);
    CHECK(!ring.producer().attached());
    CHECK(!ring.producer().push(Owner(1)));
    CHECK(!ring.consumer().pop());
    REQUIRE(ring.make(3) == SetupError::none);
    for (int i = 0; i < 5; ++i) static_cast<void>(ring.producer().push(Owner(i)));
    CHECK(Owner::alive == 3);
    REQUIRE(ring.make(4) == SetupError::none);
    CHECK(Owner::alive == 0);
    REQUIRE(ring.producer().push(Owner(1)));
  }
  CHECK(Owner::alive == 0);
  {
    MpscRing<Owner> ring;
    CHECK(ring.make(3, 0) == SetupError::producers_unfit);
    CHECK(ring.make(3, 1025) == SetupError::producers_unfit);
    CHECK(!ring.consumer().attached());
    REQUIRE(ring.make(3, 2) == SetupError::none);
    MpscProducer<Owner> producer;
    CHECK(producer.attach(ring.memory(), 2) == SetupError::producers_unfit);
    REQUIRE(producer.attach(ring.memory(), 1) == SetupError::none);
    for (int i = 0; i < 5; ++i) static_cast<void>(producer.push(Owner(i)));
    CHECK(Owner::alive == 3);
  }
  CHECK(Owner::alive == 0);
}

TEST_CASE_TEMPLATE("check 30: committing more than was reserved shows all of it, and is counted", K,
                   BELLPULL_VALUE_KINDS) {
  ValuePair<K> pair(4);
  auto batch = pair.producer.reserve(2);
  batch.slots()[0] = 1;
  batch.slots()[1] = 2;
  batch.commit(3);
  CHECK(pair.producer.counters().misuses == 1);
  batch.commit(1);  // nothing is left to commit
  CHECK(pair.producer.counters().misuses == 2);
  CHECK(!batch.commit_and_test(0xffffffff));
  CHECK(pair.producer.counters().misuses == 3);
  CHECK(pair.consumer.pop() == 1);
  CHECK(pair.consumer.pop() == 2);
  CHECK(!pair.consumer.pop());
  CHECK(pair.producer.reserve(9).size() == 4);
}

TEST_CASE_TEMPLATE(
    "check 30: releasing more than was seen gives back what was seen, and is counted", K,
    BELLPULL_VALUE_KINDS) {
  ValuePair<K> pair(4);
  pair.consumer.release(1);
  CHECK(pair.consumer.counters().misuses == 1);
  for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(pair.producer.push(i));
  REQUIRE(pair.consumer.peek(2).size() == 2);
  pair.consumer.release(0xffffffff);
  CHECK(pair.consumer.counters().misuses == 2);
  std::uint64_t next = pair.consumer.counters().values;  // two at least, and no value twice
  CHECK(next >= 2);
  while (const auto value = pair.consumer.pop()) CHECK(*value == next++);
  CHECK(next == 4);
  CHECK(pair.producer.reserve(9).size() == 4);
}

TEST_CASE("check 30: a reservation that a push went past shows nothing, and is counted") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Spsc<std::uint64_t>> pair(4, start);
    auto first = pair.producer.reserve(4);
    auto second = pair.producer.reserve(4);
    REQUIRE(pair.producer.push(std::uint64_t{1}));
    first.commit();
    CHECK(!second.commit_and_test(2));
    CHECK(pair.producer.counters().misuses == 2);
    CHECK(pair.consumer.pop() == 1);
    CHECK(!pair.consumer.pop());
    CHECK(pair.producer.reserve(9).size() == 4);
  }
}

/// Counts itself and is not trivially copyable, but owns nothing.
struct Counted {
  explicit Counted(int number) noexcept : value(number) { ++alive; }
  Counted(Counted&& other) noexcept : value(other.value) { ++alive; }
  ~Counted() { --alive; }
  static inline int alive = 0;
  int value;
};

TEST_CASE("check 30: of a reservation that a push went past, no value is destroyed twice") {
  for (const bool committed : {false, true}) {
    REQUIRE(Counted::alive == 0);
    {
      ValuePair<Spsc<Counted>> pair(4);
      {
        auto batch = pair.producer.reserve(3);
        REQUIRE(batch.size() == 3);
        CHECK(batch.emplace(1));
        CHECK(batch.emplace(2));
        REQUIRE(pair.producer.push(Counted(3)));
        if (committed) batch.commit();
      }
      CHECK(pair.producer.counters().misuses == (committed ? 1U : 0U));
      CHECK(pair.consumer.pop()->value == 3);
      CHECK(!pair.consumer.pop());
    }
    // The value in the slot that was taken over is lost, as documented.
    CHECK(Counted::alive == 1);
    Counted::alive = 0;
  }
}

TEST_CASE("check 30: a second claim of a producer is refused while one is open, and counted") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Mpsc<std::uint64_t>> pair(4, start);
    {
      auto first = pair.producer.reserve(2);
      REQUIRE(first.size() == 2);
      CHECK(pair.producer.reserve(1).size() == 0);
      CHECK(!pair.producer.push(std::uint64_t{1}));
      CHECK(pair.producer.counters().misuses == 2);
      first.slots()[0] = 7;
      first.commit(1);
    }
    CHECK(pair.producer.push(std::uint64_t{8}));
    CHECK(pair.consumer.pop() == 7);
    CHECK(pair.consumer.pop() == 8);
    CHECK(!pair.consumer.pop());
  }
}

// g++ 12 would take the store that does not happen for one to a null pointer.
template <class Producer>
[[gnu::noinline]] void let_go(Producer& producer) {
  producer.detach();
}

TEST_CASE("check 30: a reservation that outlives its attachment touches no ring") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Spsc<std::uint64_t>> one(4, start);
    ValuePair<Mpsc<std::uint64_t>> many(4, start);
    auto first = one.producer.reserve(2);
    auto second = many.producer.reserve(2);
    let_go(one.producer);
    let_go(many.producer);
    first.commit();
    CHECK(!second.commit_and_test());
    CHECK(!one.consumer.pop());
    CHECK(!many.consumer.pop());
  }
}

template <class K>
void check_detached() {
  typename K::Producer producer;
  typename K::Consumer consumer;
  const ValueHeap heap(K::kRing, shape_of<std::uint64_t>(4));
  for (const bool was_attached : {false, true}) {
    if (was_attached) {
      REQUIRE(K::attach(producer, heap.memory()) == SetupError::none);
      REQUIRE(consumer.attach(heap.memory()) == SetupError::none);
      producer.detach();
      consumer.detach();
    }
    CHECK(!producer.attached());
    CHECK(!consumer.attached());
    std::array<std::uint64_t, 4> values{};
    if constexpr (K::kRing == ValueRing::overwrite) {
      bool asks = true;
      CHECK(!producer.push(values[0], Overflow::overwrite_oldest));
      CHECK(producer.push_and_test(values, Overflow::fail, asks) == 0);
      CHECK(!asks);
      CHECK(!consumer.pop(values[0]));
    } else {
      CHECK(!producer.push(values[0]));
      CHECK(producer.push(std::span<const std::uint64_t>(values)) == 0);
      CHECK(producer.reserve(3).size() == 0);
      CHECK(producer.reserve_all(3).size() == 0);
      CHECK(!consumer.pop());
      CHECK(consumer.peek(2).empty());
      CHECK(consumer.poll(2, [](std::uint64_t) { CHECK(false); }) == 0);
      consumer.release(1);
    }
    CHECK(consumer.pop(std::span(values)) == 0);
    CHECK(!consumer.arm());
    consumer.disarm();
  }
}

TEST_CASE_TEMPLATE("check 30: a half without a ring does nothing, whatever is called", K,
                   Spsc<std::uint64_t>, Spsc<std::uint64_t, Untrusted>, Mpsc<std::uint64_t>,
                   Mpsc<std::uint64_t, Untrusted>, Overwrite<std::uint64_t>) {
  check_detached<K>();
}

TEST_CASE_TEMPLATE("check 30: asking for nothing gives nothing and counts nothing", K,
                   BELLPULL_VALUE_KINDS) {
  ValuePair<K> pair(2);
  CHECK(pair.producer.reserve(0).size() == 0);
  CHECK(pair.producer.reserve_all(0).size() == 0);
  CHECK(pair.producer.push(std::span<const std::uint64_t>{}) == 0);
  CHECK(pair.consumer.peek(0).empty());
  CHECK(pair.consumer.pop(std::span<std::uint64_t>{}) == 0);
  pair.consumer.release(0);
  const ProducerCounters& in = pair.producer.counters();
  CHECK(in.full + in.publishes + in.cancelled + in.misuses == 0);
  const ConsumerCounters& out = pair.consumer.counters();
  CHECK(out.empty + out.releases + out.misuses == 0);
}

struct alignas(128) Wide {
  std::array<std::uint64_t, 16> words;
};
struct Odd {
  std::array<unsigned char, 7> bytes;
};
struct Large {
  std::array<std::uint64_t, 8192> words;  // 65536 bytes, the most
};

TEST_CASE_TEMPLATE("check 30: values of any size up to 65536 and alignment up to 128 keep theirs",
                   T, Wide, Odd, Large, unsigned char) {
  SpscRing<T> ring;
  REQUIRE(ring.make(3) == SetupError::none);
  for (unsigned lap = 0; lap < 7; ++lap) {
    auto batch = ring.producer().reserve(2);
    REQUIRE(batch.size() == 2);
    std::memset(batch.slots().first.data(), static_cast<int>(lap), sizeof(T));
    CHECK(reinterpret_cast<std::uintptr_t>(&batch.slots()[1]) % alignof(T) == 0);
    batch.commit();
    const auto seen = ring.consumer().peek(1);
    CHECK(*reinterpret_cast<const unsigned char*>(seen.first.data()) == lap);
    CHECK(*(reinterpret_cast<const unsigned char*>(seen.first.data() + 1) - 1) == lap);
    ring.consumer().release(1);
    CHECK(ring.consumer().pop().has_value());
  }
}

}  // namespace
}  // namespace bellpull::ring::test
