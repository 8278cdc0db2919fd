// SPDX-License-Identifier: BSD-2-Clause
// Value rings between threads: what ThreadSanitizer has to say about the code that ships.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "sanitizers.hpp"
#include "seeds.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

/// Who made a value, and which of theirs it is; more than a word, so that it could be torn.
struct Stamped {
  std::uint64_t producer = 0;
  std::uint64_t number = 0;
  std::uint64_t check = 0;
};
Stamped stamp(std::uint64_t producer, std::uint64_t number) {
  return {producer, number, producer ^ ~number};
}
bool whole(const Stamped& value) {
  return value.check == (value.producer ^ ~value.number);
}

/// Pushes `values` values in batches of random sizes, some cancelled, some committed in part.
template <class Producer>
void produce(Producer& producer, std::uint64_t name, std::uint64_t values, std::uint64_t seed) {
  std::mt19937_64 random(seed + name);
  for (std::uint64_t next = 0; next < values;) {
    const std::uint64_t what = random() % 8;
    if (what == 0) {
      next += producer.push(stamp(name, next)) ? 1 : 0;
      continue;
    }
    auto batch = producer.reserve(static_cast<std::uint32_t>(1 + random() % 9));
    if (!batch) std::this_thread::yield();
    if (what == 1) continue;  // cancelled
    const std::uint64_t wanted = what == 2 ? random() % (batch.size() + 1) : batch.size();
    std::uint32_t filled = 0;
    while (filled < wanted && next < values) batch.slots()[filled++] = stamp(name, next++);
    batch.commit(filled);
  }
}

template <class Consumer>
void consume(Consumer& consumer, std::vector<std::uint64_t>& next, std::uint64_t values) {
  std::uint64_t wrong = 0;
  for (std::uint64_t taken = 0; taken < values;) {
    const std::uint32_t count = consumer.poll(5, [&](const Stamped& value) {
      const bool known = whole(value) && value.producer < next.size();
      wrong += !known || next[value.producer]++ != value.number;
    });
    taken += count;
    if (count == 0) std::this_thread::yield();
  }
  CHECK(wrong == 0);
  CHECK(consumer.peek(1).empty());
  CHECK(consumer.counters().values == values);
  CHECK(consumer.counters().peer_faults == 0);
}

TEST_CASE_TEMPLATE("check 21: two threads hand values over, each once and in order", K,
                   Spsc<Stamped>, Spsc<Stamped, Untrusted>) {
  const std::uint64_t seed = announce_seed("value threads", 21);
  const std::uint64_t values = engine::test::scaled(100'000);
  for (const std::uint32_t capacity : {1U, 3U, 64U}) {
    ValuePair<K> pair(capacity, kStarts.back());
    std::thread producing([&] { produce(pair.producer, 0, values, seed); });
    std::vector<std::uint64_t> next(1);
    consume(pair.consumer, next, values);
    producing.join();
    CHECK(pair.producer.counters().peer_faults == 0);
    CHECK(pair.producer.reserve(capacity + 1).size() == capacity);
  }
}

TEST_CASE_TEMPLATE(
    "checks 21, 24: of three producers each value comes once, and each one's in order", K,
    Mpsc<Stamped>, Mpsc<Stamped, Untrusted>) {
  const std::uint64_t seed = announce_seed("value threads", 24);
  const std::uint64_t values = engine::test::scaled(20'000);
  for (const std::uint32_t capacity : {1U, 5U, 64U}) {
    for (const std::uint64_t start : {kStarts[0], kStarts[4], kStarts[6]}) {
      CAPTURE(capacity);
      CAPTURE(start);
      ValuePair<K> pair(capacity, start, 3);
      std::array<typename K::Producer, 3> producers;
      pair.producer.detach();
      std::vector<std::thread> threads;
      for (std::uint32_t name = 0; name < 3; ++name) {
        REQUIRE(producers[name].attach(pair.heap.memory(), name) == SetupError::none);
        threads.emplace_back([&, name] { produce(producers[name], name, values, seed); });
      }
      std::vector<std::uint64_t> next(3);
      consume(pair.consumer, next, 3 * values);
      for (std::thread& thread : threads) thread.join();
      CHECK(pair.consumer.peek(1).empty());  // cancelled ones that came last
      std::uint64_t cancelled = 0;
      for (const auto& producer : producers) {
        CHECK(producer.counters().values == values);
        CHECK(producer.counters().peer_faults == 0);
        cancelled += producer.counters().cancelled;
      }
      CHECK(pair.consumer.counters().skipped == cancelled);
      CHECK(producers[0].reserve(capacity + 1).size() == capacity);
    }
  }
}

TEST_CASE("check 21: move-only values go from thread to thread and are freed once") {
  const std::uint64_t values = engine::test::scaled(50'000);
  MpscRing<std::unique_ptr<std::uint64_t>> ring;
  REQUIRE(ring.make(16, 2) == SetupError::none);
  std::array<MpscProducer<std::unique_ptr<std::uint64_t>>, 2> producers;
  std::vector<std::thread> threads;
  for (std::uint32_t name = 0; name < 2; ++name) {
    REQUIRE(producers[name].attach(ring.memory(), name) == SetupError::none);
    threads.emplace_back([&, name] {
      for (std::uint64_t i = 0; i < values; ++i) {
        auto value = std::make_unique<std::uint64_t>(i);
        while (!producers[name].push(std::move(value))) std::this_thread::yield();
      }
    });
  }
  std::uint64_t sum = 0;
  for (std::uint64_t taken = 0; taken < 2 * values - 7;) {  // some are left to the ring
    const auto value = ring.consumer().pop();
    if (!value) {
      std::this_thread::yield();
      continue;
    }
    ++taken;
    sum += **value;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(sum > 0);
}

TEST_CASE("check 21: a ring that is overwritten while it is read never yields a torn value") {
  const std::uint64_t values = engine::test::scaled(400'000);
  for (const std::uint32_t capacity : {1U, 2U, 5U, 64U}) {
    CAPTURE(capacity);
    ValuePair<Overwrite<Stamped>> pair(capacity, kStarts.back());
    std::atomic<bool> done{false};
    std::thread producing([&] {
      std::mt19937_64 random(capacity);
      std::array<Stamped, 7> batch;
      for (std::uint64_t next = 0; next < values;) {
        // The last one finds its room, so that there is something at the end.
        const std::uint64_t count = std::min<std::uint64_t>(1 + random() % 7, values - next);
        for (std::uint64_t i = 0; i < count; ++i) batch[i] = stamp(3, next++);
        pair.producer.push(std::span<const Stamped>(batch).first(count),
                           Overflow::overwrite_oldest);
        if (random() % 64 == 0) std::this_thread::yield();
      }
      done.store(true, std::memory_order_release);  // pairs with the consumer's load
    });
    std::uint64_t torn = 0, disordered = 0, next = 0, taken = 0;
    std::array<Stamped, 3> out;
    for (;;) {
      const bool last = done.load(std::memory_order_acquire);  // pairs with the producer's store
      const std::uint32_t count = pair.consumer.pop(std::span(out));
      for (std::uint32_t i = 0; i < count; ++i) {
        torn += !whole(out[i]) || out[i].producer != 3;
        disordered += out[i].number < next;
        next = out[i].number + 1;
      }
      taken += count;
      if (last && count == 0) break;
    }
    producing.join();
    CHECK(torn == 0);
    CHECK(disordered == 0);
    CHECK(next == values);
    const ConsumerCounters& counters = pair.consumer.counters();
    CHECK(counters.values == taken);
    CHECK(counters.values + counters.overwritten + pair.producer.counters().dropped == values);
    CHECK(counters.peer_faults == 0);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
