// SPDX-License-Identifier: BSD-2-Clause
// Waiting for slots: what ends it, what it may do meanwhile. Its clock is a number.
#include "bellpull/engine/prepare_or_wait.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "sanitizers.hpp"
#include "seeds.hpp"
#include "shared_rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

/// Counts the looks at its clock as time, keeps what was completed, and does what the test says
/// when it is to rest.
template <class C>
struct TestWaiter {
  std::uint64_t time = 0;
  unsigned rests = 0;
  std::vector<CompletionOf<C>> all;
  std::function<void()> resting{};

  std::uint64_t now() noexcept { return ++time; }
  void completed(std::span<const CompletionOf<C>> some) noexcept {
    all.insert(all.end(), some.begin(), some.end());
  }
  void rest(std::uint64_t deadline) noexcept {
    ++rests;
    if (resting) {
      resting();
    } else {
      time = deadline;
    }
  }
};
static_assert(Waiter<TestWaiter<OperationChannel>, OperationChannel, std::uint64_t>);
static_assert(Waiter<TestWaiter<StreamChannel>, StreamChannel, std::uint64_t>);

// As programs have it.
struct RealWaiter {
  using Time = std::chrono::steady_clock::time_point;
  Time now() noexcept { return std::chrono::steady_clock::now(); }
  void completed(std::span<const OperationCompletion>) noexcept {}
  void rest(Time) noexcept {}
};
static_assert(Waiter<RealWaiter, OperationChannel, RealWaiter::Time>);

constexpr std::uint64_t kFar = 1'000'000;

std::vector<OperationRequest> nops(std::size_t count) {
  std::vector<OperationRequest> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(nop(i));
  return all;
}

struct HandRig {
  explicit HandRig(std::uint32_t size = 4)
      : rig({}, std::make_unique<HandBackend>(hand), {.size = size}), channel(*rig.channel) {}

  WaitResult wait(std::size_t count, std::uint64_t deadline = kFar) {
    return prepare_or_wait(rig.engine, channel, nops(count), deadline, waiter);
  }

  Hand hand;
  OperationRig rig;
  OperationChannel& channel;
  TestWaiter<OperationChannel> waiter;
};

TEST_CASE("S1.7: what finds its slots does not wait, and what never can is refused at once") {
  HandRig rig;
  const WaitResult good = rig.wait(4, 0);  // the deadline is over, and nobody asks
  CHECK(good.end == WaitEnd::prepared);
  CHECK(good.prepared.size() == 4);
  CHECK(rig.channel.free_slots() == 0);
  const WaitResult large = rig.wait(5);
  CHECK(large.end == WaitEnd::refused);
  CHECK(large.error.kind == Kind::too_large);
  CHECK(large.error.max == 4);
  std::vector<OperationRequest> bad = nops(2);
  bad[1].operation = Operation::read;
  const WaitResult refused = prepare_or_wait(rig.rig.engine, rig.channel, bad, kFar, rig.waiter);
  CHECK(refused.end == WaitEnd::refused);
  CHECK(refused.error.request == 1);
  CHECK(rig.waiter.time == 0);
  CHECK(rig.waiter.rests == 0);
}

TEST_CASE(
    "S1.7, S1.9: waiting issues nothing, and is over at once where nothing that was issued can "
    "end") {
  HandRig rig;
  REQUIRE(rig.channel.post(nops(3)).kind == Kind::none);  // submitted, not issued
  const WaitResult unissued = rig.wait(2);
  CHECK(unissued.end == WaitEnd::stuck);
  CHECK(unissued.error.kind == Kind::would_block);
  CHECK(unissued.error.needed == 2);
  CHECK(unissued.error.free == 1);
  CHECK(rig.waiter.rests == 0);
  CHECK(rig.hand.started.empty());
  rig.channel.issue();
  rig.rig.engine.run(16);
  REQUIRE(rig.hand.held.size() == 3);
  REQUIRE(rig.channel.post(nops(1)).kind == Kind::none);
  // What was issued ends and is handed over; what was not is still in the way.
  for (int i = 0; i < 3; ++i) rig.hand.end(0);
  const WaitResult rest = rig.wait(4);
  CHECK(rest.end == WaitEnd::stuck);
  CHECK(rest.error.free == 3);
  CHECK(rig.waiter.all.size() == 3);
  CHECK(rig.hand.started.size() == 3);
  CHECK(rig.channel.unissued() == 1);
  CHECK(rig.waiter.rests == 0);
  const WaitResult held = rig.wait(3);
  REQUIRE(held);
  const WaitResult after = rig.wait(1);  // and slots that the client holds itself
  CHECK(after.end == WaitEnd::stuck);
}

TEST_CASE("S1.7: a channel that stands still is no reason to wait") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend(), {.size = 2});
    TestWaiter<OperationChannel> waiter;
    REQUIRE(rig.channel->pause());
    REQUIRE(rig.channel->post(nops(2)).kind == Kind::none);
    rig.channel->issue();
    CHECK(prepare_or_wait(rig.engine, *rig.channel, nops(1), kFar, waiter).end == WaitEnd::stuck);
    CHECK(waiter.rests == 0);
    CHECK(rig.channel->resume());
  }
}

TEST_CASE("S1.7: the clock may be a real one") {
  HandRig rig;
  RealWaiter waiter;
  REQUIRE(rig.channel.post(nops(4)).kind == Kind::none);
  rig.channel.issue();
  const WaitResult late =
      prepare_or_wait(rig.rig.engine, rig.channel, nops(1), RealWaiter::Time::min(), waiter);
  CHECK(late.end == WaitEnd::late);
}

TEST_CASE("S1.7: at the deadline it is late, took nothing and lost nothing") {
  HandRig rig;
  REQUIRE(rig.channel.post(nops(4)).kind == Kind::none);
  rig.channel.issue();
  const WaitResult late = rig.wait(2, 10);
  CHECK(late.end == WaitEnd::late);
  CHECK(late.error.kind == Kind::would_block);
  CHECK(late.error.needed == 2);
  CHECK(late.error.free == 0);
  CHECK(rig.waiter.time == 10);
  CHECK(rig.hand.started.size() == 4);  // the engine was run
  rig.hand.end(0);
  rig.waiter.time = 0;
  CHECK(rig.wait(2, 10).end == WaitEnd::late);  // one slot is not enough
  REQUIRE(rig.waiter.all.size() == 1);
  CHECK(rig.waiter.all[0].cookie == 1);
  rig.hand.end(0);
  rig.waiter.time = 0;
  CHECK(rig.wait(2, 10).end == WaitEnd::prepared);
  CHECK(rig.waiter.all.size() == 2);
  CHECK(rig.hand.started.size() == 4);
}

TEST_CASE("S1.7: completions that come while waiting are the client's, who may go on from there") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    BellCounter bell;
    OperationRig rig(setting, make_copy_backend({.window = 2}),
                     {.size = 8, .notify = bell.notify()});
    TestWaiter<OperationChannel> waiter;
    waiter.resting = [] { std::this_thread::yield(); };
    const std::uint64_t rounds = scaled(5000);
    std::uint64_t submitted = 0;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::size_t count = 1 + round % 8;
      WaitResult result = prepare_or_wait(rig.engine, *rig.channel, nops(count), ~0ULL, waiter);
      REQUIRE(result);
      rig.channel->submit(std::move(result.prepared));
      rig.channel->issue();
      submitted += count;
    }
    const auto rest = rig.collect(submitted - waiter.all.size());
    waiter.all.insert(waiter.all.end(), rest.begin(), rest.end());
    REQUIRE(waiter.all.size() == submitted);
    for (std::uint64_t i = 0; i < submitted; ++i) REQUIRE(waiter.all[i].cookie == i + 1);
  }
}

TEST_CASE("S1.7: it rests until the bell rings, and not when there is something to poll") {
  BackendLog log;
  BellCounter bell;
  log.gate = false;
  Engine engine{{.placement = Placement::autonomous}};
  class Gated final : public TestBackend {
   public:
    using TestBackend::TestBackend;
    Reaped reap(std::span<Done> done) noexcept override {
      Reaped reaped = TestBackend::reap(done);
      reaped.would_block = false;  // asked again, awake
      return reaped;
    }
  };
  StreamOptions options{.size = 4, .notify = bell.notify()};
  const auto channel = engine.open_stream(options, std::make_unique<Gated>(log));
  std::array<std::byte, 8> memory{};
  const OneSegment one(memory, 1);
  for (int i = 0; i < 3; ++i) REQUIRE(channel->post(one.batch()).kind == Kind::none);
  channel->issue();
  REQUIRE(channel->post(one.batch()).kind == Kind::none);  // stays the client's to issue
  TestWaiter<StreamChannel> waiter;
  waiter.resting = [&] {
    log.gate = true;
    while (bell.rung == 0) std::this_thread::yield();  // armed, so it will
  };
  const WaitResult result = prepare_or_wait(engine, *channel, one.batch(), kFar, waiter);
  CHECK(result.end == WaitEnd::prepared);
  CHECK(waiter.rests == 1);
  CHECK(bell.rung == 1);
  CHECK(waiter.all.size() >= 1);
  CHECK(channel->unissued() == 1);
  CHECK(log.started == 3);
}

TEST_CASE("S1.7: what was not issued is no reason to wait on any engine") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend(), {.size = 2});
    TestWaiter<OperationChannel> waiter;
    REQUIRE(rig.channel->post(nops(2)).kind == Kind::none);
    CHECK(prepare_or_wait(rig.engine, *rig.channel, nops(1), kFar, waiter).end == WaitEnd::stuck);
    CHECK(waiter.rests == 0);
    CHECK(waiter.time == 0);
  }
}

TEST_CASE("S1.7: a driven engine without work that waits for nothing cannot free a slot") {
  BackendLog log;
  Engine engine{{}};
  class Full final : public TestBackend {
   public:
    using TestBackend::TestBackend;
    [[nodiscard]] unsigned window() const noexcept override { return 0; }
  };
  const auto channel = engine.open_stream({.size = 2}, std::make_unique<Full>(log));
  std::array<std::byte, 8> memory{};
  const OneSegment one(memory, 1);
  for (int i = 0; i < 2; ++i) REQUIRE(channel->post(one.batch()).kind == Kind::none);
  channel->issue();
  TestWaiter<StreamChannel> waiter;
  CHECK(prepare_or_wait(engine, *channel, one.batch(), kFar, waiter).end == WaitEnd::stuck);
  CHECK(waiter.rests == 0);
}

TEST_CASE(
    "S1.7: with a driven engine it rests for the wait sources, and hears of them from the "
    "waiter") {
  Rig rig({Medium::seqpacket, Placement::driven, QueueLayout::split}, {.size = 2});
  std::array<std::byte, 8> memory{}, text{};
  const OneSegment room(memory, 1), sent(text, 2);
  for (int i = 0; i < 2; ++i) REQUIRE(rig.rx->post(room.batch()).kind == Kind::none);
  rig.rx->issue();
  TestWaiter<StreamChannel> waiter;
  waiter.resting = [&] {  // somebody sends, and epoll would say so
    if (waiter.rests > 1) return;
    (void)rig.tx->post(sent.batch());
    rig.tx->issue();
    rig.engine.run(4);
    for (std::size_t i = 0; i < rig.engine.wait_sources().size(); ++i) rig.engine.source_ready(i);
  };
  const WaitResult result = prepare_or_wait(rig.engine, *rig.rx, room.batch(), kFar, waiter);
  CHECK(result.end == WaitEnd::prepared);
  CHECK(waiter.rests == 1);
  REQUIRE(waiter.all.size() == 1);
  CHECK(waiter.all[0].token == 1);
}

TEST_CASE("S1.7: slots of a channel that pushes come back too") {
  struct Pushed {
    std::uint64_t count = 0;
  } pushed;
  OperationOptions options{.size = 4};
  options.sink = {[](void* context, const OperationCompletion&) noexcept {
                    ++static_cast<Pushed*>(context)->count;
                  },
                  &pushed};
  OperationRig rig({}, make_copy_backend(), options);
  TestWaiter<OperationChannel> waiter;
  for (int round = 0; round < 10; ++round) {
    WaitResult result = prepare_or_wait(rig.engine, *rig.channel, nops(3), kFar, waiter);
    REQUIRE(result);
    rig.channel->submit(std::move(result.prepared));
    rig.channel->issue();
  }
  CHECK(waiter.all.empty());
  CHECK(pushed.count >= 27);
}

}  // namespace
}  // namespace bellpull::engine::test
