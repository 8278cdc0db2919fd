// SPDX-License-Identifier: BSD-2-Clause
// Each counter counts what it says.
#include <doctest/doctest.h>

#include <array>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

void check_same(const ProducerCounters& is, const ProducerCounters& wanted) {
  CHECK(is.values == wanted.values);
  CHECK(is.publishes == wanted.publishes);
  CHECK(is.full == wanted.full);
  CHECK(is.dropped == wanted.dropped);
  CHECK(is.cancelled == wanted.cancelled);
  CHECK(is.bells == wanted.bells);
  CHECK(is.bells_suppressed == wanted.bells_suppressed);
  CHECK(is.misuses == wanted.misuses);
  CHECK(is.peer_faults == wanted.peer_faults);
}

void check_same(const ConsumerCounters& is, const ConsumerCounters& wanted) {
  CHECK(is.values == wanted.values);
  CHECK(is.releases == wanted.releases);
  CHECK(is.empty == wanted.empty);
  CHECK(is.most_waiting == wanted.most_waiting);
  CHECK(is.skipped == wanted.skipped);
  CHECK(is.overwritten == wanted.overwritten);
  CHECK(is.bells == wanted.bells);
  CHECK(is.bells_suppressed == wanted.bells_suppressed);
  CHECK(is.misuses == wanted.misuses);
  CHECK(is.peer_faults == wanted.peer_faults);
}

TEST_CASE_TEMPLATE("check 31: the counters of one producer and of the consumer", K,
                   BELLPULL_VALUE_KINDS) {
  constexpr bool kMany = K::kRing == ValueRing::mpsc;
  const std::array<std::uint64_t, 6> six{};
  ValuePair<K> pair(4);
  check_same(pair.producer.counters(), {});
  check_same(pair.consumer.counters(), {});
  // Full, dropped.
  CHECK(pair.producer.push(std::span<const std::uint64_t>(six)) == 4);
  CHECK(!pair.producer.push(six[0], Overflow::drop_newest));
  CHECK(pair.producer.push(std::span<const std::uint64_t>(six), Overflow::drop_newest) == 0);
  CHECK(!pair.producer.push(six[0]));
  CHECK(pair.producer.reserve(3).size() == 0);
  CHECK(pair.producer.reserve_all(2).size() == 0);
  check_same(pair.producer.counters(),
             {.values = 4, .publishes = 1, .full = 2 + 1 + 3 + 2, .dropped = 1 + 6});
  // Waiting, releases, empty.
  CHECK(pair.consumer.poll(3, [](std::uint64_t) {}) == 3);
  CHECK(pair.consumer.pop());
  CHECK(!pair.consumer.pop());
  CHECK(pair.consumer.poll(3, [](std::uint64_t) {}) == 0);
  check_same(pair.consumer.counters(),
             {.values = 4, .releases = 2, .empty = 2, .most_waiting = kMany ? 3U : 4U});
  // Cancelled, bells, misuses, skipped.
  CHECK(!pair.consumer.arm());
  auto batch = pair.producer.reserve(3);
  CHECK(batch.commit_and_test(2));
  auto next = pair.producer.reserve(1);
  CHECK(!next.commit_and_test(7));
  CHECK(pair.consumer.pop(std::span<std::uint64_t>()) == 0);
  std::array<std::uint64_t, 6> out{};
  CHECK(pair.consumer.pop(std::span(out).first(2)) == 2);
  CHECK(pair.consumer.pop(std::span(out)) == 1);
  check_same(pair.producer.counters(), {.values = 7,
                                        .publishes = 3,
                                        .full = 8,
                                        .dropped = 7,
                                        .cancelled = 1,
                                        .bells = 1,
                                        .bells_suppressed = 1,
                                        .misuses = 1});
  pair.consumer.release(2);
  check_same(pair.consumer.counters(), {.values = 7,
                                        .releases = kMany ? 4U : 4U,
                                        .empty = 2,
                                        .most_waiting = kMany ? 3U : 4U,
                                        .skipped = kMany ? 1U : 0U,
                                        .misuses = 1});
  // Attaching begins anew.
  REQUIRE(K::attach(pair.producer, pair.heap.memory()) == SetupError::none);
  REQUIRE(pair.consumer.attach(pair.heap.memory()) == SetupError::none);
  check_same(pair.producer.counters(), {});
  check_same(pair.consumer.counters(), {});
}

TEST_CASE("check 31: values that were overwritten are counted once each, by the consumer") {
  for (const std::uint64_t start : kStarts) {
    ValuePair<Overwrite<std::uint64_t>> pair(4, start);
    std::array<std::uint64_t, 9> in{};
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = i;
    const std::span<const std::uint64_t> all(in);
    CHECK(pair.producer.push(all.first(3), Overflow::fail) == 3);
    CHECK(pair.producer.push(all.first(3), Overflow::fail) == 1);
    CHECK(pair.producer.push(all.first(3), Overflow::drop_newest) == 0);
    CHECK(pair.producer.push(all.first(2), Overflow::overwrite_oldest) == 2);
    CHECK(pair.producer.push(all, Overflow::overwrite_oldest) == 4);
    check_same(pair.producer.counters(),
               {.values = 10, .publishes = 4, .full = 2, .dropped = 3 + 5});
    std::array<std::uint64_t, 9> out{};
    CHECK(pair.consumer.pop(std::span(out)) == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(out[i] == 5 + i);
    CHECK(pair.consumer.pop(std::span(out)) == 0);
    check_same(pair.consumer.counters(),
               {.values = 4, .releases = 1, .empty = 1, .most_waiting = 4, .overwritten = 6});
  }
}

TEST_CASE_TEMPLATE("check 31: the counters of bells of the consumer", K, Spsc<std::uint64_t>,
                   Spsc<std::uint64_t, Untrusted>) {
  ValuePair<K> pair(2);
  REQUIRE(pair.producer.push(std::uint64_t{1}));
  REQUIRE(pair.producer.push(std::uint64_t{2}));
  CHECK(!pair.producer.arm());
  REQUIRE(pair.consumer.peek(2).size() == 2);
  CHECK(pair.consumer.release_and_test(1));
  CHECK(!pair.consumer.release_and_test(1));
  CHECK(!pair.consumer.release_and_test(1));  // there is none: a misuse, and no test
  check_same(pair.consumer.counters(), {.values = 2,
                                        .releases = 2,
                                        .most_waiting = 2,
                                        .bells = 1,
                                        .bells_suppressed = 1,
                                        .misuses = 1});
}

}  // namespace
}  // namespace bellpull::ring::test
