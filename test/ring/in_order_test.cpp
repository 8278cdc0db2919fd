// SPDX-License-Identifier: BSD-2-Clause
// VIRTIO_F_IN_ORDER (virtio 1.4 sections 2.7.9 and 2.8.9): one used entry may stand for a batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

template <class K>
struct Bench : Pair<K> {
  explicit Bench(std::uint32_t size) : Pair<K>(size, {.in_order = true}), used(this->memory) {
    REQUIRE(this->attach() == SetupError::none);
  }
  /// Posts, shows and takes `count` chains with one writable segment of `length` bytes.
  std::vector<Chain> take_chains(unsigned count, std::uint32_t length) {
    for (unsigned i = 0; i < count; ++i) {
      const Segment one = this->segment(0, length);
      REQUIRE(this->driver.post({}, {&one, 1}, next_token++) != kNoHead);
    }
    this->driver.publish();
    std::vector<Chain> chains;
    while (const auto chain = this->take()) chains.push_back(*chain);
    REQUIRE(chains.size() == count);
    return chains;
  }
  std::uint64_t next_token = 0;
  UsedReader<typename K::Layout> used;
};

TEST_CASE_TEMPLATE("check 8: one used entry completes a batch, skipped buffers were used in full",
                   K, BELLPULL_KINDS) {
  Bench<K> bench(8);
  for (unsigned round = 0; round < 5; ++round) {  // over the end of the ring as well
    const auto chains = bench.take_chains(5, 10);
    for (std::size_t i = 0; i < 4; ++i) bench.complete(chains[i], 10);
    bench.complete(chains[4], 3);
    bench.device.publish();
    RawUsed entry;
    REQUIRE(bench.used.next(entry, 5));
    CHECK(entry.id == chains[4].head);
    CHECK(entry.length == 3);
    const auto back = bench.poll();
    REQUIRE(back.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(back[i].token == 5 * round + i);
      CHECK(back[i].head == chains[i].head);
      CHECK(back[i].length == (i < 4 ? 10 : 3));
    }
    if constexpr (kIsSplit<typename K::Layout>) {  // the index was moved over the batch
      for (unsigned i = 0; i < 4; ++i) static_cast<void>(bench.used.next(entry));
    }
  }
}

TEST_CASE_TEMPLATE("check 8: a buffer that was not filled is never skipped", K, BELLPULL_KINDS) {
  Bench<K> bench(8);
  const auto chains = bench.take_chains(4, 10);
  for (std::uint32_t i = 0; i < 4; ++i) bench.complete(chains[i], 9);
  bench.device.publish();
  for (std::uint32_t i = 0; i < 4; ++i) {
    RawUsed entry;
    REQUIRE(bench.used.next(entry));
    CHECK(entry.id == chains[i].head);
    CHECK(entry.length == 9);
  }
  const auto back = bench.poll();
  REQUIRE(back.size() == 4);
  CHECK(std::ranges::all_of(back, [](const Used& used) { return used.length == 9; }));
}

TEST_CASE_TEMPLATE("check 8: completions in any order are held back until it is their turn", K,
                   BELLPULL_KINDS) {
  std::mt19937_64 random(announce_seed("in order", 99));
  for (const std::uint32_t size : sizes<typename K::Layout>(256)) {
    Bench<K> bench(size);
    for (unsigned round = 0; round < 60; ++round) {
      const auto count = static_cast<unsigned>(1 + random() % size);
      const auto chains = bench.take_chains(count, 4);
      std::vector<std::size_t> order(count);
      std::iota(order.begin(), order.end(), 0U);
      std::ranges::shuffle(order, random);
      std::vector<bool> done(count);
      std::size_t prefix = 0;
      std::size_t reported = 0;
      unsigned wrong = 0;
      for (const std::size_t which : order) {
        bench.complete(chains[which], static_cast<std::uint32_t>(which % 5));
        bench.device.publish();
        done[which] = true;
        while (prefix < count && done[prefix]) ++prefix;
        bench.driver.poll(kAll, [&](const Used& used) {
          wrong += used.head != chains[reported].head || used.length != reported % 5;
          ++reported;
        });
        wrong += reported != prefix;
      }
      REQUIRE(wrong == 0);
      REQUIRE(reported == count);
      REQUIRE(bench.device.in_flight() == 0);
    }
  }
}

TEST_CASE_TEMPLATE("check 8: a chain completed twice while it waits its turn counts once", K,
                   BELLPULL_KINDS) {
  Bench<K> bench(4);
  const auto chains = bench.take_chains(3, 4);
  bench.complete(chains[2], 1);
  bench.complete(chains[2], 2);
  CHECK(bench.device.in_flight() == 2);
  CHECK(bench.device.counters().misuses == 1);
  bench.complete(chains[0], 4);
  bench.complete(chains[1], 4);
  bench.device.publish();
  const auto back = bench.poll();
  REQUIRE(back.size() == 3);
  CHECK(back[2].length == 1);
}

TEST_CASE_TEMPLATE("check 8: a batch of the whole queue, and one polled in parts", K,
                   BELLPULL_KINDS) {
  for (const std::uint32_t size : sizes<typename K::Layout>(1000)) {
    CAPTURE(size);
    Bench<K> bench(size);
    for (unsigned round = 0; round < 4; ++round) {
      const auto chains = bench.take_chains(size, 1);
      for (const Chain& chain : chains) bench.complete(chain, 1);
      bench.device.publish();
      std::uint64_t next = std::uint64_t{round} * size;
      unsigned wrong = 0;
      while (bench.driver.poll(1 + size / 5,
                               [&](const Used& used) { wrong += used.token != next++; }) != 0) {
      }
      CHECK(wrong == 0);
      CHECK(next == std::uint64_t{round + 1} * size);
      CHECK(bench.driver.free_descriptors() == size);
    }
  }
}

}  // namespace
}  // namespace bellpull::ring::test
