// SPDX-License-Identifier: BSD-2-Clause
// A process at the other end of a ring in shared memory is killed at a random point, a thousand
// times in all. The survivor learns of it by a pidfd, what was committed is there, whole and in
// order, and the ring goes on with a successor.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <random>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/mpsc_consumer.hpp"
#include "bellpull/ring/mpsc_producer.hpp"
#include "bellpull/ring/shared_region.hpp"
#include "bellpull/ring/spsc_consumer.hpp"
#include "bellpull/ring/spsc_producer.hpp"
#include "emulated.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::uint32_t kCapacity = 48;
constexpr std::uint32_t kRing = 0;  // the part of the region

/// A child process that runs `work(region)` over its own mapping until it is killed.
class Victim {
 public:
  template <class Work>
  Victim(const SharedRegion& region, Doorbell& started, const Work& work) : pid_(fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      SharedRegion own;
      if (!own.open(region.fd())) _exit(2);
      started.ring();
      work(own);
      _exit(3);  // it ends by being killed only
    }
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    REQUIRE(pidfd_ >= 0);
    REQUIRE(started.wait(20'000, pidfd_) == Wake::rang);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() {
    kill();
    int status = 0;
    waitpid(pid_, &status, 0);
    close(pidfd_);
  }

  void kill() const { ::kill(pid_, SIGKILL); }
  [[nodiscard]] int pidfd() const { return pidfd_; }

 private:
  pid_t pid_;
  int pidfd_ = -1;
};

void sleep_up_to(std::mt19937_64& random, unsigned microseconds) {
  const timespec pause{0, static_cast<long>(random() % (microseconds * 1000ULL))};
  nanosleep(&pause, nullptr);
}

struct Rig {
  explicit Rig(ValueRing kind, std::uint32_t producers) {
    RegionPlan plan;
    REQUIRE(plan.add_value_ring(kind, shape_of<std::uint64_t>(kCapacity, producers)) ==
            SetupError::none);
    REQUIRE(region.create("bellpull-kill-test", plan));
    REQUIRE(started.make());
    REQUIRE(bell.make());
  }

  [[nodiscard]] ValueMemory memory(ValueRing kind) const {
    ValueMemory memory;
    REQUIRE(region.value_ring<std::uint64_t>(kRing, kind, memory) == SetupError::none);
    return memory;
  }

  SharedRegion region;
  Doorbell started;
  Doorbell bell;
};

unsigned rounds(unsigned count) {
  return static_cast<unsigned>(engine::test::scaled(count));
}

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
      while (expected < enough) drain();
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
        // Long enough in there to be killed in there now and then.
        for (unsigned i = 0; i < 3000; ++i) {
          std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
        }
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
    } while (expected < enough);
    victim.kill();
    Wake wake = Wake::rang;
    while (wake == Wake::rang) {
      drain();
      if (consumer.arm()) continue;
      wake = rig.bell.wait(20'000, victim.pidfd());
    }
    REQUIRE(wake == Wake::peer_gone);
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
  if (rounds(400) >= 100) CHECK(recovered > 0);
  MESSAGE("claims recovered: " << recovered);
}

}  // namespace
}  // namespace bellpull::ring::test
