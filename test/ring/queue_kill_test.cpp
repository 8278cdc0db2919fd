// SPDX-License-Identifier: BSD-2-Clause
// A process at the other end of a virtqueue in shared memory is killed at a random point. The
// survivor learns of it by a pidfd: a device half serves what was published and nothing else, and
// then a new driver; a driver half waits for a new device half, which goes on at the used index,
// and has every chain back once.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>

#include "bellpull/ring/doorbell.hpp"
#include "emulated.hpp"
#include "queue_memory.hpp"
#include "queue_region.hpp"
#include "seeds.hpp"
#include "victim.hpp"

namespace bellpull::ring::test {
namespace {

constexpr int kTooLong = 20'000;  // ms

template <class Layout>
constexpr std::uint32_t kSize = kIsSplit<Layout> ? 16 : 13;

template <class Layout>
struct Rig {
  Rig() {
    REQUIRE(region.create("bellpull-kill-test", queue_plan<Layout>(kSize<Layout>)));
    REQUIRE(started.make());
    REQUIRE(stopped.make());
    REQUIRE(kick.make());
    REQUIRE(call.make());
  }

  SharedRegion region;
  Doorbell started;
  Doorbell stopped;
  Doorbell kick;
  Doorbell call;
};

/// The driver's process: asks until it is killed, asleep or awake.
template <class Layout>
[[noreturn]] void ask(const SharedRegion& region, Rig<Layout>& rig, const Features& features,
                      std::uint64_t first, unsigned most) {
  Asker<Layout> asker(region, kSize<Layout>, features, first);
  if (asker.attach() != SetupError::none) _exit(4);
  for (;;) {
    unsigned posted = 0;
    while (posted < most && asker.post()) ++posted;
    if (asker.half.publish_and_test()) rig.kick.ring();
    const unsigned polled = asker.poll();
    if (asker.wrong != 0 || asker.half.fault() != QueueFault::none) _exit(5);
    if (posted + polled != 0 || asker.half.arm()) continue;
    if (rig.call.wait(kTooLong) != Wake::rang) _exit(6);
    asker.half.disarm();
  }
}

TEST_CASE_TEMPLATE(
    "a driver's process is killed: the device half serves what was published, then a new driver", L,
    Split, Packed) {
  if (engine::test::left_out_when_emulated()) return;  // both sides sleep
  std::mt19937_64 random(announce_seed("queue kills", 24));
  std::uint64_t served = 0;
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    const Features features{.indirect = true, .in_order = in_order};
    Rig<L> rig;
    Answerer<L> answerer(rig.region, kSize<L>, features);
    const std::span<std::byte> queue = rig.region.part(kQueuePart);
    for (unsigned round = 0; round < rounds(60); ++round) {
      // Another driver starts with zeroed memory; its numbers are not those of the one before.
      std::memset(queue.data(), 0, queue.size());
      REQUIRE(answerer.attach() == SetupError::none);
      const std::uint64_t first = std::uint64_t{round} << 24U;
      answerer.next = first;
      const unsigned most = 1 + static_cast<unsigned>(random() % 6);
      const unsigned burst = 1 + static_cast<unsigned>(random() % 6);
      const auto serve = [&] {
        const unsigned taken = answerer.take(burst);
        while (!answerer.held.empty()) {
          answerer.complete(answerer.held.back());
          answerer.held.pop_back();
        }
        if (answerer.half.publish_and_test()) rig.call.ring();
        return taken;
      };
      Victim victim(rig.region, rig.started,
                    [&](const SharedRegion& own) { ask<L>(own, rig, features, first, most); });
      const auto sleep = [&] {
        if (answerer.half.arm()) return Wake::rang;
        const Wake wake = rig.kick.wait(kTooLong, victim.pidfd());
        answerer.half.disarm();
        return wake;
      };
      // In the middle of its life, or at any moment from its birth on.
      if (round % 2 == 0) {
        const std::uint64_t enough = first + 1 + random() % 300;
        while (answerer.next < enough) {
          if (serve() == 0) REQUIRE(sleep() == Wake::rang);
        }
      } else {
        sleep_up_to(random, 300);
      }
      victim.kill();
      for (Wake wake = Wake::rang; wake == Wake::rang;) {
        if (serve() != 0) continue;
        wake = sleep();
        if (wake != Wake::rang) REQUIRE(wake == Wake::peer_gone);
      }
      while (serve() != 0) {
      }
      // What it had published came whole and in order, each chain once; nothing else came.
      REQUIRE(victim.was_killed());
      REQUIRE(answerer.well());
      REQUIRE(answerer.half.in_flight() == 0);
      REQUIRE_FALSE(answerer.half.arm());
      if constexpr (kIsSplit<L>) {
        SplitMemory memory;
        REQUIRE(rig.region.template queue<Split>(kQueuePart, memory) == SetupError::none);
        REQUIRE(memory.avail->idx == static_cast<std::uint16_t>(answerer.next - first));
      }
      served += answerer.next - first;
      answerer.half.reset();
    }
  }
  CHECK(served > 0);
  MESSAGE("chains served: " << served);
}

/// The device's process: answers from `number` on until it is killed, asleep or awake; or, if it
/// `stops`, with the first chains in hand, which it says with a bell.
template <class Layout>
[[noreturn]] void answer(const SharedRegion& region, Rig<Layout>& rig, const DeviceState& state,
                         std::uint64_t number, unsigned most, bool stops) {
  Answerer<Layout> answerer(region, kSize<Layout>, {.indirect = true}, number);
  if (answerer.attach(&state) != SetupError::none) _exit(4);
  for (;;) {
    const unsigned taken = answerer.take(most);
    if (!answerer.well()) _exit(5);
    if (stops && taken != 0) {
      rig.stopped.ring();
      for (;;) pause();
    }
    for (unsigned i = 0; i < 10; ++i) linger();
    for (const Chain& chain : answerer.held) {
      answerer.complete(chain);
      // A packed ring has no index: of a batch that was being written nobody could say how far it
      // got. So each chain is published alone there.
      if (!kIsSplit<Layout> && answerer.half.publish_and_test()) rig.call.ring();
    }
    answerer.held.clear();
    if (answerer.half.publish_and_test()) rig.call.ring();
    if (taken != 0 || answerer.half.arm()) continue;
    if (rig.kick.wait(kTooLong) != Wake::rang) _exit(6);
    answerer.half.disarm();
  }
}

TEST_CASE_TEMPLATE(
    "a device's process is killed: its successor goes on at the used index, every chain comes back "
    "once",
    L, Split, Packed) {
  if (engine::test::left_out_when_emulated()) return;  // both sides sleep
  std::mt19937_64 random(announce_seed("queue kills", 25));
  Rig<L> rig;
  Asker<L> asker(rig.region, kSize<L>, {.indirect = true});
  REQUIRE(asker.attach() == SetupError::none);
  std::uint64_t in_flight = 0, taken_twice = 0;
  // Where the next device half is to start: everything that was published was polled.
  const auto used_index = [&] {
    while (asker.poll() != 0) {
    }
    const DriverState state = asker.half.stop();
    if constexpr (kIsSplit<L>) {
      SplitMemory memory;
      REQUIRE(rig.region.template queue<Split>(kQueuePart, memory) == SetupError::none);
      REQUIRE(memory.used->idx == state.used);
    }
    REQUIRE(asker.attach(&state) == SetupError::none);
    return DeviceState{.avail = state.used, .used = state.used};
  };
  const auto ask = [&] {
    unsigned posted = 0;
    while (posted < 3 && asker.post()) ++posted;
    if (asker.half.publish_and_test()) rig.kick.ring();
    return posted;
  };
  for (unsigned round = 0; round < rounds(120); ++round) {
    const DeviceState state = used_index();
    const unsigned most = 1 + static_cast<unsigned>(random() % 5);
    // Chains come back in the order of their numbers, so that the next one is how many came back.
    Victim victim(rig.region, rig.started, [&](const SharedRegion& own) {
      answer<L>(own, rig, state, asker.back, most, round % 8 == 1);
    });
    const auto sleep = [&] {
      if (asker.half.arm()) return Wake::rang;
      const Wake wake = rig.call.wait(kTooLong, victim.pidfd());
      asker.half.disarm();
      return wake;
    };
    // In the middle of its life, with chains in hand, or at any moment from its birth on.
    if (round % 2 == 0) {
      const std::uint64_t enough = asker.back + 1 + random() % 300;
      while (asker.back < enough) {
        if (ask() + asker.poll() == 0) REQUIRE(sleep() == Wake::rang);
      }
      for (std::uint64_t more = random() % 3; more != 0; --more) ask();
    } else {
      while (ask() != 0) {
      }
      if (round % 8 == 1) {
        REQUIRE(rig.stopped.wait(kTooLong, victim.pidfd()) == Wake::rang);
      } else {
        sleep_up_to(random, 300);
      }
    }
    victim.kill();
    for (Wake wake = Wake::rang; wake == Wake::rang;) {
      if (asker.poll() != 0) continue;
      wake = sleep();
      if (wake != Wake::rang) REQUIRE(wake == Wake::peer_gone);
    }
    REQUIRE(victim.was_killed());
    REQUIRE(asker.wrong == 0);
    REQUIRE(asker.half.fault() == QueueFault::none);
    REQUIRE(asker.next - asker.back == asker.half.in_flight());
    in_flight += asker.half.in_flight();
    taken_twice += asker.begun();
  }
  // The last successor is here, and everything comes back.
  const DeviceState state = used_index();
  Answerer<L> last(rig.region, kSize<L>, {.indirect = true}, asker.back);
  REQUIRE(last.attach(&state) == SetupError::none);
  while (last.take(1) != 0) {
    last.complete(last.held.back());
    last.held.pop_back();
    last.half.publish();
  }
  asker.poll();
  CHECK(last.well());
  CHECK(asker.half.in_flight() == 0);
  CHECK(asker.back == asker.next);
  CHECK(asker.wrong == 0);
  CHECK(taken_twice > 0);
  MESSAGE("chains: " << asker.back << ", in flight at a death: " << in_flight
                     << ", of them taken by the dead: " << taken_twice);
}

}  // namespace
}  // namespace bellpull::ring::test
