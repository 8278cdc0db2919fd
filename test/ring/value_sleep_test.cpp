// SPDX-License-Identifier: BSD-2-Clause
// Nobody sleeps on a value: each way to go to sleep on a ring races the value, or the room, that
// should prevent it, again and again, with delays of random length. A sleep of 20 s is a lost
// wake-up and fails with its round. A case ends when it has slept as often as it promises;
// BELLPULL_LONG=1 in the environment: more than ten million times in all.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/mpsc_ring.hpp"
#include "bellpull/ring/spsc_ring.hpp"
#include "emulated.hpp"
#include "seeds.hpp"
#include "sleeper.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::uint64_t kLongConsumer = 8'200'000;
constexpr std::uint64_t kLongProducer = 900'000;
constexpr std::uint64_t kLongSeveral = 1'000'000;
static_assert(kLongConsumer + kLongProducer + kLongSeveral > 10'000'000);

/// When a case gives up because hardly anybody sleeps: so many values per sleep.
constexpr std::uint64_t kRarely = 100;
/// Of the sleeps of a case, such a part is on a processor that the other thread is not on.
constexpr std::uint64_t kApart = 200;

TEST_CASE("check 23: a consumer that sleeps whenever it finds nothing misses no value") {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 11);
  const std::uint64_t enough = sleeps(kLongConsumer, 50'000);
  SpscRing<std::uint64_t> ring;
  REQUIRE(ring.make(8) == SetupError::none);
  Doorbell bell;
  REQUIRE(bell.make());
  std::atomic<std::uint64_t> consumed{0};
  std::atomic<bool> stop{false};

  std::thread producer([&] {
    const OnProcessor there(1);
    Jitter jitter(seed);
    std::uint64_t next = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      // So that the consumer gets to its sleep again and again; it orders nothing.
      while (consumed.load(std::memory_order_relaxed) != next &&
             !stop.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
      }
      jitter.spin();
      auto batch = ring.producer().reserve(jitter.up_to(3));
      batch.slots().for_each([&](std::uint64_t& value) { value = next++; });
      if (batch.commit_and_test()) bell.ring();
    }
  });
  Jitter jitter(seed + 1);
  OnProcessor here(0);
  Sleeper sleeper;
  std::uint64_t expected = 0, wrong = 0;
  bool well = true;
  while (well && sleeper.slept < enough && expected < kRarely * enough) {
    const std::uint32_t count = ring.consumer().poll(
        4, [&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    consumed.store(expected, std::memory_order_relaxed);
    jitter.spin();
    if (count == 0) well = sleeper.sleep_unless_work(ring.consumer(), bell);
    if (sleeper.slept == enough / kApart) here.leave();
  }
  stop.store(true, std::memory_order_relaxed);
  producer.join();
  CAPTURE(expected);
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(sleeper.slept >= enough);
  // Each sleep was ended by one ring, and a ring that arm() made needless can be left over.
  CHECK(ring.producer().counters().bells >= sleeper.slept);
  MESSAGE(sleeper.slept << " sleeps, " << sleeper.met << " not, in " << expected << " values");
}

TEST_CASE("check 23: a producer that sleeps whenever the ring is full misses no room") {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 12);
  const std::uint64_t enough = sleeps(kLongProducer, 30'000);
  SpscRing<std::uint64_t> ring;
  REQUIRE(ring.make(2) == SetupError::none);
  Doorbell room;
  REQUIRE(room.make());
  std::atomic<bool> stop{false};
  Sleeper sleeper;  // the producer's thread's until it is joined
  bool well = true;

  std::thread producer([&] {
    OnProcessor there(1);
    Jitter jitter(seed);
    for (std::uint64_t next = 0; well && sleeper.slept < enough && next < kRarely * enough;) {
      if (ring.producer().push(next)) {
        ++next;
      } else {
        jitter.spin();
        well = sleeper.sleep_unless_work(ring.producer(), room);
        if (sleeper.slept == enough / kApart) there.leave();
      }
    }
    stop.store(true, std::memory_order_relaxed);
  });
  const OnProcessor here(0);
  Jitter jitter(seed + 1);
  std::uint64_t expected = 0, wrong = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const Runs<std::uint64_t> values = ring.consumer().peek(2);
    values.for_each([&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    if (ring.consumer().release_and_test(static_cast<std::uint32_t>(values.size()))) room.ring();
    if (values.empty()) std::this_thread::yield();
    jitter.spin();
  }
  producer.join();
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(sleeper.slept >= enough);
  MESSAGE(sleeper.slept << " sleeps, " << sleeper.met << " not, in " << expected << " values");
}

TEST_CASE("check 23: a consumer of several producers that sleeps misses no value") {
  if (engine::test::left_out_when_emulated()) return;
  constexpr unsigned kProducers = 2;
  const std::uint64_t seed = announce_seed("delays", 13);
  const std::uint64_t enough = sleeps(kLongSeveral, 30'000);
  MpscRing<std::uint64_t> ring;
  REQUIRE(ring.make(8, kProducers) == SetupError::none);
  Doorbell bell;
  REQUIRE(bell.make());
  std::atomic<std::uint64_t> consumed{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<unsigned> unattached{0};
  for (unsigned number = 0; number < kProducers; ++number) {
    threads.emplace_back([&, number] {
      Jitter jitter(seed + number);
      MpscProducer<std::uint64_t> producer;
      if (producer.attach(ring.memory(), number) != SetupError::none) ++unattached;
      for (std::uint64_t next = 0; !stop.load(std::memory_order_relaxed);) {
        if (next > consumed.load(std::memory_order_relaxed) / kProducers) {
          std::this_thread::yield();
          continue;
        }
        auto batch = producer.reserve(jitter.up_to(2));
        jitter.spin();
        batch.slots().for_each([&](std::uint64_t& value) { value = next++ * kProducers + number; });
        if (batch.commit_and_test()) bell.ring();
      }
    });
  }
  Jitter jitter(seed + kProducers);
  std::array<std::uint64_t, kProducers> expected{};
  Sleeper sleeper;
  std::uint64_t wrong = 0, count = 0;
  bool well = true;
  while (well && sleeper.slept < enough && count < kRarely * enough) {
    const std::uint32_t now = ring.consumer().poll(4, [&](std::uint64_t value) {
      wrong += value / kProducers == expected[value % kProducers]++ ? 0U : 1U;
    });
    count += now;
    consumed.store(count, std::memory_order_relaxed);
    jitter.spin();
    if (now == 0) well = sleeper.sleep_unless_work(ring.consumer(), bell);
  }
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  CHECK(unattached == 0);
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(sleeper.slept >= enough);
  MESSAGE(sleeper.slept << " sleeps, " << sleeper.met << " not, in " << count << " values");
}

}  // namespace
}  // namespace bellpull::ring::test
