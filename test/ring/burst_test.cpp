// SPDX-License-Identifier: BSD-2-Clause
// Several chains taken at once: the same chains as one by one, and nothing of a chain that has to
// wait is lost.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "hostile_bench.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

TEST_CASE_TEMPLATE("a burst is the chains in order, each with its own pieces", K, BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    std::vector<Chain> chains(5);
    std::uint64_t posted = 0, taken = 0;
    unsigned wrong = 0;
    for (unsigned round = 0; round < 100; ++round) {
      for (;; ++posted) {  // one to read, or that and one to write, told apart by their lengths
        const Segment read = pair.segment(posted % 100, 1 + posted % 50);
        const Segment write = pair.segment(200, 2 + posted % 50);
        const bool both = size > 1 && posted % 3 == 0;
        if (pair.driver.post({&read, 1}, {&write, both ? 1U : 0U}, posted) == kNoHead) break;
      }
      pair.driver.publish();
      Budget budget;
      std::uint32_t count = 99;
      const Pull pull = pair.device.take(budget, pair.pieces, chains, count);
      wrong += count > 5 || (pull == Pull::chain) != (count == 5);
      for (std::uint32_t i = 0; i < count; ++i, ++taken) {
        const auto readable = chains[i].readable_of(pair.pieces);
        const auto writable = chains[i].writable_of(pair.pieces);
        const bool both = size > 1 && taken % 3 == 0;
        wrong += readable.size() != 1 || writable.size() != (both ? 1U : 0U);
        wrong += readable[0].length != 1 + taken % 50;
        wrong += readable[0].data != pair.arena.data() + taken % 100;
        if (both) wrong += writable[0].length != 2 + taken % 50;
      }
      for (std::uint32_t i = count; i-- > 0;) pair.complete(chains[i], 0);
      pair.device.publish();
      unsigned back = 0;
      back += pair.driver.poll(kAll, [](const Used&) {});
      wrong += back != count;
      REQUIRE(wrong == 0);
    }
    CHECK(taken >= 100);
  });
}

// What a chain was posted as: lengths of what is read, then of what is written.
struct Posted {
  std::vector<Segment> read, written;
};

TEST_CASE_TEMPLATE("bursts of chains of any mix of kinds are those chains, piece by piece", K,
                   BELLPULL_KINDS) {
  std::mt19937_64 random(announce_seed("bursts of any kind", 1));
  Pair<K> pair(64);
  REQUIRE(pair.attach() == SetupError::none);
  std::vector<Posted> posted;
  std::vector<Chain> chains(16);
  std::size_t taken = 0;
  unsigned wrong = 0;
  for (unsigned round = 0; round < 3'000; ++round) {
    for (;;) {
      Posted next;
      const std::size_t kind = random() % 8;  // mostly of two, read and written in any mix
      const std::size_t count = kind < 5 ? 2 : kind - 4;
      for (std::size_t i = 0, read = random() % (count + 1); i < count; ++i) {
        const Segment segment =
            pair.segment(random() % 200, random() % 20 == 0 ? 0 : 1 + random() % 50);
        (i < read ? next.read : next.written).push_back(segment);
      }
      if (pair.driver.post(next.read, next.written, 0) == kNoHead) break;
      posted.push_back(next);
    }
    pair.driver.publish();
    Budget budget{.chains = static_cast<std::uint32_t>(1 + random() % 16),
                  .descriptors = static_cast<std::uint32_t>(1 + random() % 32),
                  .bytes = 1 + random() % 400};
    const Budget before = budget;
    std::uint32_t count = 0;
    (void)pair.device.take(budget, pair.pieces, chains, count);
    wrong += count == 0 || count > before.chains;
    std::uint64_t bytes = 0, descriptors = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Posted& expected = posted[taken++];
      std::uint64_t in_chain = 0;
      const auto same = [&](std::span<Piece> pieces, std::span<const Segment> segments) {
        std::size_t at = 0;
        for (const Segment& segment : segments) {
          in_chain += segment.length;
          if (segment.length == 0) continue;  // names nothing
          wrong +=
              at >= pieces.size() || pieces[at].length != segment.length ||
              pieces[at].data != pair.arena.data() + (segment.address - pair.segment(0, 1).address);
          ++at;
        }
        wrong += at != pieces.size();
      };
      same(chains[i].readable_of(pair.pieces), expected.read);
      same(chains[i].writable_of(pair.pieces), expected.written);
      bytes += in_chain;
      descriptors += chains[i].descriptors;
      wrong += chains[i].readable_bytes + chains[i].writable_bytes != in_chain;
      wrong += chains[i].descriptors != expected.read.size() + expected.written.size();
    }
    if (count > 1) wrong += bytes > before.bytes || descriptors > before.descriptors;
    for (std::uint32_t i = 0; i < count; ++i) pair.complete(chains[i], 0);
    pair.device.publish();
    wrong += pair.driver.poll(kAll, [](const Used&) {}) != count;
    REQUIRE(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("a burst ends before a chain that its pieces have no room for, which comes next",
                   K, BELLPULL_KINDS) {
  Pair<K> pair(16);
  REQUIRE(pair.attach() == SetupError::none);
  const std::vector<Segment> three(3, pair.segment(0, 4));
  for (unsigned i = 0; i < 5; ++i) pair.driver.post(three, {}, i);
  pair.driver.publish();
  std::vector<Piece> eight(8);  // two chains and a part of the third
  std::vector<Chain> chains(16);
  std::vector<std::uint32_t> counts;
  std::vector<Pull> pulls;
  for (unsigned i = 0; i < 3; ++i) {
    Budget budget;
    std::uint32_t count = 0;
    pulls.push_back(pair.device.take(budget, eight, chains, count));
    counts.push_back(count);
    for (std::uint32_t chain = 0; chain < count; ++chain) pair.complete(chains[chain], 0);
  }
  CHECK(counts == std::vector<std::uint32_t>{2, 2, 1});
  CHECK(pulls == std::vector<Pull>{Pull::more, Pull::more, Pull::empty});
  for (const std::uint64_t faults : pair.device.counters().chain_faults) CHECK(faults == 0);
  pair.device.publish();
  CHECK(pair.poll().size() == 5);
}

TEST_CASE_TEMPLATE("check 17: a burst keeps to its budget and says that there is more", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(16);
  REQUIRE(pair.attach() == SetupError::none);
  const std::vector<Segment> two(2, pair.segment(0, 100));
  for (unsigned i = 0; i < 8; ++i) pair.driver.post(two, {}, i);
  pair.driver.publish();
  std::vector<Chain> chains(16);
  std::uint32_t count = 0;
  const auto take = [&](Budget budget) {
    const Pull pull = pair.device.take(budget, pair.pieces, chains, count);
    for (std::uint32_t i = 0; i < count; ++i) pair.complete(chains[i], 0);
    return pull;
  };
  CHECK(take({.chains = 3}) == Pull::more);
  CHECK(count == 3);
  CHECK(take({.descriptors = 5}) == Pull::more);
  CHECK(count == 2);
  CHECK(take({.bytes = 399}) == Pull::more);
  CHECK(count == 1);
  CHECK(take({}) == Pull::empty);
  CHECK(count == 2);
}

TEST_CASE_TEMPLATE(
    "check 12, D31: faulty chains in the middle of a burst are given back and leave no gap", Layout,
    Split, Packed) {
  HostileBench<Layout> bench(8);
  std::vector<std::uint16_t> ids;
  for (unsigned i = 0; i < 8; ++i) {
    ids.push_back(bench.driver->chain({i % 2 == 0 ? RawDesc{0, 1, 0, 0} : bench.buffer()}));
  }
  std::vector<Chain> chains(8);
  std::uint32_t count = 0;
  Budget budget;
  CHECK(bench.queue.device.take(budget, bench.queue.pieces, chains, count) == Pull::empty);
  REQUIRE(count == 4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(chains[i].head == ids[2 * i + 1]);
    CHECK(chains[i].first == i);
    bench.queue.complete(chains[i], 0);
  }
  bench.queue.device.publish();
  CHECK(bench.queue.device.counters()
            .chain_faults[static_cast<std::size_t>(ChainFault::address_unmapped)] == 4);
}

TEST_CASE_TEMPLATE("check 12, D33: a chain that finds all pieces of a burst too few is faulty",
                   Layout, Split, Packed) {
  HostileBench<Layout> bench(8);
  std::vector<Piece> three(3);
  three.shrink_to_fit();
  std::vector<Chain> chains(8);
  const std::uint16_t good = bench.driver->chain({bench.buffer()});
  const std::uint16_t big = bench.driver->chain(std::vector<RawDesc>(4, bench.buffer()));
  std::uint32_t count = 0;
  Budget budget;
  CHECK(bench.queue.device.take(budget, three, chains, count) == Pull::more);
  REQUIRE(count == 1);
  bench.queue.complete(chains[0], 0);
  budget = {};
  CHECK(bench.queue.device.take(budget, three, chains, count) == Pull::empty);
  CHECK(count == 0);
  CHECK(bench.queue.device.counters()
            .chain_faults[static_cast<std::size_t>(ChainFault::too_many_pieces)] == 1);
  bench.queue.device.publish();
  bench.expect_used(good, 0);
  bench.expect_used(big, 0, 4);
  bench.expect_good_chain();
}

TEST_CASE_TEMPLATE(
    "check 12, D15: a queue that breaks in the middle of a burst says how many chains came first",
    Layout, Split, Packed) {
  HostileBench<Layout> bench(8);
  for (unsigned i = 0; i < 3; ++i) bench.driver->chain({bench.buffer()});
  if constexpr (kIsSplit<Layout>) {
    bench.driver->offer(1);
    bench.driver->show(4);
  } else {
    bench.driver->set(3, {bench.queue.address(0), 4, kAvail, 1});
  }
  std::vector<Chain> chains(8);
  std::uint32_t count = 0;
  Budget budget;
  CHECK(bench.queue.device.take(budget, bench.queue.pieces, chains, count) == Pull::broken);
  CHECK(count == 3);
  bench.expect_dead(QueueFault::head_in_flight);
}

}  // namespace
}  // namespace bellpull::ring::test
