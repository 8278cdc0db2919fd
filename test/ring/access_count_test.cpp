// SPDX-License-Identifier: BSD-2-Clause
// How often the halves touch shared memory, counted by an access type in the place of the native
// one: the shipped templates with counters in them.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

/// What was done since clear().
struct Counts {
  std::array<std::uint64_t, kSiteCount> loads{};
  std::array<std::uint64_t, kSiteCount> stores{};
  std::map<const void*, unsigned> copies;  // by the address of what was copied once
  std::uint64_t plain_reads = 0;

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
  /// Accesses that are full barriers, loads and stores.
  [[nodiscard]] std::uint64_t barriers() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kSiteCount; ++i) {
      if (order_of(static_cast<Site>(i)) == std::memory_order_seq_cst) sum += loads[i] + stores[i];
    }
    return sum;
  }
};

Counts counts;

struct CountingAccess : NativeAccess {
  template <Site site, class Word>
  [[nodiscard]] static Word load(const Word& word) noexcept {
    ++counts.loads[static_cast<std::size_t>(site)];
    if constexpr (site == Site::avail_poll || site == Site::avail_entry) ++counts.copies[&word];
    return NativeAccess::load<site>(word);
  }
  template <Site site, class Word>
  static void store(Word& word, Word value) noexcept {
    ++counts.stores[static_cast<std::size_t>(site)];
    NativeAccess::store<site>(word, value);
  }
  template <class Entry>
  [[nodiscard]] static Entry read(const Entry& entry) noexcept {
    ++counts.plain_reads;
    return NativeAccess::read(entry);
  }
  template <class Entry>
  [[nodiscard]] static Entry copy_once(const Entry& entry) noexcept {
    ++counts.copies[&entry];
    return NativeAccess::copy_once(entry);
  }
  static void copy_once(void* to, const void* from, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at < bytes; ++at) {
      ++counts.copies[static_cast<const std::byte*>(from) + at];
    }
    NativeAccess::copy_once(to, from, bytes);
  }
};

/// The same without counters of the halves' own.
struct SilentAccess : NativeAccess {
  static constexpr bool kCounters = false;
};

using SplitCounted = Kind<Split, Trusted, IdentityMap, CountingAccess>;
using SplitWary = Kind<Split, Untrusted, RegionMap<>, CountingAccess>;
using PackedCounted = Kind<Packed, Trusted, IdentityMap, CountingAccess>;
using PackedWary = Kind<Packed, Untrusted, RegionMap<>, CountingAccess>;
#define BELLPULL_COUNTED SplitCounted, SplitWary, PackedCounted, PackedWary

TEST_CASE_TEMPLATE("check 28: a driver's batch is one publish store and no load", K,
                   BELLPULL_COUNTED) {
  for (const bool in_order : {false, true}) {
    Pair<K> pair(64, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    for (const unsigned batch : {1U, 8U, 32U, 64U}) {
      counts = {};
      for (unsigned i = 0; i < batch; ++i) REQUIRE(pair.post_one(i) != kNoHead);
      pair.driver.publish();
      CHECK(counts.stored(Site::avail_publish) == 1);
      // Packed: the other descriptors' flags are stored behind it, relaxed.
      const unsigned fills = kIsSplit<typename K::Layout> ? 0 : batch - 1;
      CHECK(counts.stored(Site::avail_fill) == fills);
      CHECK(counts.all_stores() == 1 + fills);
      CHECK(counts.all_loads() == 0);
      CHECK(counts.barriers() == 0);
      pair.drain();
      pair.driver.poll(kAll, [](const Used&) {});
    }
  }
}

TEST_CASE_TEMPLATE("check 28: a device's batch looks at the index once and is one publish store", K,
                   BELLPULL_COUNTED) {
  for (const bool in_order : {false, true}) {
    Pair<K> pair(64, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    for (const unsigned batch : {1U, 8U, 32U, 64U}) {
      CAPTURE(in_order);
      CAPTURE(batch);
      for (unsigned i = 0; i < batch; ++i) REQUIRE(pair.post_writable(i) != kNoHead);
      pair.driver.publish();
      counts = {};
      Budget budget;
      pair.device.poll(budget, pair.pieces, [&](const Chain& chain) { pair.complete(chain, 1); });
      pair.device.publish();
      // Packed: the flags of each head, and of the one that is not there.
      const std::uint64_t looks = kIsSplit<typename K::Layout> ? 1 : std::min(batch + 1, 65U);
      CHECK(counts.loaded(Site::avail_poll) == looks);
      CHECK(counts.all_loads() == looks);
      CHECK(counts.stored(Site::used_publish) == 1);
      const unsigned fills = kIsSplit<typename K::Layout> || in_order ? 0 : batch - 1;
      CHECK(counts.stored(Site::used_fill) == fills);
      CHECK(counts.all_stores() == 1 + fills);
      CHECK(counts.barriers() == 0);
      pair.driver.poll(kAll, [](const Used&) {});
    }
  }
}

TEST_CASE_TEMPLATE("check 28: a driver's poll looks at the index once, packed at each entry once",
                   K, BELLPULL_COUNTED) {
  for (const bool in_order : {false, true}) {
    Pair<K> pair(64, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    for (const unsigned batch : {1U, 8U, 32U, 63U}) {
      CAPTURE(in_order);
      CAPTURE(batch);
      for (unsigned i = 0; i < batch; ++i) REQUIRE(pair.post_writable(i) != kNoHead);
      pair.driver.publish();
      while (const auto chain = pair.take()) pair.complete(*chain, 1);
      pair.device.publish();
      counts = {};
      CHECK(pair.driver.poll(kAll, [](const Used&) {}) == batch);
      const std::uint64_t entries = in_order ? 1 : batch;
      CHECK(counts.loaded(Site::used_poll) == (kIsSplit<typename K::Layout> ? 1 : entries + 1));
      CHECK(counts.all_loads() == counts.loaded(Site::used_poll));
      CHECK(counts.all_stores() == 0);
      counts = {};
      CHECK(pair.driver.poll(kAll, [](const Used&) {}) == 0);
      CHECK(counts.all_loads() == 1);
    }
  }
}

TEST_CASE_TEMPLATE("check 28: an event-tested publish and an arm are one full barrier each", K,
                   BELLPULL_COUNTED) {
  for (const bool event_idx : {false, true}) {
    Pair<K> pair(64, {.event_idx = event_idx});
    REQUIRE(pair.attach() == SetupError::none);
    for (unsigned i = 0; i < 8; ++i) pair.post_one(i);
    counts = {};
    static_cast<void>(pair.driver.publish_and_test());
    CHECK(counts.stored(Site::avail_publish_tested) == 1);
    CHECK(counts.loaded(Site::avail_event_test) == 1);
    CHECK(counts.barriers() == 2);  // the store and the load that make one
    CHECK(counts.all_stores() + counts.all_loads() == 2);
    counts = {};
    CHECK_FALSE(pair.driver.publish_and_test());  // nothing new: nothing touched
    CHECK(counts.all_stores() + counts.all_loads() == 0);

    while (const auto chain = pair.take()) pair.complete(*chain, 0);
    counts = {};
    static_cast<void>(pair.device.publish_and_test());
    CHECK(counts.stored(Site::used_publish_tested) == 1);
    CHECK(counts.loaded(Site::used_event_test) == 1);
    CHECK(counts.barriers() == 2);
    CHECK(counts.all_stores() + counts.all_loads() == 2);

    pair.driver.poll(kAll, [](const Used&) {});
    counts = {};
    CHECK_FALSE(pair.driver.arm());
    CHECK(counts.stored(Site::used_event_arm) == 1);
    CHECK(counts.loaded(Site::used_recheck) == 1);
    CHECK(counts.all_stores() + counts.all_loads() == 2);
    counts = {};
    CHECK_FALSE(pair.device.arm());
    CHECK(counts.stored(Site::avail_event_arm) == 1);
    CHECK(counts.loaded(Site::avail_recheck) == 1);
    CHECK(counts.all_stores() + counts.all_loads() == 2);
    counts = {};
    pair.driver.disarm();
    pair.device.disarm();
    CHECK(counts.barriers() == 0);
    CHECK(counts.all_stores() == 2);
    CHECK(counts.all_loads() == 0);
  }
}

TEST_CASE_TEMPLATE("check 15: an untrusted device loads each word of descriptors and tables once",
                   K, SplitWary, PackedWary) {
  for (const bool indirect : {false, true}) {
    CAPTURE(indirect);
    Pair<K> pair(16, {.indirect = indirect});
    REQUIRE(pair.attach() == SetupError::none);
    for (unsigned round = 0; round < 40; ++round) {
      const unsigned segments = 1 + round % 6;
      const std::vector<Segment> chain(segments, pair.segment(0, 4));
      pair.driver.post({}, chain, 0);
      pair.driver.publish();
      counts = {};
      const auto taken = pair.take();
      REQUIRE(taken);
      unsigned most = 0;
      for (const auto& [address, times] : counts.copies) most = std::max(most, times);
      CHECK(most == 1);
      CHECK(counts.plain_reads == 0);
      // Split: index, entry and descriptors; packed: two words of each. Tables: byte by byte.
      const unsigned ring = indirect && segments > 1 ? 1 : segments;
      const std::size_t table = indirect && segments > 1 ? 16 * std::size_t{segments} : 0;
      CHECK(counts.copies.size() ==
            table + (kIsSplit<typename K::Layout> ? 2 + ring : 2 * std::size_t{ring}));
      pair.complete(*taken, 0);
      pair.device.publish();
      pair.driver.poll(kAll, [](const Used&) {});
    }
  }
}

TEST_CASE_TEMPLATE("check 15: an untrusted driver loads each used entry once, and no descriptor", K,
                   SplitWary, PackedWary) {
  Pair<K> pair(16);
  REQUIRE(pair.attach() == SetupError::none);
  for (unsigned i = 0; i < 10; ++i) pair.post_writable(i);
  pair.driver.publish();
  pair.drain();
  counts = {};
  CHECK(pair.driver.poll(10, [](const Used&) {}) == 10);
  CHECK(counts.plain_reads == 0);
  if constexpr (kIsSplit<typename K::Layout>) {
    CHECK(counts.copies.size() == 10);
    for (const auto& [address, times] : counts.copies) CHECK(times == 1);
    CHECK(counts.loaded(Site::used_poll) == 1);
  } else {
    CHECK(counts.copies.empty());
    CHECK(counts.loaded(Site::used_poll) == 10);
  }
}

TEST_CASE_TEMPLATE("check 31: with an access type that counts not, all counters stay at 0", Layout,
                   Split, Packed) {
  Pair<Kind<Layout, Untrusted, RegionMap<>, SilentAccess>> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  for (unsigned i = 0; i < 8; ++i) pair.post_writable(i);
  CHECK(pair.post_one(1) == kNoHead);
  static_cast<void>(pair.driver.publish_and_test());
  pair.drain();
  CHECK(pair.poll().size() == 8);
  const DriverCounters& driver = pair.driver.counters();
  CHECK(driver.offered + driver.completed + driver.publishes + driver.kicks +
            driver.kicks_suppressed + driver.full + driver.most_in_flight ==
        0);
  const DeviceCounters& device = pair.device.counters();
  CHECK(device.taken + device.completed + device.publishes + device.bells + device.empty +
            device.most_in_flight ==
        0);
}

}  // namespace
}  // namespace bellpull::ring::test
