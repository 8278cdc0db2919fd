// SPDX-License-Identifier: BSD-2-Clause
// A shared channel with submitters on threads of their own.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "long_run.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "shared_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

/// Rings a waiting thread.
struct Sleeper {
  std::atomic<std::uint32_t> rung{0};
  std::atomic<std::uint64_t> waits{0};

  [[nodiscard]] Notify notify() {
    return {[](void* context) noexcept {
              auto& self = *static_cast<Sleeper*>(context);
              self.rung.store(1, std::memory_order_release);
              self.rung.notify_one();
            },
            this};
  }
  /// Sleeps until it was rung since the last time.
  void wait() {
    waits.fetch_add(1, std::memory_order_relaxed);
    rung.wait(0, std::memory_order_relaxed);
    rung.exchange(0, std::memory_order_acquire);  // pairs with the release in notify()
  }
};

/// Lets the owner have its turns until `threads` are through. It sleeps only where its engine has a
/// thread of its own.
void own(SharedRig& rig, Sleeper& sleeper, const std::atomic<unsigned>& running) {
  const bool driven = rig.rig.engine.placement() == Placement::driven;
  for (;;) {
    const SharedRun run = rig.shared.run(64);
    if (driven) rig.rig.engine.run(64);
    if (run.runnable || rig.shared.arm() == Armed::work_pending) continue;
    if (driven && rig.rig.engine.runnable()) continue;
    if (running.load() == 0 && rig.shared.submitters() == 0) return;
    sleeper.wait();
  }
}

/// A submitter's thread: random copies, of lists, each of bytes of its own.
class Client {
 public:
  static constexpr std::size_t kSlots = 32;
  static constexpr std::size_t kBytes = 48;

  Client(Submitter submitter, std::uint64_t seed, Sleeper& sleeper)
      : submitter_(std::move(submitter)), random_(seed), sleeper_(sleeper) {}

  void run(std::uint64_t transfers) {
    while (polled_ < transfers) {
      while (posted_ < transfers && post_some(transfers - posted_)) {
      }
      submitter_.issue();
      if (poll_some()) continue;
      if (submitter_.arm() == Armed::armed) sleeper_.wait();
    }
    submitter_ = {};
  }

  std::uint64_t wrong = 0;
  std::uint64_t bytes = 0;

 private:
  struct Slot {
    std::array<std::byte, kBytes> from{}, to{};
    std::array<Segment, 2> source, destination;
  };

  bool post_some(std::uint64_t most) {
    const std::uint64_t batch = std::min<std::uint64_t>(most, 1 + random_() % 4);
    std::array<OperationRequest, 4> requests;
    for (std::uint64_t i = 0; i < batch; ++i) {
      const std::uint64_t token = posted_ + i + 1;
      Slot& slot = slots_[token % kSlots];
      if (token > polled_ + kSlots) return false;
      for (std::byte& byte : slot.from) byte = static_cast<std::byte>(random_());
      const std::size_t cut = random_() % (kBytes + 1), other = random_() % (kBytes + 1);
      slot.source = {Segment{slot.from.data(), cut}, {slot.from.data() + cut, kBytes - cut}};
      slot.destination = {Segment{slot.to.data(), other}, {slot.to.data() + other, kBytes - other}};
      requests[i] = copy_of(slot.source, slot.destination, token);
      requests[i].fence = random_() % 16 == 0;
    }
    const PrepareError error = submitter_.post(std::span(requests).first(batch));
    wrong += error.kind != Kind::none && error.kind != Kind::would_block;
    if (error.kind != Kind::none) return false;
    posted_ += batch;
    return true;
  }

  bool poll_some() {
    std::array<OperationCompletion, 8> some;
    const unsigned got = submitter_.poll(some);
    for (const OperationCompletion& done : std::span(some).first(got)) {
      ++polled_;
      const Slot& slot = slots_[polled_ % kSlots];
      wrong += done.token != polled_ || done.cookie != polled_ || done.status != Status::ok ||
               done.bytes != kBytes || std::memcmp(slot.from.data(), slot.to.data(), kBytes) != 0;
      bytes += done.bytes;
    }
    return got != 0;
  }

  Submitter submitter_;
  std::mt19937_64 random_;
  Sleeper& sleeper_;
  std::array<Slot, kSlots> slots_;
  std::uint64_t posted_ = 0;
  std::uint64_t polled_ = 0;
};

TEST_CASE(
    "several threads share a channel: each hears of its own transfers, once, in order, and "
    "nobody sleeps through a bell") {
  const std::uint64_t seed = ring::test::announce_seed("shared channel", 5);
  const std::uint64_t each = long_run() ? 3'000'000 : scaled(20'000);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Sleeper owner;
    std::array<Sleeper, 3> sleepers;
    SharedRig rig(setting, make_copy_backend({.window = 8}),
                  {.submitters = 3, .depth = 24, .notify = owner.notify()},
                  {.size = 32, .notify = owner.notify()});
    std::vector<std::unique_ptr<Client>> clients;
    for (std::uint64_t i = 0; i < 3; ++i) {
      clients.push_back(
          std::make_unique<Client>(rig.shared.join(sleepers[i].notify()), seed + i, sleepers[i]));
    }
    std::atomic<unsigned> running{3};
    std::vector<std::thread> threads;
    for (const auto& client : clients) {
      threads.emplace_back([&, one = client.get()] {
        one->run(each);
        running.fetch_sub(1);
        owner.notify().ring(&owner);
      });
    }
    own(rig, owner, running);
    for (std::thread& thread : threads) thread.join();
    for (const auto& client : clients) {
      CHECK(client->wrong == 0);
      CHECK(client->bytes == each * Client::kBytes);
    }
    CHECK(rig.shared.stats().completed == 3 * each);
    CHECK(rig.shared.stats().abandoned == 0);
    CHECK(rig.rig.channel->free_slots() == 32);
  }
}

/// Who only tries: transfers of one to eight slots, on a ring of twelve that is always almost full.
struct Tries {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t polled = 0;
  std::uint64_t slots = 0;
  std::uint64_t wrong = 0;
};

void contend(Submitter submitter, std::uint64_t seed, std::uint64_t tries, Tries& result) {
  std::mt19937_64 random(seed);
  std::array<std::byte, 8> from{}, to{};
  std::array<Segment, 4> source, destination;
  for (std::size_t i = 0; i < 4; ++i) {
    source[i] = {from.data() + i, 1};
    destination[i] = {to.data() + i, 1};
  }
  std::array<OperationCompletion, 8> some;
  const auto poll = [&] {
    const unsigned got = submitter.poll(some);
    for (unsigned i = 0; i < got; ++i) {
      // The token says how many slots it took, and which it is.
      result.wrong += some[i].cookie != ++result.polled || some[i].token >> 4 != result.polled;
    }
    return got;
  };
  for (std::uint64_t i = 0; i < tries; ++i) {
    std::array<OperationRequest, 3> batch;
    const std::size_t count = 1 + random() % 3;
    std::uint64_t slots = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t pieces = random() % 5;
      batch[k] = pieces == 0 ? nop(0)
                             : copy_of(std::span(source).first(pieces),
                                       std::span(destination).first(pieces));
      const std::uint64_t taken = pieces == 0 ? 1 : 2 * pieces;
      batch[k].token = (result.accepted + k + 1) << 4 | taken;
      slots += taken;
    }
    const std::uint32_t before = submitter.free_slots();
    const bool taken = submitter.post(std::span(batch).first(count)).kind == Kind::none;
    result.wrong += submitter.free_slots() != before - (taken ? count : 0);
    if (taken) {
      result.accepted += count;
      result.slots += slots;
      submitter.issue();
    } else {
      ++result.refused;
      if (poll() == 0) std::this_thread::yield();
    }
  }
  while (submitter.in_flight() != 0) {
    if (poll() == 0) std::this_thread::yield();
  }
}

TEST_CASE(
    "S1.12, check 5: two threads that prepare on a ring that is almost full get all or "
    "nothing, and no slot is lost") {
  const std::uint64_t seed = ring::test::announce_seed("contention", 12);
  const std::uint64_t tries = long_run() ? 10'000'000 : scaled(200'000);
  constexpr std::uint32_t kSize = 12;
  for (const OperationSetting& setting : kOperationSettings) {
    if (setting.layout == QueueLayout::split) continue;  // 12 is no power of two
    CAPTURE(describe(setting));
    SharedRig rig(setting, make_copy_backend({.window = 3}), {.submitters = 2, .depth = 8},
                  {.size = kSize});
    std::array<Tries, 2> results;
    std::atomic<unsigned> running{2};
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i, submitter = rig.shared.join()]() mutable {
        contend(std::move(submitter), seed + i, tries, results[i]);
        running.fetch_sub(1);
      });
    }
    std::uint64_t broken = 0, fullest = kSize;
    while (running.load() != 0 || rig.shared.submitters() != 0) {
      const SharedRun run = rig.shared.run(8);
      const OperationChannel& channel = *rig.rig.channel;
      fullest = std::min<std::uint64_t>(fullest, channel.free_slots());
      // A transfer in flight has a slot at least; an empty ring has them all.
      broken += channel.free_slots() + channel.in_flight() > kSize;
      broken += channel.in_flight() == 0 && channel.free_slots() != kSize;
      if (rig.rig.engine.placement() == Placement::driven) rig.rig.engine.run(8);
      if (run.completed + run.submitted == 0) std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(broken == 0);
    CHECK(fullest < 4);
    for (const Tries& result : results) {
      CHECK(result.wrong == 0);
      CHECK(result.refused > 0);
      CHECK(result.polled == result.accepted);
    }
    CHECK(rig.shared.stats().submitted == results[0].accepted + results[1].accepted);
    CHECK(rig.shared.stats().completed == results[0].accepted + results[1].accepted);
    CHECK(rig.rig.channel->free_slots() == kSize);
  }
}

TEST_CASE("submitters come and go while others submit, and each place is nobody's or one's") {
  const std::uint64_t rounds = long_run() ? 200'000 : scaled(3'000);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    Sleeper owner;
    SharedRig rig(setting, make_copy_backend(),
                  {.submitters = 2, .depth = 4, .notify = owner.notify()},
                  {.size = 16, .notify = owner.notify()});
    std::atomic<unsigned> running{3};
    std::atomic<std::uint64_t> wrong{0}, issued{0};
    const auto come_and_go = [&](std::uint64_t seed) {
      std::mt19937_64 random(seed);
      for (std::uint64_t round = 0; round < rounds;) {
        Submitter submitter = rig.shared.join();
        if (!submitter) {
          std::this_thread::yield();
          continue;
        }
        ++round;
        wrong += submitter.next_cookie() != 1 || submitter.in_flight() != 0;
        const std::uint64_t count = random() % 5;
        for (std::uint64_t i = 0; i < count; ++i) wrong += post(submitter, nop(seed)) ? 0 : 1;
        if (random() % 4 != 0) {
          submitter.issue();
          issued += count;
        }
        std::array<OperationCompletion, 4> some;
        const unsigned got = submitter.poll(some);
        for (unsigned i = 0; i < got; ++i) wrong += some[i].token != seed;
      }
      running.fetch_sub(1);
      owner.notify().ring(&owner);
    };
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(come_and_go, seed);
    own(rig, owner, running);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(rig.shared.stats().completed == issued);
    CHECK(rig.shared.submitters() == 0);
    CHECK(rig.rig.channel->free_slots() == 16);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
