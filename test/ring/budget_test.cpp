// SPDX-License-Identifier: BSD-2-Clause
// One poll is bounded by chains, by descriptors and by bytes, against a driver that never stops.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "queue_pair.hpp"

namespace bellpull::ring::test {
namespace {

/// A driver that posts the same chain for as long as there is room for it, from the device's visit.
template <class K>
struct Endless : Pair<K> {
  Endless(std::uint32_t size, std::uint32_t segments, std::uint32_t length, const Features& agreed)
      : Pair<K>(size, agreed), chain(segments, this->segment(0, length)) {
    REQUIRE(this->attach() == SetupError::none);
    refill();
  }
  void refill() {
    this->driver.poll(kAll, [](const Used&) {});
    while (this->driver.post(chain, {}, 0) != kNoHead) {
    }
    this->driver.publish();
  }
  struct Work {
    std::uint64_t chains = 0, descriptors = 0, bytes = 0;
  };
  Pull poll(Budget budget, Work& work) {
    return this->device.poll(budget, this->pieces, [&](const Chain& taken) {
      ++work.chains;
      work.descriptors += taken.readable;
      work.bytes += taken.readable_bytes;
      this->complete(taken, 0);
      this->device.publish();
      refill();
    });
  }
  std::vector<Segment> chain;
};

TEST_CASE_TEMPLATE(
    "check 17: a poll takes no more chains than its budget and says that there is more", K,
    BELLPULL_KINDS) {
  for (const bool indirect : {false, true}) {
    Endless<K> endless(16, 2, 10, {.indirect = indirect});
    for (const std::uint32_t chains : {0U, 1U, 2U, 7U}) {
      typename Endless<K>::Work work;
      CHECK(endless.device.refresh() > 0);
      CHECK(endless.poll({.chains = chains}, work) == Pull::more);
      CHECK(work.chains == chains);
    }
    CHECK(endless.device.counters().budget_ends == 4);
  }
}

TEST_CASE_TEMPLATE("check 17: a poll reads no more descriptors than its budget, tables included", K,
                   BELLPULL_KINDS) {
  for (const bool indirect : {false, true}) {
    Endless<K> endless(32, 4, 10, {.indirect = indirect});
    for (const std::uint32_t descriptors : {4U, 7U, 8U, 9U, 19U, 20U, 21U}) {
      CAPTURE(descriptors);
      typename Endless<K>::Work work;
      CHECK(endless.poll({.descriptors = descriptors}, work) == Pull::more);
      CHECK(work.descriptors == descriptors / 4 * 4);  // chains of four, none begun and left
    }
  }
}

/// Where the flags are in an entry of an indirect table.
template <class K>
std::uint16_t* flags_of(Pair<K>& pair, std::size_t entry) {
  constexpr std::size_t kFlags = kIsSplit<typename K::Layout> ? 12 : 14;
  return reinterpret_cast<std::uint16_t*>(pair.tables.data() + 16 * entry + kFlags);
}

TEST_CASE_TEMPLATE("check 17: a table is paid for whole, whatever of it is in use", K,
                   BELLPULL_KINDS) {
  // The second is what an entry must not be. The first ends the chain, where tables are linked.
  for (const std::uint16_t flags : {std::uint16_t{0}, std::uint16_t{VRING_DESC_F_INDIRECT}}) {
    if (flags == 0 && !kIsSplit<typename K::Layout>) continue;
    Pair<K> pair(32, {.indirect = true});
    REQUIRE(pair.attach() == SetupError::none);
    const std::vector<Segment> segments(kTableEntries, pair.segment(0, 1));
    for (std::uint64_t i = 0; i < 4; ++i) {
      const std::uint16_t head = pair.driver.post(segments, {}, i);
      REQUIRE(head != kNoHead);
      *flags_of(pair, std::size_t{head} * pair.each) = flags;
    }
    pair.driver.publish();
    std::uint64_t seen = 0;
    Budget budget{.descriptors = 2 * kTableEntries + 1};
    CHECK(pair.device.poll(budget, pair.pieces, [&](const Chain& chain) {
      pair.complete(chain, 0);
      ++seen;
    }) == Pull::more);
    CHECK(budget.descriptors == 1);
    CHECK(seen == (flags == 0 ? 2U : 0U));
    pair.device.publish();
    CHECK(pair.poll().size() == 2);
    // A table that costs more than is left is not even looked at.
    for (std::size_t entry = 0; entry < pair.tables.size() / 16; ++entry) {
      *flags_of(pair, entry) = VRING_DESC_F_INDIRECT;
    }
    Budget small{.descriptors = kTableEntries - 1, .used = true};
    CHECK(pair.device.poll(small, pair.pieces, [](const Chain&) {}) == Pull::more);
    CHECK(small.descriptors == kTableEntries - 1);
  }
}

TEST_CASE_TEMPLATE("check 17: a poll hands out no more bytes than its budget", K, BELLPULL_KINDS) {
  for (const bool indirect : {false, true}) {
    Endless<K> endless(32, 2, 500, {.indirect = indirect});
    for (const std::uint64_t bytes : {1000U, 1001U, 1999U, 2000U, 5999U, 6000U}) {
      CAPTURE(bytes);
      typename Endless<K>::Work work;
      CHECK(endless.poll({.bytes = bytes}, work) == Pull::more);
      CHECK(work.bytes == bytes / 1000 * 1000);
    }
  }
}

TEST_CASE_TEMPLATE(
    "check 17: the first chain of a poll is taken whatever it costs, so polls get on", K,
    BELLPULL_KINDS) {
  Endless<K> endless(32, 4, 500, {});
  for (unsigned i = 0; i < 100; ++i) {
    typename Endless<K>::Work work;
    CHECK(endless.poll({.descriptors = 1, .bytes = 1}, work) == Pull::more);
    CHECK(work.chains == 1);
  }
}

TEST_CASE_TEMPLATE("check 17: a chain that waited for the next poll is the one that was next", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(16);
  REQUIRE(pair.attach() == SetupError::none);
  for (unsigned i = 0; i < 8; ++i) {
    const Segment one = pair.segment(i, 100 + i);
    pair.driver.post({&one, 1}, {}, i);
  }
  pair.driver.publish();
  unsigned next = 0;
  for (unsigned polls = 0; polls < 8; ++polls) {
    Budget budget{.bytes = 150};
    const Pull pull = pair.device.poll(budget, pair.pieces, [&](const Chain& chain) {
      CHECK(pair.pieces[0].length == 100 + next++);
      pair.complete(chain, 0);
    });
    CHECK(pull == (polls < 7 ? Pull::more : Pull::empty));
    CHECK(next == polls + 1);
  }
}

TEST_CASE_TEMPLATE("check 17: with nothing there, a poll says empty whatever its budget", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(4);
  REQUIRE(pair.attach() == SetupError::none);
  for (const std::uint32_t chains : {0U, 1U, 100U}) {
    Budget budget{.chains = chains};
    CHECK(pair.device.poll(budget, pair.pieces, [](const Chain&) {}) == Pull::empty);
  }
}

TEST_CASE_TEMPLATE("check 17: one budget may go over several calls and several queues", K,
                   BELLPULL_KINDS) {
  Endless<K> one(16, 1, 10, {});
  Endless<K> other(16, 1, 10, {});
  Budget budget{.chains = 5, .bytes = 35};
  Chain chain;
  unsigned taken = 0;
  for (auto* queue : {&one, &other, &one, &other}) {
    if (queue->device.take(budget, queue->pieces, chain) == Pull::chain) ++taken;
  }
  CHECK(taken == 3);
  CHECK(budget.chains == 2);
  CHECK(budget.bytes == 5);
  CHECK(one.device.take(budget, one.pieces, chain) == Pull::more);
}

}  // namespace
}  // namespace bellpull::ring::test
