// SPDX-License-Identifier: BSD-2-Clause
// Nobody sleeps on a value: each way to go to sleep on a ring races the value, or the room, that
// should prevent it, again and again, with delays of random length. A sleep of 20 s is a lost
// wake-up and fails with its round. BELLPULL_LONG=1 in the environment: ten million cycles.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/mpsc_ring.hpp"
#include "bellpull/ring/spsc_ring.hpp"
#include "emulated.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

constexpr int kTooLong = 20'000;  // ms

std::uint64_t cycles(std::uint64_t most, std::uint64_t usual) {
  const char* wish = std::getenv("BELLPULL_LONG");
  const bool is_long = wish != nullptr && std::string_view(wish) == "1";
  return engine::test::scaled(is_long ? most : usual);
}

/// Delays of random length, mostly short, the longest about as long as a wake-up takes.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : random_(seed) {}
  void spin() {
    const std::uint64_t bits = random_();
    const std::uint64_t most = std::uint64_t{1} << (bits % 13);
    for (std::uint64_t left = (bits >> 8U) % most; left != 0; --left) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
  }
  std::uint32_t up_to(std::uint32_t most) {
    return 1 + static_cast<std::uint32_t>(random_() % most);
  }

 private:
  std::mt19937_64 random_;
};

/// Sleeps on `bell` unless arm() says not to. Whether all is well.
template <class Half>
bool sleep_unless_work(Half& half, Doorbell& bell, std::uint64_t& slept) {
  if (half.arm()) return true;
  ++slept;
  const Wake wake = bell.wait(kTooLong);
  half.disarm();
  return wake == Wake::rang;
}

TEST_CASE("check 23: a consumer that sleeps whenever it finds nothing misses no value") {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 11);
  const std::uint64_t rounds = cycles(21'000'000, 200'000);  // about every second is slept on
  SpscRing<std::uint64_t> ring;
  REQUIRE(ring.make(8) == SetupError::none);
  Doorbell bell;
  REQUIRE(bell.make());
  std::atomic<std::uint64_t> consumed{0};
  std::atomic<bool> stop{false};

  std::thread producer([&] {
    Jitter jitter(seed);
    std::uint64_t next = 0;
    while (next < rounds && !stop.load(std::memory_order_relaxed)) {
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
  std::uint64_t expected = 0, wrong = 0, slept = 0;
  bool well = true;
  while (expected < rounds && well) {
    const std::uint32_t count = ring.consumer().poll(
        4, [&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    consumed.store(expected, std::memory_order_relaxed);
    jitter.spin();
    if (count == 0) well = sleep_unless_work(ring.consumer(), bell, slept);
  }
  stop.store(true, std::memory_order_relaxed);
  producer.join();
  CAPTURE(expected);
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(slept > 0);
  // Each sleep was ended by one ring, and a ring that arm() made needless can be left over.
  CHECK(ring.producer().counters().bells >= slept);
  MESSAGE(slept << " sleeps in " << expected << " values");
}

TEST_CASE("check 23: a producer that sleeps whenever the ring is full misses no room") {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 12);
  const std::uint64_t rounds = cycles(1'000'000, 100'000);
  SpscRing<std::uint64_t> ring;
  REQUIRE(ring.make(2) == SetupError::none);
  Doorbell room;
  REQUIRE(room.make());
  std::atomic<bool> stop{false};
  std::uint64_t slept = 0;
  bool well = true;

  std::thread producer([&] {
    Jitter jitter(seed);
    for (std::uint64_t next = 0; next < rounds && well;) {
      if (ring.producer().push(next)) {
        ++next;
      } else {
        jitter.spin();
        well = sleep_unless_work(ring.producer(), room, slept);
      }
    }
    stop.store(true, std::memory_order_relaxed);
  });
  Jitter jitter(seed + 1);
  std::uint64_t expected = 0, wrong = 0;
  while (expected < rounds) {
    const Runs<std::uint64_t> values = ring.consumer().peek(2);
    values.for_each([&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    if (ring.consumer().release_and_test(static_cast<std::uint32_t>(values.size()))) room.ring();
    if (values.empty()) {
      if (stop.load(std::memory_order_relaxed) && !well) break;
      std::this_thread::yield();
    }
    jitter.spin();
  }
  producer.join();
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(slept > 0);
  MESSAGE(slept << " sleeps in " << expected << " values");
}

TEST_CASE("check 23: a consumer of several producers that sleeps misses no value") {
  if (engine::test::left_out_when_emulated()) return;
  constexpr unsigned kProducers = 2;
  const std::uint64_t seed = announce_seed("delays", 13);
  const std::uint64_t rounds = cycles(2'000'000, 100'000);
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
      for (std::uint64_t next = 0; next < rounds && !stop.load(std::memory_order_relaxed);) {
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
  std::uint64_t wrong = 0, slept = 0, count = 0;
  bool well = true;
  const auto done = [&] { return expected[0] >= rounds && expected[1] >= rounds; };
  while (!done() && well) {
    const std::uint32_t now = ring.consumer().poll(4, [&](std::uint64_t value) {
      wrong += value / kProducers == expected[value % kProducers]++ ? 0U : 1U;
    });
    count += now;
    consumed.store(count, std::memory_order_relaxed);
    jitter.spin();
    if (now == 0) well = sleep_unless_work(ring.consumer(), bell, slept);
  }
  stop.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads) thread.join();
  CHECK(unattached == 0);
  CHECK(well);
  CHECK(wrong == 0);
  CHECK(slept > 0);
  MESSAGE(slept << " sleeps in " << count << " values");
}

}  // namespace
}  // namespace bellpull::ring::test
