// SPDX-License-Identifier: BSD-2-Clause
// How often value rings touch what both sides share, counted by an access type in the place of the
// native one.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <numeric>

#include "value_pair.hpp"

namespace bellpull::ring::test {
namespace {

struct Counts {
  std::array<std::uint64_t, kSiteCount> loads{};
  std::array<std::uint64_t, kSiteCount> stores{};
  std::uint64_t exchanges = 0;

  [[nodiscard]] std::uint64_t loaded(Site site) const {
    return loads[static_cast<std::size_t>(site)];
  }
  [[nodiscard]] std::uint64_t stored(Site site) const {
    return stores[static_cast<std::size_t>(site)];
  }
  [[nodiscard]] std::uint64_t all_loads() const {
    return std::accumulate(loads.begin(), loads.end(), std::uint64_t{0});
  }
  [[nodiscard]] std::uint64_t all_stores() const {
    return std::accumulate(stores.begin(), stores.end(), std::uint64_t{0});
  }
  [[nodiscard]] std::uint64_t barriers() const {
    std::uint64_t sum = exchanges;
    for (std::size_t i = 0; i < kSiteCount; ++i) {
      if (order_of(static_cast<Site>(i)) == std::memory_order_seq_cst) sum += stores[i];
    }
    return sum;
  }
};

Counts counts;

struct Counting : NativeAccess {
  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    ++counts.loads[static_cast<std::size_t>(site)];
    return NativeAccess::load<site>(word);
  }
  template <Site site, class Word>
  static void store(Word& word, Word value) noexcept {
    ++counts.stores[static_cast<std::size_t>(site)];
    NativeAccess::store<site>(word, value);
  }
  template <Site site, class Word>
  [[nodiscard]] static bool compare_exchange(Word& word, Word expected, Word desired) noexcept {
    ++counts.exchanges;
    return NativeAccess::compare_exchange<site>(word, expected, desired);
  }
};

using CountedSpsc = Spsc<std::uint64_t, Trusted, Counting>;
using WarySpsc = Spsc<std::uint64_t, Untrusted, Counting>;
using CountedMpsc = Mpsc<std::uint64_t, Trusted, Counting>;
using CountedOverwrite = Overwrite<std::uint64_t, Counting>;

TEST_CASE_TEMPLATE(
    "check 28: a batch into a ring of one producer is one store and at most one load", K,
    CountedSpsc, WarySpsc) {
  std::array<std::uint64_t, 64> values{};
  for (const std::uint32_t batch : {1U, 8U, 33U, 64U}) {
    CAPTURE(batch);
    ValuePair<K> pair(64);
    for (unsigned round = 0; round < 20; ++round) {
      counts = {};
      if (round % 2 == 0) {
        REQUIRE(pair.producer.push(std::span<const std::uint64_t>(values).first(batch)) == batch);
      } else {
        auto slots = pair.producer.reserve_all(batch);
        REQUIRE(slots.size() == batch);
        slots.commit();
      }
      CHECK(counts.stored(Site::tail_publish) == 1);
      CHECK(counts.all_stores() == 1);
      CHECK(counts.loaded(Site::head_poll) == counts.all_loads());
      CHECK(counts.all_loads() <= 1);
      CHECK(counts.barriers() == 0);
      counts = {};
      REQUIRE(pair.consumer.poll(batch, [](std::uint64_t) {}) == batch);
      CHECK(counts.stored(Site::head_publish) == 1);
      CHECK(counts.all_stores() == 1);
      CHECK(counts.loaded(Site::tail_poll) == counts.all_loads());
      CHECK(counts.all_loads() == 1);
      CHECK(counts.barriers() == 0);
    }
  }
}

TEST_CASE_TEMPLATE(
    "check 28: while there is room as far as known nobody looks at the other's index", K,
    CountedSpsc, WarySpsc) {
  ValuePair<K> pair(64);
  counts = {};
  for (std::uint64_t i = 0; i < 64; ++i) REQUIRE(pair.producer.push(i));
  CHECK(counts.all_loads() == 0);
  counts = {};
  for (unsigned i = 0; i < 64; ++i) REQUIRE(pair.consumer.pop());
  CHECK(counts.all_loads() == 1);
  counts = {};
  CHECK(!pair.consumer.pop());
  CHECK(counts.all_loads() == 1);
  CHECK(counts.all_stores() == 0);
}

TEST_CASE_TEMPLATE("check 28: a tested publish, a tested release and an arm are one barrier each",
                   K, CountedSpsc, WarySpsc) {
  ValuePair<K> pair(8);
  auto slots = pair.producer.reserve(8);
  counts = {};
  static_cast<void>(slots.commit_and_test());
  CHECK(counts.barriers() == 1);
  CHECK(counts.all_stores() == 1);
  CHECK(counts.all_loads() == 1);
  counts = {};
  static_cast<void>(pair.producer.arm());
  CHECK(counts.barriers() == 1);
  REQUIRE(pair.consumer.peek(8).size() == 8);
  counts = {};
  static_cast<void>(pair.consumer.release_and_test(8));
  CHECK(counts.barriers() == 1);
  CHECK(counts.all_stores() == 1);
  CHECK(counts.all_loads() == 1);
  counts = {};
  CHECK(!pair.consumer.arm());
  CHECK(counts.barriers() == 1);
  counts = {};
  pair.consumer.disarm();
  pair.producer.disarm();
  CHECK(counts.barriers() == 0);
}

TEST_CASE("check 28: a claim of many is one exchange, one publishing tag and at most one look") {
  std::array<std::uint64_t, 64> values{};
  for (const std::uint32_t batch : {1U, 8U, 33U, 64U}) {
    CAPTURE(batch);
    ValuePair<CountedMpsc> pair(64);
    for (unsigned round = 0; round < 20; ++round) {
      counts = {};
      REQUIRE(pair.producer.push(std::span<const std::uint64_t>(values).first(batch)) == batch);
      CHECK(counts.exchanges == 1);
      CHECK(counts.barriers() == 1);
      CHECK(counts.loaded(Site::claim_tail) == 1);
      CHECK(counts.loaded(Site::head_poll) <= 1);
      CHECK(counts.stored(Site::tag_publish) == 1);
      CHECK(counts.stored(Site::tag_fill) == batch - 1);
      counts = {};
      REQUIRE(pair.consumer.poll(batch, [](std::uint64_t) {}) == batch);
      CHECK(counts.stored(Site::head_publish) == 1);
      CHECK(counts.all_stores() == 1);
      CHECK(counts.loaded(Site::tag_poll) == batch);
      CHECK(counts.all_loads() == batch);
    }
  }
}

TEST_CASE(
    "check 28: a batch into a ring that is overwritten is one publish, one taken out one look") {
  std::array<std::uint64_t, 64> values{};
  ValuePair<CountedOverwrite> pair(64);
  for (const std::uint32_t batch : {1U, 8U, 64U}) {
    counts = {};
    REQUIRE(pair.producer.push(std::span<const std::uint64_t>(values).first(batch),
                               Overflow::overwrite_oldest) == batch);
    CHECK(counts.stored(Site::tail_publish) == 1);
    CHECK(counts.stored(Site::floor_raise) <= 1);
    CHECK(counts.all_loads() == 0);
    CHECK(counts.barriers() == 0);
    std::array<std::uint64_t, 64> out{};
    counts = {};
    REQUIRE(pair.consumer.pop(std::span(out)) == batch);
    CHECK(counts.stored(Site::head_publish) == 1);
    CHECK(counts.barriers() == 0);
  }
}

struct Silent : NativeAccess {
  static constexpr bool kCounters = false;
};

using SilentSpsc = Spsc<std::uint64_t, Trusted, Silent>;
using SilentMpsc = Mpsc<std::uint64_t, Trusted, Silent>;

TEST_CASE_TEMPLATE("check 31: with an access type that counts not, all counters stay at 0", K,
                   SilentSpsc, SilentMpsc) {
  ValuePair<K> pair(2);
  for (std::uint64_t i = 0; i < 3; ++i) static_cast<void>(pair.producer.push(i));
  while (pair.consumer.pop()) {
  }
  auto slots = pair.producer.reserve(2);
  static_cast<void>(slots.commit_and_test(9));
  const ProducerCounters& in = pair.producer.counters();
  CHECK(in.values + in.publishes + in.full + in.bells_suppressed + in.misuses == 0);
  const ConsumerCounters& out = pair.consumer.counters();
  CHECK(out.values + out.releases + out.empty + out.most_waiting == 0);
}

}  // namespace
}  // namespace bellpull::ring::test
