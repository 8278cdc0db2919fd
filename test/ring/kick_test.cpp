// SPDX-License-Identifier: BSD-2-Clause
// Who is notified when: both halves of a queue beside a model that counts with numbers which never
// wrap and knows nothing of event words.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "queue_pair.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

/// What one side published and tested, and what the other side wishes to hear of. An entry is a
/// chain in the split layout and a descriptor in the packed one.
struct Direction {
  std::uint64_t published = 0;
  std::uint64_t tested = 0;
  std::uint64_t seen = 0;  // by the other side
  std::uint64_t wished = 0;
  bool armed = false;

  /// Whether a test now must say yes.
  bool test(bool event_idx) {
    const bool new_ones = published != tested;
    const bool crossed = armed && tested <= wished && wished < published;
    tested = published;
    return event_idx ? crossed : armed && new_ones;
  }
  /// Whether arming now must say that there is something already.
  bool arm() {
    armed = true;
    wished = seen;
    return published != seen;
  }
};

template <class K>
class Traffic {
 public:
  Traffic(std::uint32_t size, const Features& features, std::uint64_t seed)
      : pair(size, features), random_(seed) {
    REQUIRE(pair.attach() == SetupError::none);
  }

  /// Offers up to `count` chains of up to three segments; they are not visible yet.
  void offer(std::uint32_t count) {
    std::array<Segment, 3> segments;
    segments.fill(pair.segment(0, 1));
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t length = 1 + random_() % std::min<std::size_t>(3, pair.driver.size());
      if (pair.driver.post(std::span(segments).first(length), {}, length) == kNoHead) break;
      offered_ += entries(pair.each >= length && length > 1 ? 1 : length);
    }
  }
  unsigned publish(bool test) {
    const bool any = offered_ != 0;
    avail.published += offered_;
    offered_ = 0;
    if (!test) {
      pair.driver.publish();
      return 0;
    }
    const bool rang = pair.driver.publish_and_test();
    wrong += rang != (any && avail.test(pair.features.event_idx));
    return rang ? 1 : 0;
  }
  void take(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto chain = pair.take();
      if (!chain) {
        wrong += avail.seen != avail.published;
        return;
      }
      avail.seen += entries(chain->descriptors);
      completed_ += entries(chain->descriptors);
      pair.complete(*chain, 0);
    }
  }
  unsigned publish_used(bool test) {
    const bool any = completed_ != 0;
    used.published += completed_;
    completed_ = 0;
    if (!test) {
      pair.device.publish();
      return 0;
    }
    const bool rang = pair.device.publish_and_test();
    wrong += rang != (any && used.test(pair.features.event_idx));
    return rang ? 1 : 0;
  }
  void poll(unsigned limit) {
    pair.driver.poll(limit, [&](const Used& chain) {
      const std::uint64_t length = chain.token;
      used.seen += entries(pair.each >= length && length > 1 ? 1 : length);
    });
  }
  void arm_device() { wrong += pair.device.arm() != avail.arm(); }
  void arm_driver() {
    // In the middle of an in-order batch arm() answers at once and leaves the word alone.
    if (pair.features.in_order) poll(kAll);
    wrong += pair.driver.arm() != used.arm();
  }
  void disarm_device() {
    pair.device.disarm();
    avail.armed = false;
  }
  void disarm_driver() {
    pair.driver.disarm();
    used.armed = false;
  }

  void step() {
    const std::uint32_t size = pair.driver.size();
    const auto some = [&] {
      return 1 + static_cast<std::uint32_t>(random_() % std::min(size, 9U));
    };
    switch (random_() % 12) {
      case 0:
      case 1:
        offer(some());
        return;
      case 2:
      case 3:
        kicks += publish(true);
        return;
      case 4:
        // At most a lap may stay untested; beyond it a spare notification is allowed.
        if (avail.published - avail.tested + offered_ < size) publish(false);
        return;
      case 5:
      case 6:
        take(some());
        return;
      case 7:
        bells += publish_used(true);
        return;
      case 8:
        if (used.published - used.tested + completed_ < size) publish_used(false);
        return;
      case 9:
        poll(some());
        return;
      case 10:
        return (random_() & 1U) != 0 ? arm_device() : disarm_device();
      default:
        return (random_() & 1U) != 0 ? arm_driver() : disarm_driver();
    }
  }

  /// Batches through both halves, tested each time, nobody arming or parking.
  void run(std::uint64_t chains) {
    const std::uint32_t size = pair.driver.size();
    for (const std::uint64_t end = used.seen + chains; used.seen < end && wrong == 0;) {
      offer(1 + static_cast<std::uint32_t>(random_() % size));
      kicks += publish(true);
      take(1 + static_cast<std::uint32_t>(random_() % size));
      bells += publish_used(true);
      poll(1 + static_cast<unsigned>(random_() % size));
    }
  }

  Pair<K> pair;
  Direction avail;
  Direction used;
  std::uint64_t kicks = 0;
  std::uint64_t bells = 0;
  std::uint64_t wrong = 0;

 private:
  [[nodiscard]] static std::uint64_t entries(std::uint64_t descriptors) {
    return kIsSplit<typename K::Layout> ? 1 : descriptors;
  }

  std::mt19937_64 random_;
  std::uint64_t offered_ = 0;
  std::uint64_t completed_ = 0;
};

TEST_CASE_TEMPLATE(
    "check 7: with event index or flags, both sides ring exactly when the model does", K,
    BELLPULL_KINDS) {
  const std::uint64_t seed = announce_seed("kick model", 20260802);
  for_each_queue<typename K::Layout>(32768, [&](std::uint32_t size, const Features& features) {
    CAPTURE(seed);
    Traffic<K> traffic(size, features, seed + size);
    // Even few rounds are enough to be rung in.
    const std::uint64_t steps = std::max<std::uint64_t>(engine::test::scaled(20000), 2000);
    for (std::uint64_t i = 0; i < steps; ++i) traffic.step();
    CHECK(traffic.wrong == 0);
    if (size <= 7) {
      CHECK(traffic.kicks != 0);
      CHECK(traffic.bells != 0);
    }
    CHECK(traffic.pair.driver.counters().kicks == traffic.kicks);
    CHECK(traffic.pair.device.counters().bells == traffic.bells);
  });
}

/// Sizes for tests that go around a whole 16-bit index four times. It is all arithmetic of one
/// thread: a sanitizer sees as much in one size of the kinds that check most.
template <class K>
std::vector<std::uint32_t> lap_sizes() {
  if (!BELLPULL_TEST_SANITIZED) return {1, kIsSplit<typename K::Layout> ? 4U : 7U, 256, 32768};
  return K::Trust::kChecks ? std::vector<std::uint32_t>{256} : std::vector<std::uint32_t>{};
}

TEST_CASE_TEMPLATE("check 7: whoever never arms never hears anything, over more than four laps", K,
                   BELLPULL_KINDS) {
  const std::uint64_t seed = announce_seed("parked laps", 11);
  for (const std::uint32_t size : lap_sizes<K>()) {
    for (const bool event_idx : {true, false}) {
      if (!event_idx && size != 256) continue;
      CAPTURE(size);
      Traffic<K> traffic(size, {.event_idx = event_idx}, seed);
      traffic.run(kIsSplit<typename K::Layout> ? 270000 : 12 * std::uint64_t{size});
      CHECK(traffic.wrong == 0);
      CHECK(traffic.bells == 0);
      CHECK(traffic.kicks == 0);
    }
  }
}

TEST_CASE_TEMPLATE("check 7: who armed once and never again hears once, over more than four laps",
                   K, BELLPULL_KINDS) {
  const std::uint64_t seed = announce_seed("armed laps", 12);
  for (const std::uint32_t size : lap_sizes<K>()) {
    CAPTURE(size);
    Traffic<K> traffic(size, {}, seed);
    traffic.run(size + size / 2 + 1);
    traffic.take(size);
    traffic.publish_used(true);
    traffic.poll(size);
    traffic.arm_device();
    traffic.arm_driver();
    traffic.run(kIsSplit<typename K::Layout> ? 270000 : 12 * std::uint64_t{size});
    CHECK(traffic.wrong == 0);
    CHECK(traffic.bells == 1);
    CHECK(traffic.kicks == 1);
  }
}

TEST_CASE_TEMPLATE("check 7: a place that is used again the moment it is free does not ring twice",
                   K, BELLPULL_KINDS) {
  for (const std::uint32_t size : lap_sizes<K>()) {
    CAPTURE(size);
    Traffic<K> traffic(size, {}, 13);
    traffic.arm_device();
    traffic.arm_driver();
    traffic.offer(size);
    traffic.kicks += traffic.publish(true);
    const std::uint64_t laps = kIsSplit<typename K::Layout> ? 270000 : 12 * std::uint64_t{size};
    while (traffic.used.seen < laps && traffic.wrong == 0) {
      traffic.take(size);
      traffic.bells += traffic.publish_used(true);
      // Each visit of one long poll offers the place again, and the device completes it at once.
      traffic.pair.driver.poll(size, [&](const Used& used) {
        traffic.used.seen += kIsSplit<typename K::Layout> ? 1 : used.token;
        traffic.offer(1);
        traffic.kicks += traffic.publish(true);
        traffic.take(1);
        traffic.bells += traffic.publish_used(true);
      });
    }
    CHECK(traffic.wrong == 0);
    CHECK(traffic.bells == 1);
    CHECK(traffic.kicks == 1);
  }
}

// The other half's event word is written by hand from here on, as 2.7.7, 2.7.10 and 2.8.14 say what
// it looks like: every position around a batch in the split layout, every position of both laps in
// the packed one, where an event may lie inside of a chain.
struct ByHand {
  ByHand(std::uint32_t position, std::uint32_t size)
      : packed_word((position % size) | (position < size ? 0x8000U : 0U) | 0x20000U),
        split_word(static_cast<std::uint16_t>(position)) {}
  void wish(const SplitMemory& queue) const {
    used_event_word(queue) = split_word;
    avail_event_word(queue) = split_word;
  }
  void wish(const PackedMemory& queue) const {
    *queue.driver_event = packed_word;
    *queue.device_event = packed_word;
  }
  std::uint32_t packed_word;
  std::uint16_t split_word;
};

/// One batch of `length` entries at position `start`, both sides tested with the wish for `event`.
template <class K>
void check_batch(Pair<K>& pair, std::uint32_t start, std::uint32_t length, std::uint32_t event,
                 std::uint32_t modulus) {
  ByHand(event, pair.driver.size()).wish(pair.memory.queue);
  const std::vector<Segment> segments(length, pair.segment(0, 1));
  if constexpr (kIsSplit<typename K::Layout>) {
    for (std::uint32_t i = 0; i < length; ++i) pair.post_one(i);
  } else {
    pair.driver.post(segments, {}, 0);
  }
  bool covered = false;
  for (std::uint32_t i = 0; i < length; ++i) covered |= (start + i) % modulus == event;
  CAPTURE(start);
  CAPTURE(length);
  CAPTURE(event);
  REQUIRE(pair.driver.publish_and_test() == covered);
  while (const auto chain = pair.take()) pair.complete(*chain, 0);
  REQUIRE(pair.device.publish_and_test() == covered);
  pair.driver.poll(kAll, [](const Used&) {});
}

TEST_CASE_TEMPLATE("check 6: both sides ring exactly when a packed chain covers the event", K,
                   PackedTrusted, PackedUntrusted) {
  for (const std::uint32_t size : {1U, 2U, 3U, 5U, 7U}) {
    CAPTURE(size);
    Pair<K> pair(size);
    REQUIRE(pair.attach() == SetupError::none);
    std::uint32_t start = 0;
    for (std::uint32_t length = 1; length <= std::min(size, 5U); ++length) {
      for (std::uint32_t event = 0; event < 2 * size; ++event) {
        // From every place: a batch and then one entry, so that the next round begins one further.
        for (std::uint32_t i = 0; i < 2 * size; ++i) {
          check_batch(pair, start, length, event, 2 * size);
          start = (start + length) % (2 * size);
          check_batch(pair, start, 1, event, 2 * size);
          start = (start + 1) % (2 * size);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("check 6: both sides ring exactly when a split batch covers the event", K,
                   SplitTrusted, SplitUntrusted) {
  Pair<K> pair(8);
  REQUIRE(pair.attach() == SetupError::none);
  std::uint32_t start = 0;
  while (start < 0x10000 + 200) {
    const bool turn = start < 200 || (start > 0x7fa0 && start < 0x8060) || start > 0xff80;
    const std::uint32_t length = turn ? 1 + start % 8 : 8;
    for (std::uint32_t around = 0; around < (turn ? 12U : 1U); ++around) {
      const std::uint32_t event = (start + around + 0xffff) % 0x10000;  // from one before on
      check_batch(pair, start % 0x10000, length, event, 0x10000);
      start += length;
    }
  }
}

TEST_CASE_TEMPLATE("check 7: spurious kicks and bells change nothing", K, BELLPULL_KINDS) {
  Traffic<K> traffic(4, {}, 14);
  for (unsigned round = 0; round < 1000; ++round) {
    traffic.take(4);
    traffic.bells += traffic.publish_used(true);
    traffic.poll(4);
    traffic.kicks += traffic.publish(true);
    if (round % 3 == 0) traffic.offer(1);
  }
  CHECK(traffic.wrong == 0);
  CHECK(traffic.bells + traffic.kicks == 0);
}

TEST_CASE_TEMPLATE("a half that is not attached arms nothing and rings nobody", K, BELLPULL_KINDS) {
  typename K::Driver driver;
  typename K::Device device;
  CHECK_FALSE(driver.arm());
  CHECK_FALSE(device.arm());
  CHECK_FALSE(driver.publish_and_test());
  CHECK_FALSE(device.publish_and_test());
  driver.disarm();
  device.disarm();
}

TEST_CASE_TEMPLATE("check 10: the notification word is queue, offset and wrap of the next slot", K,
                   BELLPULL_KINDS) {
  for (const std::uint32_t size : sizes<typename K::Layout>(1000)) {
    CAPTURE(size);
    Pair<K> pair(size);
    REQUIRE(pair.attach() == SetupError::none);
    const std::vector<Segment> whole(std::min(size, 3U), pair.segment(0, 1));
    std::uint32_t index = 0;   // split: chains
    std::uint32_t offset = 0;  // packed: descriptors
    std::uint32_t wrap = 1;
    unsigned wrong = 0;
    for (std::uint32_t i = 0; i < 66000 + 5 * size; ++i) {
      const std::uint32_t next =
          kIsSplit<typename K::Layout> ? index : offset | wrap << 15;  // 2.9: bits 16 to 31
      wrong += pair.driver.notification_data(0x0102) != (0x0102U | next << 16);
      const auto length = static_cast<std::uint32_t>(i % 2 == 0 ? 1 : whole.size());
      pair.driver.post(std::span(whole).first(length), {}, i);
      pair.driver.publish();
      pair.drain();
      pair.driver.poll(1, [](const Used&) {});
      index = (index + 1) & 0xffffU;
      offset += length;
      if (offset >= size) {
        offset -= size;
        wrap ^= 1U;
      }
    }
    CHECK(wrong == 0);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
