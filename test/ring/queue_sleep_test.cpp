// SPDX-License-Identifier: BSD-2-Clause
// Nobody sleeps on a chain: each half of a virtqueue goes to sleep whenever it finds nothing, and
// races what should prevent it, again and again, with delays of random length. A sleep of 20 s is a
// lost wake-up and fails. A case ends when it has slept as often as it promises; BELLPULL_LONG=1 in
// the environment: more than ten million times in all.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bellpull/ring/doorbell.hpp"
#include "emulated.hpp"
#include "queue_pair.hpp"
#include "seeds.hpp"
#include "sleeper.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::uint64_t kLongDevice = 1'000'000;
constexpr std::uint64_t kLongDriver = 1'000'000;
constexpr std::uint64_t kLongBoth = 300'000;                                  // each
static_assert(4 * (kLongDevice + kLongDriver + 2 * kLongBoth) > 10'000'000);  // kinds of queues

#define BELLPULL_SLEEPERS SplitTrusted, SplitUntrusted, PackedTrusted, PackedUntrusted

/// When a case gives up because hardly anybody sleeps: so many chains per sleep.
constexpr std::uint64_t kRarely = 100;
/// Of the sleeps of a case, such a part is on a processor that the other thread is not on.
constexpr std::uint64_t kApart = 20;

/// Two threads over a queue of few entries, with event index.
template <class K>
class Scene {
 public:
  Scene() : pair(8) {
    REQUIRE(pair.attach() == SetupError::none);
    REQUIRE(kick.make());
    REQUIRE(call.make());
  }

  /// Offers up to `most` chains. With one thread for the driver half.
  unsigned post(unsigned most) {
    unsigned count = 0;
    while (count < most && pair.post_writable(posted) != kNoHead) {
      ++posted;
      ++count;
    }
    return count;
  }
  /// Takes back what was used, which comes in the order of the offers.
  unsigned poll() {
    return pair.driver.poll(kAll, [this](const Used& used) {
      wrong += used.token == back++ && used.length == 1 ? 0U : 1U;
    });
  }
  void kick_device() {
    if (pair.driver.publish_and_test()) kick.ring();
  }

  /// Takes up to `most` chains. With one thread for the device half.
  unsigned take(unsigned most) {
    unsigned count = 0;
    for (; count < most; ++count) {
      const auto chain = pair.take();
      if (!chain) break;
      held.push_back(*chain);
    }
    return count;
  }
  /// Gives the `count` oldest back.
  void complete(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) pair.complete(held[i], 1);
    held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void call_driver() {
    if (pair.device.publish_and_test()) call.ring();
  }

  /// The thread that is told to end sleeps no more.
  void end() {
    stop.store(true, std::memory_order_relaxed);
    kick.ring();
    call.ring();
  }
  [[nodiscard]] bool ended() const { return stop.load(std::memory_order_relaxed); }

  void check() const {
    CHECK(wrong == 0);
    CHECK(pair.driver.fault() == QueueFault::none);
    CHECK(pair.device.fault() == QueueFault::none);
    CHECK(pair.device.counters().misuses == 0);
  }

  Pair<K> pair;
  Doorbell kick;
  Doorbell call;
  std::vector<Chain> held;
  std::uint64_t posted = 0;
  std::uint64_t back = 0;
  std::uint64_t wrong = 0;
  // How far the one is that sleeps, for the other to meet it on its way to its sleep. It orders
  // nothing, so that nothing but arm() and the tested publish keep a wake-up from being lost.
  std::atomic<std::uint64_t> progress{0};

 private:
  std::atomic<bool> stop{false};
};

TEST_CASE_TEMPLATE("check 23: a device half that sleeps whenever it finds nothing misses no kick",
                   K, BELLPULL_SLEEPERS) {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 14);
  const std::uint64_t enough = sleeps(kLongDevice, 5'000);
  Scene<K> scene;
  std::thread driver([&] {
    const OnProcessor there(1);
    Jitter jitter(seed);
    while (!scene.ended()) {
      if (scene.progress.load(std::memory_order_relaxed) != scene.posted) {
        std::this_thread::yield();
        scene.poll();
        continue;
      }
      jitter.spin();
      scene.poll();
      scene.post(jitter.up_to(3));
      scene.kick_device();
    }
  });
  Jitter jitter(seed + 1);
  OnProcessor here(0);
  Sleeper sleeper;
  std::uint64_t taken = 0;
  bool well = true;
  while (well && sleeper.slept < enough && taken < kRarely * enough) {
    const unsigned now = scene.take(4);
    scene.complete(scene.held.size());
    scene.pair.device.publish();
    taken += now;
    scene.progress.store(taken, std::memory_order_relaxed);
    jitter.spin();
    if (now == 0) well = sleeper.sleep_unless_work(scene.pair.device, scene.kick);
    if (sleeper.slept == enough / kApart) here.leave();
  }
  scene.end();
  driver.join();
  CHECK(well);
  CHECK(sleeper.slept >= enough);
  scene.check();
  MESSAGE(sleeper.slept << " sleeps, " << sleeper.met << " not, in " << taken << " chains");
}

TEST_CASE_TEMPLATE(
    "check 23: a driver half that sleeps whenever nothing is completed misses no call", K,
    BELLPULL_SLEEPERS) {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 15);
  const std::uint64_t enough = sleeps(kLongDriver, 5'000);
  Scene<K> scene;
  std::thread device([&] {
    const OnProcessor there(1);
    Jitter jitter(seed);
    std::uint64_t completed = 0;
    while (!scene.ended()) {
      scene.take(8);
      if (scene.progress.load(std::memory_order_relaxed) != completed || scene.held.empty()) {
        std::this_thread::yield();
        continue;
      }
      jitter.spin();
      const std::size_t count = std::min<std::size_t>(jitter.up_to(3), scene.held.size());
      scene.complete(count);
      completed += count;
      scene.call_driver();
    }
  });
  Jitter jitter(seed + 1);
  OnProcessor here(0);
  Sleeper sleeper;
  bool well = true;
  while (well && sleeper.slept < enough && scene.back < kRarely * enough) {
    const unsigned now = scene.poll();
    scene.post(8);  // there is always something to wait for
    scene.pair.driver.publish();
    scene.progress.store(scene.back, std::memory_order_relaxed);
    jitter.spin();
    if (now == 0) well = sleeper.sleep_unless_work(scene.pair.driver, scene.call);
    if (sleeper.slept == enough / kApart) here.leave();
  }
  scene.end();
  device.join();
  CHECK(well);
  CHECK(sleeper.slept >= enough);
  scene.check();
  MESSAGE(sleeper.slept << " sleeps, " << sleeper.met << " not, in " << scene.back << " chains");
}

TEST_CASE_TEMPLATE("check 23: two halves that both sleep miss neither kick nor call", K,
                   BELLPULL_SLEEPERS) {
  if (engine::test::left_out_when_emulated()) return;
  const std::uint64_t seed = announce_seed("delays", 16);
  const std::uint64_t enough = sleeps(kLongBoth, 2'500);
  Scene<K> scene;
  Sleeper devices;  // the device thread's until it is joined
  bool device_well = true;
  std::thread device([&] {
    Jitter jitter(seed);
    while (device_well && !scene.ended()) {
      const unsigned now = scene.take(4);
      jitter.spin();
      scene.complete(scene.held.size());
      scene.call_driver();
      if (now != 0) continue;
      device_well = devices.sleep_unless_work(scene.pair.device, scene.kick);
      scene.progress.store(devices.slept, std::memory_order_relaxed);
    }
    scene.end();  // if it slept too long, the driver half need not wait
  });
  Jitter jitter(seed + 1);
  Sleeper drivers;
  bool well = true;
  const auto done = [&] {
    return drivers.slept >= enough && scene.progress.load(std::memory_order_relaxed) >= enough;
  };
  while (well && !done() && !scene.ended() && scene.back < kRarely * enough) {
    scene.post(jitter.up_to(3));
    scene.kick_device();
    jitter.spin();
    // With the queue full, or before; never with nothing to wait for.
    if (scene.poll() == 0 && scene.pair.driver.in_flight() >= jitter.up_to(8)) {
      well = drivers.sleep_unless_work(scene.pair.driver, scene.call);
    }
  }
  scene.end();
  device.join();
  CHECK(well);
  CHECK(device_well);
  CHECK(drivers.slept >= enough);
  CHECK(devices.slept >= enough);
  scene.check();
  MESSAGE(drivers.slept << " and " << devices.slept << " sleeps, " << drivers.met << " and "
                        << devices.met << " not, in " << scene.back << " chains");
}

}  // namespace
}  // namespace bellpull::ring::test
