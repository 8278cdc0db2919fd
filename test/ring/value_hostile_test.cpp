// SPDX-License-Identifier: BSD-2-Clause
// A peer that writes anything into the words that both sides share. The ring is a heap block of its
// exact size: AddressSanitizer sees every step outside of it.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "sanitizers.hpp"
#include "seeds.hpp"
#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

using Random = std::mt19937_64;

/// Anything; most often near to what would be right.
std::uint64_t garbage(Random& random, std::uint64_t right) {
  switch (random() % 6) {
    case 0:
      return random();
    case 1:
      return right + random() % 128;
    case 2:
      return right - random() % 128;
    case 3:
      return right ^ std::uint64_t{1} << random() % 64;
    case 4:
      return 0;
    default:
      return ~std::uint64_t{0} - random() % 4;
  }
}

/// Where what was read goes, so that it is read.
std::uint64_t sink = 0;

/// Every call of both halves, once.
template <class K>
void use(ValuePair<K>& pair, Random& random, std::uint32_t capacity) {
  const auto count = static_cast<std::uint32_t>(random() % (2 * std::uint64_t{capacity}));
  std::array<std::uint64_t, 32> values{};
  const std::span<std::uint64_t> some = std::span(values).first(random() % 32);
  if constexpr (K::kRing == ValueRing::overwrite) {
    bool asks = false;
    pair.producer.push(some, static_cast<Overflow>(random() % 3));
    CHECK(pair.consumer.pop(some) <= capacity);
    pair.producer.push_and_test(some, static_cast<Overflow>(random() % 3), asks);
    CHECK(pair.consumer.pop(some) <= capacity);
  } else {
    pair.producer.push(std::span<const std::uint64_t>(some));
    auto batch = pair.producer.reserve(count);
    CHECK(batch.size() <= capacity);
    for (std::size_t i = 0; i < batch.size(); ++i) batch.slots()[i] = i;
    static_cast<void>(batch.commit_and_test(static_cast<std::uint32_t>(random() % (count + 1))));
    CHECK(pair.producer.reserve(capacity + 1).size() <= capacity);
    const auto seen = pair.consumer.peek(count);
    CHECK(seen.size() <= capacity);
    seen.for_each([](std::uint64_t value) { sink += value; });
    pair.consumer.release(static_cast<std::uint32_t>(random() % (count + 1)));
    CHECK(pair.consumer.pop(some) <= capacity);
    static_cast<void>(pair.consumer.pop());
    if constexpr (K::kRing == ValueRing::spsc) {
      static_cast<void>(pair.consumer.release_and_test(count / 2));
      static_cast<void>(pair.producer.arm());
      pair.producer.disarm();
    } else {
      static_cast<void>(pair.consumer.recover(static_cast<std::uint32_t>(random() % 4)));
    }
  }
  static_cast<void>(pair.consumer.arm());
  if (random() % 2 == 0) pair.consumer.disarm();
}

/// Puts garbage into one word; which one `choice` says.
template <class K>
void spoil(ValuePair<K>& pair, Random& random, std::uint64_t choice) {
  ValueControl& control = pair.heap.control();
  const ValueMemory& memory = pair.heap.memory();
  const std::array<std::uint64_t*, 5> words = {&control.tail.value, &control.head.value,
                                               &control.data_event.value,
                                               &control.space_event.value, &control.floor.value};
  if (choice < words.size()) {
    *words[choice] = garbage(random, *words[choice]);
  } else if (choice == 5 && memory.tags != nullptr) {
    std::uint32_t& tag = memory.tags[random() % memory.slots];
    tag = static_cast<std::uint32_t>(garbage(random, tag));
  } else if (choice == 6 && memory.notes != nullptr) {
    std::uint64_t& note = memory.notes[random() % memory.producers].value;
    note = random() % 2 == 0 ? garbage(random, note)
                             : detail::note_of(garbage(random, control.head.value),
                                               static_cast<std::uint32_t>(1 + random() % 0xffff));
  } else if (choice == 7) {
    auto* const header = reinterpret_cast<unsigned char*>(&control.header);
    header[random() % sizeof(ValueHeader)] = static_cast<unsigned char>(random());
  }
}

#define BELLPULL_WARY \
  Spsc<std::uint64_t, Untrusted>, Mpsc<std::uint64_t, Untrusted>, Overwrite<std::uint64_t>

TEST_CASE_TEMPLATE(
    "whatever a peer writes to shared words, nobody leaves the ring's memory or hangs", K,
    BELLPULL_WARY) {
  Random random(announce_seed("hostile value peer", 35));
  sink = 0;
  const std::uint64_t rounds = engine::test::scaled(40'000);
  for (const std::uint32_t capacity : {1U, 3U, 16U}) {
    for (std::uint64_t choice = 0; choice < 9; ++choice) {
      CAPTURE(choice);
      for (std::uint64_t round = 0; round < rounds / 16 + 1; ++round) {
        ValuePair<K> pair(capacity, kStarts[random() % kStarts.size()],
                          K::kRing == ValueRing::mpsc ? 3 : 1);
        for (unsigned step = 0; step < 16; ++step) {
          spoil(pair, random, choice == 8 ? random() % 8 : choice);
          use(pair, random, capacity);
        }
      }
    }
  }
  CAPTURE(sink);
}

TEST_CASE(
    "D35: an untrusted index that cannot be is counted, and when it is right again all goes on") {
  Random random(announce_seed("index for a while", 36));
  for (const std::uint64_t start : kStarts) {
    ValuePair<Spsc<std::uint64_t, Untrusted>> pair(4, start);
    ValueControl& control = pair.heap.control();
    std::uint64_t in = 0, out = 0, faults_in = 0, faults_out = 0;
    for (unsigned round = 0; round < 2000; ++round) {
      while (pair.producer.push(in)) ++in;
      // The consumer lies to a producer that has to look.
      const std::uint64_t head = control.head.value;
      control.head.value = head + 5 + random() % (~std::uint64_t{0} - 10);  // not head..head + 4
      CHECK(!pair.producer.push(in));
      CHECK(pair.producer.counters().peer_faults == ++faults_in);
      CHECK(!pair.producer.arm());
      CHECK(pair.producer.counters().peer_faults == ++faults_in);
      pair.producer.disarm();
      control.head.value = head;
      while (const auto value = pair.consumer.pop()) REQUIRE(*value == out++);
      REQUIRE(in == out);
      // The producer lies to a consumer that has to look.
      const std::uint64_t tail = control.tail.value;
      control.tail.value = tail + 5 + random() % (~std::uint64_t{0} - 10);
      CHECK(!pair.consumer.pop());
      CHECK(pair.consumer.counters().peer_faults == ++faults_out);
      CHECK(!pair.consumer.arm());
      CHECK(pair.consumer.counters().peer_faults == ++faults_out);
      pair.consumer.disarm();
      control.tail.value = tail;
    }
    CHECK(in == 8000);
  }
}

TEST_CASE("check 24: an untrusted tag or head that cannot be is counted, and then all goes on") {
  Random random(announce_seed("tag for a while", 37));
  for (const std::uint64_t start : kStarts) {
    ValuePair<Mpsc<std::uint64_t, Untrusted>> pair(4, start);
    ValueControl& control = pair.heap.control();
    std::uint64_t in = 0, out = 0, faults_in = 0, faults_out = 0;
    for (unsigned round = 0; round < 2000; ++round) {
      while (pair.producer.push(in)) ++in;
      const std::uint64_t head = control.head.value;
      control.head.value = head + 5 + random() % (~std::uint64_t{0} - 10);
      CHECK(!pair.producer.push(in));
      CHECK(pair.producer.counters().peer_faults == ++faults_in);
      control.head.value = head;
      std::uint32_t& tag = pair.heap.memory().tags[control.head.value % 4];
      const std::uint32_t right = tag;
      tag +=
          2 + static_cast<std::uint32_t>(random() % 0xfffffff0U);  // not this lap's, nor the last's
      CHECK(!pair.consumer.pop());
      CHECK(pair.consumer.counters().peer_faults == ++faults_out);
      tag = right;
      while (const auto value = pair.consumer.pop()) REQUIRE(*value == out++);
      REQUIRE(in == out);
    }
    CHECK(in == 8000);
  }
}

TEST_CASE(
    "a floor or a tail that cannot be is counted, and the overwritten ring goes on after it") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Overwrite<std::uint64_t>> pair(4, start);
    ValueControl& control = pair.heap.control();
    std::uint64_t in = 0;
    for (const std::uint64_t lie :
         {std::uint64_t{5}, std::uint64_t{1} << 62U, std::uint64_t{1000}}) {
      const std::uint64_t before = pair.consumer.counters().peer_faults;
      for (unsigned i = 0; i < 4; ++i) pair.producer.push(in++, Overflow::overwrite_oldest);
      const std::uint64_t tail = control.tail.value, floor = control.floor.value;
      control.floor.value = tail + lie;
      std::uint64_t value = 0;
      static_cast<void>(pair.consumer.pop(value));
      CHECK(pair.consumer.counters().peer_faults > before);
      control.floor.value = floor;
      control.tail.value = tail + lie;
      const std::uint64_t again = pair.consumer.counters().peer_faults;
      CHECK(!pair.consumer.pop(value));
      CHECK(pair.consumer.counters().peer_faults == again + 1);
      control.tail.value = tail;
      while (pair.consumer.pop(value)) {
      }
      CHECK(value == in - 1);
      // Nobody can have consumed what was not there.
      control.head.value = tail + lie;
      for (unsigned i = 0; i < 4; ++i) CHECK(pair.producer.push(in++, Overflow::overwrite_oldest));
      CHECK(!pair.producer.push(in, Overflow::fail));
      CHECK(pair.producer.counters().peer_faults > 0);
      while (pair.consumer.pop(value)) {
      }
      CHECK(value == in - 1);
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
