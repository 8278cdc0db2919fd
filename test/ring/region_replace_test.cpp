// SPDX-License-Identifier: BSD-2-Clause
// The table of regions is replaced while the device half runs: chains keep the table that they were
// taken with, and what in_use() lets go may be destroyed at once.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "queue_pair.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

#define BELLPULL_REGION_KINDS SplitRegions, SplitUntrusted, PackedRegions, PackedUntrusted

/// A table of one region, the arena at `data`, that owns its array.
struct Table {
  explicit Table(std::byte* data, std::size_t bytes) : regions{Region{kArenaAddress, bytes, data}} {
    REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  }
  std::array<Region, 1> regions;
  RegionTable table;
};

TEST_CASE_TEMPLATE("a table is in use until the chains that were taken with it came back", K,
                   BELLPULL_REGION_KINDS) {
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  const AlignedBytes other_memory(64), third_memory(64);
  const Table other(other_memory.data(), 64);
  const Table third(third_memory.data(), 64);
  typename K::Map& map = *pair.map();
  for (unsigned i = 0; i < 6; ++i) pair.post_one(i);
  pair.driver.publish();
  const auto first = pair.take();
  REQUIRE(first);
  CHECK(pair.pieces[0].data == pair.arena.data());
  map.replace(other.table);
  CHECK(map.in_use(pair.table));
  CHECK(map.in_use(other.table));
  const auto second = pair.take();
  REQUIRE(second);
  CHECK(pair.pieces[0].data == other_memory.data());
  CHECK(map.in_use(pair.table));  // by the first chain
  map.replace(third.table);
  const auto deferred = pair.take();  // two tables are held: the third has to wait
  REQUIRE(deferred);
  CHECK(pair.pieces[0].data == other_memory.data());
  CHECK(map.in_use(third.table));  // it may begin to be used
  pair.complete(*first, 0);
  CHECK_FALSE(map.in_use(pair.table));
  const auto next = pair.take();
  REQUIRE(next);
  CHECK(pair.pieces[0].data == third_memory.data());
  CHECK(map.in_use(other.table));
  pair.complete(*second, 0);
  pair.complete(*deferred, 0);
  CHECK_FALSE(map.in_use(other.table));
  CHECK(map.in_use(third.table));
  pair.complete(*next, 0);
  pair.device.publish();
  CHECK(pair.poll().size() == 4);
  map.replace(pair.table);
  pair.drain();
  CHECK_FALSE(map.in_use(third.table));
}

TEST_CASE_TEMPLATE("a reset lets go of a table that chains still held", K, BELLPULL_REGION_KINDS) {
  for (const int how : {0, 1, 2}) {  // reset(), stop(), attach() anew
    CAPTURE(how);
    Pair<K> pair(8);
    REQUIRE(pair.attach() == SetupError::none);
    const AlignedBytes other_memory(64);
    const Table other(other_memory.data(), 64);
    pair.post_one(0);
    pair.post_one(1);
    pair.driver.publish();
    REQUIRE(pair.take());
    pair.map()->replace(other.table);
    REQUIRE(pair.take());
    CHECK(pair.map()->in_use(pair.table));
    if (how == 0) pair.device.reset();
    if (how == 1) static_cast<void>(pair.device.stop());
    if (how == 2) REQUIRE(pair.attach_device() == SetupError::none);
    CHECK_FALSE(pair.map()->in_use(pair.table));
    pair.device.reset();
  }
}

TEST_CASE_TEMPLATE("a chain that was resumed holds the table of the time of its attach()", K,
                   BELLPULL_REGION_KINDS) {
  for (const bool in_order : {false, true}) {
    Pair<K> pair(8, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    for (unsigned i = 0; i < 4; ++i) pair.post_one(i);
    pair.driver.publish();
    std::vector<InFlight> held;
    for (unsigned i = 0; i < 3; ++i) {
      held.push_back({.head = pair.take()->head, .descriptors = 1, .writable = 0});
    }
    // In-order, the second was completed before its turn.
    held[1].completed = in_order;
    const DeviceState state = pair.device.stop();
    REQUIRE(pair.attach_device(&state, held) == SetupError::none);
    const AlignedBytes other_memory(64);
    const Table other(other_memory.data(), 64);
    pair.map()->replace(other.table);
    const auto next = pair.take();
    REQUIRE(next);
    CHECK(pair.map()->in_use(pair.table));
    for (const InFlight& chain : held) {
      if (!chain.completed) pair.complete(pair.device.resumed(chain), 0);
    }
    CHECK_FALSE(pair.map()->in_use(pair.table));
    CHECK(pair.map()->in_use(other.table));
    pair.complete(*next, 0);
    pair.device.publish();
    CHECK(pair.poll().size() == 4);
    // The present table is still held by nobody else: a replacement goes through at once.
    pair.map()->replace(pair.table);
    pair.drain();
    CHECK_FALSE(pair.map()->in_use(other.table));
    pair.device.reset();
  }
}

TEST_CASE_TEMPLATE(
    "check 21: tables replaced by another thread are never used after they were let go", K,
    BELLPULL_REGION_KINDS) {
  Pair<K> pair(16);
  REQUIRE(pair.attach() == SetupError::none);
  typename K::Map& map = *pair.map();
  std::atomic<bool> stop{false};
  const std::uint64_t replacements = engine::test::scaled(5000);

  std::thread replacer([&] {
    // Each table and its memory is destroyed as soon as it is let go: a use after it is a race.
    auto memory = std::make_unique<AlignedBytes>(64);
    auto present = std::make_unique<Table>(memory->data(), 64);
    map.replace(present->table);
    for (std::uint64_t i = 0; i < replacements; ++i) {
      auto fresh_memory = std::make_unique<AlignedBytes>(64);
      auto fresh = std::make_unique<Table>(fresh_memory->data(), 64);
      map.replace(fresh->table);
      while (map.in_use(present->table)) std::this_thread::yield();
      std::memset(memory->data(), 0xff, 64);
      present = std::move(fresh);
      memory = std::move(fresh_memory);
    }
    map.replace(pair.table);
    while (map.in_use(present->table)) std::this_thread::yield();
    stop.store(true, std::memory_order_release);
  });

  std::uint64_t posted = 0, back = 0, wrong = 0;
  std::vector<std::pair<Chain, std::byte*>> held;
  while (!stop.load(std::memory_order_acquire)) {
    while (pair.post_writable(posted) != kNoHead) ++posted;
    pair.driver.publish();
    while (const auto chain = pair.take()) {
      held.emplace_back(*chain, pair.pieces[0].data);
      *pair.pieces[0].data = std::byte{1};
      if (held.size() < 5) continue;  // some are kept over several looks
      for (const auto& [taken, data] : held) {
        *data = std::byte{2};
        pair.complete(taken, 1);
      }
      held.clear();
    }
    for (const auto& [taken, data] : held) {
      *data = std::byte{2};
      pair.complete(taken, 1);
    }
    held.clear();
    pair.device.publish();
    back += pair.driver.poll(kAll, [&](const Used& used) { wrong += used.length != 1; });
    if (posted % 1024 == 0) std::this_thread::yield();
  }
  replacer.join();
  CHECK(wrong == 0);
  CHECK(back == posted);
}

}  // namespace
}  // namespace bellpull::ring::test
