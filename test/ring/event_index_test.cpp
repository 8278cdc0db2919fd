// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/event_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "queue_memory.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

/// Publishes 65535 entries one by one from `before` and compares event_crossed() after each with
/// what virtio 1.4 section 2.7.7 says: ring when the entry numbered `event` was among them.
/// Returns the first disagreement as a count of entries, or 0.
std::uint32_t first_disagreement(std::uint16_t before, std::uint16_t event) {
  bool among_them = false;
  std::uint16_t after = before;
  for (std::uint32_t moved = 1; moved <= 0xffff; ++moved) {
    among_them = among_them || after == event;
    ++after;
    if (event_crossed(event, after, before) != among_them) return moved;
  }
  return 0;
}

// All (event, after, before) are 2^48, and even all differences are 2^32: too many for a run under
// sanitizers. So the function that ships, in its own 16 bits, is compared for *every* distance
// moved, at (before, event) from dense windows around the places where 16-bit arithmetic turns, and
// at a stride over the whole plane. The strides are prime, so that no power of two hides between.

TEST_CASE("the ring decision equals a brute-force count around the turns of 16-bit arithmetic") {
  std::vector<std::uint16_t> window;
  for (const int centre : {0x0000, 0x7fff, 0xc000}) {
    for (int offset = -4; offset <= 4; ++offset) {
      window.push_back(static_cast<std::uint16_t>(centre + offset));
    }
  }
  for (const std::uint16_t before : window) {
    for (const std::uint16_t event : window) {
      CAPTURE(before);
      CAPTURE(event);
      REQUIRE(first_disagreement(before, event) == 0);
    }
  }
}

TEST_CASE("the ring decision equals a brute-force count at a stride over all words") {
  for (std::uint32_t before = 0; before <= 0xffff; before += 6151) {
    for (std::uint32_t event = 0; event <= 0xffff; event += 769) {
      CAPTURE(before);
      CAPTURE(event);
      REQUIRE(first_disagreement(static_cast<std::uint16_t>(before),
                                 static_cast<std::uint16_t>(event)) == 0);
    }
  }
}

TEST_CASE("an index that did not move crosses nothing") {
  for (std::uint32_t event = 0; event <= 0xffff; ++event) {
    REQUIRE_FALSE(event_crossed(static_cast<std::uint16_t>(event), 0, 0));
    REQUIRE_FALSE(event_crossed(static_cast<std::uint16_t>(event), 0xffff, 0xffff));
  }
}

TEST_CASE(
    "the ring decision needs only the two distances, so one place of the ring is all places") {
  std::mt19937 random(static_cast<std::uint32_t>(announce_seed("shifted words", 7)));
  for (unsigned i = 0; i < 1000000; ++i) {
    const auto event = static_cast<std::uint16_t>(random());
    const auto after = static_cast<std::uint16_t>(random());
    const auto before = static_cast<std::uint16_t>(random());
    const auto shift = static_cast<std::uint16_t>(random());
    REQUIRE(event_crossed(event, after, before) ==
            event_crossed(static_cast<std::uint16_t>(event + shift),
                          static_cast<std::uint16_t>(after + shift),
                          static_cast<std::uint16_t>(before + shift)));
  }
}

TEST_CASE("a test rings for the entries since the last test, wherever the totals are") {
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{0xffff}, std::uint64_t{0x10000},
                                    std::uint64_t{0x1ffff}, std::uint64_t{0xfffffffffff0}}) {
    EventTest test;
    static_cast<void>(test.crossed(start, 0));
    CHECK_FALSE(test.crossed(start + 3, static_cast<std::uint16_t>(start + 3)));
    CHECK(test.crossed(start + 4, static_cast<std::uint16_t>(start + 3)));
    CHECK_FALSE(test.crossed(start + 9, static_cast<std::uint16_t>(start + 3)));
    CHECK(test.crossed(start + 9 + 0xffff, static_cast<std::uint16_t>(start + 9 + 0xfffe)));
  }
}

TEST_CASE("a side that did not test for a whole lap or more rings rather than guess") {
  for (const std::uint64_t behind : {std::uint64_t{0x10000}, std::uint64_t{0x10001},
                                     std::uint64_t{0x2ffff}, std::uint64_t{1} << 40U}) {
    for (const unsigned event : {0U, 1U, 0x7fffU, 0x8000U, 0xffffU}) {
      EventTest test;
      CHECK(test.crossed(behind, static_cast<std::uint16_t>(event)));
      CHECK_FALSE(test.crossed(behind, static_cast<std::uint16_t>(event)));
    }
  }
}

TEST_CASE("one entry short of a lap a test still tells exactly") {
  for (std::uint32_t event = 0; event <= 0xffff; ++event) {
    EventTest test;
    REQUIRE(test.crossed(0xffff, static_cast<std::uint16_t>(event)) == (event != 0xffff));
  }
}

TEST_CASE("a parked word is never among the entries that a peer may be testing, for every size") {
  // The peer tests batches (from, to] with to - from <= size and to <= consumed + size; it may have
  // published them before the word was parked, as long as the first is younger than `size` entries.
  for (std::uint64_t size = 1; size <= 16384; size *= 2) {
    EventWord word;
    const std::uint64_t parked_at = 1000000;
    const std::uint16_t event = word.park(parked_at);
    std::uint64_t consumed = parked_at;
    while (!word.stale(consumed + 1)) ++consumed;
    CAPTURE(size);
    CHECK(consumed - parked_at == 0x3fff);
    EventTest test;
    static_cast<void>(test.crossed(parked_at - size, 0));
    bool rang = false;
    for (std::uint64_t total = parked_at - size; total <= consumed + size; ++total) {
      rang = rang || test.crossed(total, event);
    }
    CHECK_FALSE(rang);
  }
}

TEST_CASE("with 32768 entries a parked word is out of reach of all that is published after it") {
  EventWord word;
  const std::uint64_t parked_at = 1000000;
  const std::uint16_t event = word.park(parked_at);
  EventTest test;
  static_cast<void>(test.crossed(parked_at, 0));
  std::uint64_t total = parked_at;
  while (total < parked_at + 0x3fff + kMaxQueueSize) REQUIRE_FALSE(test.crossed(++total, event));
}

constexpr std::uint64_t kLaps = 4 * std::uint64_t{65536};

/// Moves single-descriptor chains through both halves in random batches and counts what rings.
/// Nobody arms anything but the caller.
class Traffic {
 public:
  Traffic(std::uint32_t size, std::uint64_t seed) : pair(size), random_(seed) {}

  void run(std::uint64_t chains) {
    const std::uint64_t end = back + chains;
    while (back < end) {
      const std::uint32_t most = pair.driver.size();
      offer(1 + static_cast<std::uint32_t>(random_() % most));
      take(1 + static_cast<std::uint32_t>(random_() % most));
      back += pair.driver.poll(1 + static_cast<unsigned>(random_() % most), [](const Used&) {});
    }
  }

  /// The same with nothing between a place that comes free and its next use: each visit of one
  /// long poll offers the place again, and the device completes it at once.
  void run_nested(std::uint64_t chains) {
    const std::uint64_t end = back + chains;
    offer(pair.driver.size());
    while (back < end) {
      take(pair.driver.size());
      back += pair.driver.poll(pair.driver.size(), [&](const Used&) {
        offer(1);
        take(1);
      });
    }
  }

  void offer(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (pair.offer_one(i) == kNoHead) break;
    }
    kicks += pair.driver.publish_and_test() ? 1U : 0U;
  }

  void take(std::uint32_t count) {
    const unsigned ready = pair.device.refresh();
    const unsigned chains = std::min(ready, count);
    for (unsigned i = 0; i < chains; ++i) pair.device.complete(pair.take_one().head, 0);
    bells += pair.device.publish_and_test() ? 1U : 0U;
  }

  Pair pair;
  std::uint64_t back = 0;
  unsigned bells = 0;
  unsigned kicks = 0;

 private:
  std::mt19937_64 random_;
};

constexpr std::array kSizes{1U, 2U, 8U, 256U, 1024U, 4096U, 16384U, 32768U};

TEST_CASE("whoever never arms never hears anything, over more than four laps of the index") {
  const std::uint64_t seed = announce_seed("parked laps", 11);
  for (const std::uint32_t size : kSizes) {
    CAPTURE(size);
    Traffic traffic(size, seed);
    REQUIRE(traffic.pair.attached);
    traffic.run(kLaps + 4096);
    CHECK(traffic.bells == 0);
    CHECK(traffic.kicks == 0);
  }
}

TEST_CASE("a side that armed once and never again hears once, over more than four laps") {
  const std::uint64_t seed = announce_seed("armed laps", 12);
  for (const std::uint32_t size : kSizes) {
    CAPTURE(size);
    Traffic traffic(size, seed);
    REQUIRE(traffic.pair.attached);
    traffic.run(1 + seed % 70000);
    static_cast<void>(traffic.pair.driver.poll(size, [](const Used&) {}));
    // Everything given back, so that neither arm() finds work.
    while (traffic.pair.device.refresh() != 0) traffic.take(size);
    traffic.pair.driver.poll(size, [](const Used&) {});
    REQUIRE_FALSE(traffic.pair.driver.arm());
    REQUIRE_FALSE(traffic.pair.device.arm());
    traffic.run(kLaps + 4096);
    CHECK(traffic.bells == 1);
    CHECK(traffic.kicks == 1);
  }
}

TEST_CASE("the same when every place is used again the moment it is free") {
  const std::uint64_t seed = announce_seed("nested laps", 13);
  for (const std::uint32_t size : kSizes) {
    CAPTURE(size);
    Traffic traffic(size, seed);
    REQUIRE(traffic.pair.attached);
    REQUIRE_FALSE(traffic.pair.driver.arm());
    REQUIRE_FALSE(traffic.pair.device.arm());
    traffic.run_nested(kLaps + 4096);
    CHECK(traffic.bells == 1);
    CHECK(traffic.kicks == 1);
  }
}

TEST_CASE("a device that takes a whole queue without a look at the index is not kicked again") {
  // The driver offers a place again between the device's takes, all of them after one refresh().
  for (const std::uint32_t size : kSizes) {
    CAPTURE(size);
    Traffic traffic(size, 1);
    REQUIRE(traffic.pair.attached);
    REQUIRE_FALSE(traffic.pair.device.arm());
    traffic.offer(size);
    for (std::uint64_t taken = 0; taken < kLaps + 4096;) {
      const unsigned ready = traffic.pair.device.refresh();
      for (unsigned i = 0; i < ready; ++i, ++taken) {
        traffic.pair.device.complete(traffic.pair.take_one().head, 0);
        traffic.pair.device.publish();
        traffic.pair.driver.poll(1, [](const Used&) {});
        traffic.offer(1);
      }
    }
    CHECK(traffic.kicks == 1);
  }
}

TEST_CASE("N completions while armed ring once, armed again they ring again") {
  for (const std::uint32_t size : {1U, 4U, 256U}) {
    CAPTURE(size);
    Traffic traffic(size, 5);
    REQUIRE(traffic.pair.attached);
    for (unsigned round = 1; round <= 3000; ++round) {
      REQUIRE_FALSE(traffic.pair.driver.arm());
      traffic.offer(size);
      for (std::uint32_t i = 0; i < size; ++i) {
        traffic.take(1);
        REQUIRE(traffic.bells == round);
      }
      REQUIRE(traffic.pair.driver.poll(size, [](const Used&) {}) == size);
    }
    CHECK(traffic.kicks == 0);
  }
}

TEST_CASE("N chains while the device is armed kick once, armed again they kick again") {
  for (const std::uint32_t size : {1U, 4U, 256U}) {
    CAPTURE(size);
    Traffic traffic(size, 5);
    REQUIRE(traffic.pair.attached);
    for (unsigned round = 1; round <= 3000; ++round) {
      REQUIRE_FALSE(traffic.pair.device.arm());
      for (std::uint32_t i = 0; i < size; ++i) {
        traffic.offer(1);
        REQUIRE(traffic.kicks == round);
      }
      traffic.take(size);
      REQUIRE(traffic.pair.driver.poll(size, [](const Used&) {}) == size);
    }
    CHECK(traffic.bells == 0);
  }
}

TEST_CASE("arm says that there is work when entries came in first, and poll then finds them") {
  Traffic traffic(4, 5);
  REQUIRE(traffic.pair.attached);
  traffic.offer(2);
  CHECK(traffic.pair.device.arm());
  CHECK(traffic.pair.device.ready() == 2);
  traffic.take(2);
  CHECK(traffic.pair.driver.arm());
  CHECK(traffic.pair.driver.poll(4, [](const Used&) {}) == 2);
  CHECK_FALSE(traffic.pair.driver.arm());
  CHECK_FALSE(traffic.pair.device.arm());
}

TEST_CASE("a word that is disarmed again does not ring") {
  Traffic traffic(4, 5);
  REQUIRE(traffic.pair.attached);
  for (unsigned round = 0; round < 40000; ++round) {
    REQUIRE_FALSE(traffic.pair.driver.arm());
    REQUIRE_FALSE(traffic.pair.device.arm());
    traffic.pair.driver.disarm();
    traffic.pair.device.disarm();
    traffic.offer(3);
    traffic.take(3);
    REQUIRE(traffic.pair.driver.poll(4, [](const Used&) {}) == 3);
  }
  CHECK(traffic.bells == 0);
  CHECK(traffic.kicks == 0);
}

TEST_CASE("entries published without a test count at the next test") {
  Traffic traffic(8, 5);
  REQUIRE(traffic.pair.attached);
  REQUIRE_FALSE(traffic.pair.driver.arm());
  traffic.offer(3);
  traffic.pair.device.refresh();
  traffic.pair.device.complete(traffic.pair.take_one().head, 0);
  traffic.pair.device.publish();
  traffic.pair.device.complete(traffic.pair.take_one().head, 0);
  CHECK(traffic.pair.device.publish_and_test());
  traffic.pair.device.complete(traffic.pair.take_one().head, 0);
  CHECK_FALSE(traffic.pair.device.publish_and_test());
}

}  // namespace
}  // namespace bellpull::ring::test
