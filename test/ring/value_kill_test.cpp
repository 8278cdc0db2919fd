// SPDX-License-Identifier: BSD-2-Clause
// A process at the other end of a ring in shared memory is killed at a random point, more than a
// thousand times in all. The survivor learns of it by a pidfd, what was committed is there, whole
// and in order, and the ring goes on with a successor.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/mpsc_consumer.hpp"
#include "bellpull/ring/mpsc_producer.hpp"
#include "bellpull/ring/shared_region.hpp"
#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "emulated.hpp"
#include "seeds.hpp"
#include "victim.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::uint32_t kCapacity = 48;
// The parts of the region.
constexpr std::uint32_t kRing = 0;
constexpr std::uint32_t kNotes = 1;

/// What a consumer notes of itself, for whoever comes after it: the first value that it had not
/// released, before a release and after it.
struct Notes {
  std::atomic<std::uint64_t> will_be;
  std::atomic<std::uint64_t> was;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

Notes& notes_of(const SharedRegion& region) {
  return *reinterpret_cast<Notes*>(region.part(kNotes).data());
}

struct Rig {
  explicit Rig(ValueRing kind, std::uint32_t producers) {
    RegionPlan plan;
    REQUIRE(plan.add_value_ring(kind, shape_of<std::uint64_t>(kCapacity, producers)) ==
            SetupError::none);
    REQUIRE(plan.add_bytes(sizeof(Notes)) == SetupError::none);
    REQUIRE(region.create("bellpull-kill-test", plan));
    REQUIRE(started.make());
    REQUIRE(bell.make());
    REQUIRE(kick.make());
  }

  [[nodiscard]] ValueMemory memory(ValueRing kind) const {
    ValueMemory memory;
    REQUIRE(region.value_ring<std::uint64_t>(kRing, kind, memory) == SetupError::none);
    return memory;
  }

  SharedRegion region;
  Doorbell started;
  Doorbell bell;
  Doorbell kick;  // the other way
};

TEST_CASE("a producer is killed: the consumer learns of it and takes what was committed") {
  std::mt19937_64 random(announce_seed("kills", 21));
  Rig rig(ValueRing::spsc, 1);
  SpscConsumer<std::uint64_t, Untrusted> consumer;
  REQUIRE(consumer.attach(rig.memory(ValueRing::spsc)) == SetupError::none);
  std::uint64_t expected = 0, wrong = 0;
  const auto drain = [&] {
    while (consumer.poll(kCapacity, [&](std::uint64_t value) {
      wrong += value == expected++ ? 0U : 1U;
    }) != 0) {
    }
  };
  for (unsigned round = 0; round < rounds(350); ++round) {
    const std::uint64_t first = expected;
    const unsigned most = 1 + static_cast<unsigned>(random() % 9);
    Victim victim(rig.region, rig.started, [&](const SharedRegion& own) {
      ValueMemory memory;
      SpscProducer<std::uint64_t, Untrusted> producer;
      if (own.value_ring<std::uint64_t>(kRing, ValueRing::spsc, memory) != SetupError::none ||
          producer.attach(memory) != SetupError::none) {
        _exit(4);
      }
      for (std::uint64_t next = first;;) {
        auto batch = producer.reserve(most);
        batch.slots().for_each([&](std::uint64_t& value) { value = next++; });
        if (batch.commit_and_test()) rig.bell.ring();
      }
    });
    // In the middle of its life, or at any moment from its birth on.
    if (round % 2 == 0) {
      const std::uint64_t enough = first + 1 + random() % 300;
      while (expected < enough) {
        drain();
        std::this_thread::yield();
      }
    } else {
      sleep_up_to(random, 300);
      drain();
    }
    victim.kill();
    Wake wake = Wake::rang;
    while (wake == Wake::rang) {
      drain();
      if (consumer.arm()) continue;
      wake = rig.bell.wait(20'000, victim.pidfd());
    }
    REQUIRE(wake == Wake::peer_gone);
    REQUIRE(victim.was_killed());
    drain();
    REQUIRE(wrong == 0);
  }
  CHECK(consumer.counters().peer_faults == 0);
  CHECK(expected > 0);
}

TEST_CASE("a consumer is killed: its successor goes on where it released last") {
  if (engine::test::left_out_when_emulated()) return;  // the producer sleeps for room
  std::mt19937_64 random(announce_seed("kills", 22));
  Rig rig(ValueRing::spsc, 1);
  SpscProducer<std::uint64_t, Untrusted> producer;
  REQUIRE(producer.attach(rig.memory(ValueRing::spsc)) == SetupError::none);
  std::uint64_t next = 0;
  for (unsigned round = 0; round < rounds(250); ++round) {
    Victim victim(rig.region, rig.started, [&](const SharedRegion& own) {
      ValueMemory memory;
      SpscConsumer<std::uint64_t, Untrusted> consumer;
      if (own.value_ring<std::uint64_t>(kRing, ValueRing::spsc, memory) != SetupError::none ||
          consumer.attach(memory) != SetupError::none) {
        _exit(4);
      }
      std::uint64_t expected = 0;
      bool any = false;
      for (;;) {
        const Runs<std::uint64_t> values = consumer.peek(7);
        values.for_each([&](std::uint64_t value) {
          if (any && value != expected) _exit(5);
          expected = value + 1;
          any = true;
        });
        if (consumer.release_and_test(static_cast<std::uint32_t>(values.size()))) rig.bell.ring();
      }
    });
    const std::uint64_t enough = next + random() % 400;
    Wake wake = Wake::rang;
    while (next < enough) {
      if (producer.push(next)) {
        ++next;
      } else if (!producer.arm()) {
        wake = rig.bell.wait(20'000, victim.pidfd());
        REQUIRE(wake == Wake::rang);
        producer.disarm();
      }
    }
    victim.kill();
    while (wake == Wake::rang) wake = rig.bell.wait(20'000, victim.pidfd());
    REQUIRE(wake == Wake::peer_gone);
    REQUIRE(victim.was_killed());
    // Whoever opens the region next finds all that was not released.
    SharedRegion again;
    REQUIRE(again.open(rig.region.fd()));
    ValueMemory memory;
    REQUIRE(again.value_ring<std::uint64_t>(kRing, ValueRing::spsc, memory) == SetupError::none);
    SpscConsumer<std::uint64_t, Untrusted> successor;
    REQUIRE(successor.attach(memory) == SetupError::none);
    const Runs<std::uint64_t> values = successor.peek(kCapacity);
    std::uint64_t expected = next - values.size(), wrong = 0;
    values.for_each([&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    REQUIRE(wrong == 0);
    successor.release(static_cast<std::uint32_t>(random() % (values.size() + 1)));
  }
  CHECK(producer.counters().peer_faults == 0);
  CHECK(next > 0);
}

TEST_CASE(
    "the consumer of several producers is killed: its successor goes on where it released last") {
  if (engine::test::left_out_when_emulated()) return;  // the consumer sleeps
  std::mt19937_64 random(announce_seed("kills", 26));
  Rig rig(ValueRing::mpsc, 2);
  const ValueMemory memory = rig.memory(ValueRing::mpsc);
  const Notes& notes = notes_of(rig.region);
  std::array<MpscProducer<std::uint64_t, Untrusted>, 2> producers;
  for (std::uint32_t number = 0; number < 2; ++number) {
    REQUIRE(producers[number].attach(memory, number) == SetupError::none);
  }
  std::uint64_t next = 0, unread = 0;
  // Values from either producer, and now and then slots that are given up. False when it is full.
  const auto put = [&] {
    const auto wanted = 1 + static_cast<std::uint32_t>(random() % 4);
    auto batch = producers[random() % 2].reserve(wanted);
    if (batch.size() == 0) return false;
    const auto shown = static_cast<std::uint32_t>(random() % 8 == 0 ? random() % batch.size()
                                                                    : std::uint64_t{batch.size()});
    for (std::uint32_t i = 0; i < shown; ++i) batch.slots()[i] = next++;
    if (batch.commit_and_test(shown)) rig.kick.ring();
    return true;
  };
  for (unsigned round = 0; round < rounds(200); ++round) {
    const unsigned most = 1 + static_cast<unsigned>(random() % 9);
    Victim victim(rig.region, rig.started, [&](const SharedRegion& own) {
      ValueMemory theirs;
      MpscConsumer<std::uint64_t, Untrusted> consumer;
      if (own.value_ring<std::uint64_t>(kRing, ValueRing::mpsc, theirs) != SetupError::none ||
          consumer.attach(theirs) != SetupError::none) {
        _exit(4);
      }
      Notes& mine = notes_of(own);
      for (std::uint64_t expected = mine.will_be;;) {
        const Runs<std::uint64_t> values = consumer.peek(most);
        values.for_each([&](std::uint64_t value) {
          if (value != expected++) _exit(5);
        });
        linger();
        mine.will_be = expected;
        consumer.release(static_cast<std::uint32_t>(values.size()));
        mine.was = expected;
        rig.bell.ring();  // room
        if (!values.empty() || consumer.arm()) continue;
        if (rig.kick.wait(20'000) != Wake::rang) _exit(6);
        consumer.disarm();
      }
    });
    const std::uint64_t enough = next + random() % 400;
    Wake wake = Wake::rang;
    while (next < enough) {
      if (put()) continue;
      wake = rig.bell.wait(20'000, victim.pidfd());
      REQUIRE(wake == Wake::rang);
    }
    victim.kill();
    while (wake == Wake::rang) wake = rig.bell.wait(20'000, victim.pidfd());
    REQUIRE(wake == Wake::peer_gone);
    REQUIRE(victim.was_killed());
    // Whoever opens the region next finds all that was not released, and can use all of it.
    SharedRegion again;
    REQUIRE(again.open(rig.region.fd()));
    ValueMemory theirs;
    REQUIRE(again.value_ring<std::uint64_t>(kRing, ValueRing::mpsc, theirs) == SetupError::none);
    MpscConsumer<std::uint64_t, Untrusted> successor;
    REQUIRE(successor.attach(theirs) == SetupError::none);
    const Runs<std::uint64_t> values = successor.peek(kCapacity);
    std::uint64_t expected = values.empty() ? next : values.first[0], wrong = 0;
    REQUIRE((expected == notes.was || expected == notes.will_be));
    const std::uint64_t first = expected;
    values.for_each([&](std::uint64_t value) { wrong += value == expected++ ? 0U : 1U; });
    const auto count = static_cast<std::uint32_t>(random() % (values.size() + 1));
    successor.release(count);
    unread += expected - first;
    notes_of(rig.region).will_be = notes_of(rig.region).was = first + count;
    if (round % 4 == 0) {
      expected = first + count;
      while (successor.poll(kCapacity, [&](std::uint64_t value) {
        wrong += value == expected++ ? 0U : 1U;
      }) != 0) {
      }
      REQUIRE(expected == next);
      notes_of(rig.region).will_be = notes_of(rig.region).was = next;
      auto all = producers[round / 4 % 2].reserve_all(kCapacity);
      REQUIRE(all.size() == kCapacity);
      all.slots().for_each([&](std::uint64_t& value) { value = next++; });
      all.commit();
    }
    REQUIRE(wrong == 0);
    REQUIRE(successor.counters().peer_faults == 0);
  }
  CHECK(next > 0);
  MESSAGE("values that a dead consumer left: " << unread);
}

TEST_CASE("check 24: one of several producers is killed: recover() passes over what it claimed") {
  std::mt19937_64 random(announce_seed("kills", 23));
  Rig rig(ValueRing::mpsc, 2);
  const ValueMemory memory = rig.memory(ValueRing::mpsc);
  MpscConsumer<std::uint64_t, Untrusted> consumer;
  MpscProducer<std::uint64_t, Untrusted> mine;
  REQUIRE(consumer.attach(memory) == SetupError::none);
  REQUIRE(mine.attach(memory, 0) == SetupError::none);
  constexpr std::uint64_t kMine = std::uint64_t{1} << 63U;
  std::uint64_t put = 0, got = 0, expected = 0, wrong = 0, recovered = 0;
  const auto drain = [&] {
    while (consumer.poll(kCapacity, [&](std::uint64_t value) {
      wrong += value == ((value & kMine) != 0 ? kMine + got++ : expected++) ? 0U : 1U;
    }) != 0) {
    }
  };
  for (unsigned round = 0; round < rounds(400); ++round) {
    const std::uint64_t first = expected;
    const unsigned most = 1 + static_cast<unsigned>(random() % 9);
    const bool stops = round % 8 == 1;  // with a claim in hand, for certain
    Victim victim(rig.region, rig.started, [&](const SharedRegion& own) {
      ValueMemory theirs;
      MpscProducer<std::uint64_t, Untrusted> producer;
      if (own.value_ring<std::uint64_t>(kRing, ValueRing::mpsc, theirs) != SetupError::none ||
          producer.attach(theirs, 1) != SetupError::none) {
        _exit(4);
      }
      std::uint64_t next = first;
      for (unsigned batches = 1;; ++batches) {
        auto batch = producer.reserve(most);
        if (stops && batches > 3 && batch.size() != 0) {
          rig.kick.ring();
          for (;;) pause();
        }
        linger();
        const std::uint32_t shown = batches % 5 == 0 ? batch.size() / 2 : batch.size();
        for (std::uint32_t i = 0; i < shown; ++i) batch.slots()[i] = next++;
        if (batch.commit_and_test(shown)) rig.bell.ring();
      }
    });
    const unsigned pushes = static_cast<unsigned>(random() % 200);
    for (unsigned i = 0; i < pushes; ++i) {
      if (mine.push(kMine + put)) ++put;
      if (i % 3 == 0) drain();
    }
    // The victim is in the middle of something only while there is room.
    const std::uint64_t enough = expected + random() % 300;
    do {
      drain();
      std::this_thread::yield();
    } while (expected < enough && !stops);
    // An earlier claim of it may have held up the rest: it needs the room of what comes after that.
    Wake told = Wake::timeout;
    for (unsigned waits = 0; stops && told == Wake::timeout && waits < 20'000; ++waits) {
      drain();
      told = rig.kick.wait(1, victim.pidfd());
    }
    if (stops) REQUIRE(told == Wake::rang);
    victim.kill();
    Wake wake = Wake::rang;
    while (wake == Wake::rang) {
      drain();
      if (consumer.arm()) continue;
      wake = rig.bell.wait(20'000, victim.pidfd());
    }
    REQUIRE(wake == Wake::peer_gone);
    REQUIRE(victim.was_killed());
    drain();
    const Recovery recovery = consumer.recover(1);
    REQUIRE(recovery != Recovery::contended);
    recovered += recovery == Recovery::recovered ? 1 : 0;
    drain();
    REQUIRE(wrong == 0);
    REQUIRE(got == put);
    // All of it can be used again.
    auto all = mine.reserve_all(kCapacity);
    REQUIRE(all.size() == kCapacity);
    all.slots().for_each([&](std::uint64_t& value) { value = kMine + put++; });
    all.commit();
    drain();
    REQUIRE(got == put);
  }
  CHECK(wrong == 0);
  CHECK(expected > 0);
  CHECK(recovered > 0);
  MESSAGE("claims recovered: " << recovered);
}

}  // namespace
}  // namespace bellpull::ring::test
