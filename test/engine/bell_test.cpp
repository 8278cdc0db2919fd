// SPDX-License-Identifier: BSD-2-Clause
// What of the client runs where: the bell, which says which channel and why, and nothing else.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <concepts>
#include <thread>
#include <type_traits>

#include "operation_rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

// A bell is told what the client gave for this channel and this reason, and of no transfer. It can
// throw nothing, and gives no answer that could change anything.
static_assert(std::same_as<decltype(Notify::ring), void (*)(void*) noexcept>);
static_assert(noexcept(std::declval<OperationChannel&>().poll({})));
static_assert(noexcept(std::declval<StreamChannel&>().poll({})));

/// Why a bell is rung, as the client calls it.
enum class Reason { completion, space };

/// One bell: for one channel and one reason.
struct Bell {
  unsigned channel = 0;
  Reason reason = Reason::completion;
  std::atomic<std::uint64_t> rung{0};
  std::atomic<std::thread::id> thread{};

  [[nodiscard]] Notify notify() {
    return {[](void* context) noexcept {
              auto& bell = *static_cast<Bell*>(context);
              bell.thread.store(std::this_thread::get_id());
              bell.rung.fetch_add(1);
            },
            this};
  }
};

TEST_CASE(
    "S4.5: a bell says which channel and why, and rings once however many have completed (check "
    "12)") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    std::array<Bell, 2> done{{{0, Reason::completion}, {1, Reason::completion}}};
    std::array<Bell, 2> space{{{0, Reason::space}, {1, Reason::space}}};
    OperationRig rig(setting, make_copy_backend(), {.size = 64, .notify = done[0].notify()});
    const auto other =
        rig.engine.open_operations({.size = 64, .notify = done[1].notify()}, make_copy_backend());
    const std::array<OperationChannel*, 2> channels{rig.channel.get(), other.get()};
    std::array<OperationCompletion, 64> taken;
    for (std::uint64_t round = 1; round <= 20; ++round) {
      const unsigned which = round % 3 == 0 ? 1 : 0;
      OperationChannel& channel = *channels[which];
      std::array<OperationRequest, 64> batch;
      batch.fill({});
      REQUIRE(channel.post(batch).kind == PrepareError::Kind::none);
      const std::uint64_t before = done[which].rung.load();
      const std::uint64_t others = done[1 - which].rung.load();
      while (channel.arm() != Armed::armed) rig.engine.run(0);
      REQUIRE(channel.notify_space(64, space[which].notify()));
      channel.issue();
      const std::uint64_t all = channel.stats().submitted;
      REQUIRE(until(rig.engine, [&] { return channel.stats().completed == all; }));
      full_round(rig.engine);
      CHECK(done[which].rung.load() == before + 1);
      CHECK(done[1 - which].rung.load() == others);
      const std::uint64_t spaces = space[which].rung.load();
      unsigned polled = 0;
      while (polled < 64) polled += channel.poll(std::span(taken).first(7));
      CHECK(space[which].rung.load() == spaces + 1);
      CHECK(done[which].rung.load() == before + 1);
    }
    CHECK(done[0].rung.load() == 14);
    CHECK(done[1].rung.load() == 6);
    CHECK(space[0].rung.load() == 14);
    CHECK(space[1].rung.load() == 6);
  }
}

TEST_CASE("S4.3: of a client that pulls nothing but the bell runs on the engine's thread") {
  for (const QueueLayout layout : kLayouts) {
    Bell done, space;
    OperationRig rig({Placement::autonomous, layout}, make_copy_backend(),
                     {.size = 8, .notify = done.notify()});
    for (int i = 0; i < 8; ++i) REQUIRE(rig.submit({}) != 0);
    REQUIRE(rig.channel->notify_space(8, space.notify()));
    REQUIRE(rig.channel->arm() == Armed::armed);
    rig.channel->issue();
    REQUIRE(until(rig.engine, [&] { return done.rung.load() == 1; }));
    CHECK(done.thread.load() != std::this_thread::get_id());
    CHECK(rig.channel->in_flight() == 8);  // handed to nobody
    CHECK(space.rung.load() == 0);
    REQUIRE(rig.collect(8).size() == 8);
    CHECK(space.thread.load() == std::this_thread::get_id());
  }
}

TEST_CASE("S4.3: a push sink is the exception, and only for who named it at opening") {
  struct Sink {
    std::atomic<std::uint64_t> pushed{0};
    std::atomic<std::uint64_t> here{0};
    std::thread::id owner = std::this_thread::get_id();
    static void push(void* context, const OperationCompletion&) noexcept {
      auto& sink = *static_cast<Sink*>(context);
      sink.pushed.fetch_add(1);
      if (std::this_thread::get_id() == sink.owner) sink.here.fetch_add(1);
    }
  };
  Sink sink;
  OperationRig rig({.placement = Placement::autonomous}, make_copy_backend(),
                   {.size = 8, .sink = {&Sink::push, &sink}});
  const auto pulled = rig.engine.open_operations({.size = 8}, make_copy_backend());
  for (int i = 0; i < 8; ++i) {
    REQUIRE(rig.submit({}) != 0);
    const OperationRequest nop{};
    REQUIRE(pulled->post({&nop, 1}).kind == PrepareError::Kind::none);
  }
  rig.channel->issue();
  pulled->issue();
  REQUIRE(until(rig.engine, [&] { return pulled->stats().completed == 8; }));
  full_round(rig.engine);  // they are counted before they are shown
  REQUIRE(until(rig.engine, [&] { return sink.pushed.load() == 8; }));
  CHECK(sink.here.load() == 0);
  std::array<OperationCompletion, 8> done;
  CHECK(pulled->poll(done) == 8);
}

TEST_CASE("R8: neither bell nor poll ends the program, in whatever state the channel is") {
  Bell bell;
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand),
                   {.size = 8, .notify = bell.notify(), .on_error = ErrorPolicy::halt});
  std::array<OperationCompletion, 8> done;
  const auto poll_and_arm = [&] {
    (void)rig.channel->poll(done);
    (void)rig.channel->poll({});
    (void)rig.channel->arm();
    rig.engine.run(8);
    rig.channel->disarm();
    (void)rig.channel->poll(done);
  };
  poll_and_arm();  // empty
  for (int i = 0; i < 4; ++i) REQUIRE(rig.submit({}) != 0);
  poll_and_arm();  // submitted
  rig.channel->issue();
  REQUIRE(rig.channel->arm() == Armed::work_pending);
  rig.engine.run(8);
  REQUIRE(rig.channel->pause());
  poll_and_arm();  // paused
  REQUIRE(rig.channel->resume());
  REQUIRE(hand.held.size() == 4);
  hand.end(0, EIO);
  poll_and_arm();
  CHECK(rig.channel->halted());
  poll_and_arm();  // halted
  rig.channel->reset();
  rig.channel->terminate();
  poll_and_arm();  // terminated
  rig.channel->stop();
  REQUIRE(rig.submit({}) != 0);
  rig.channel->issue();
  poll_and_arm();  // stopped
  CHECK(rig.channel->free_slots() == 8);
  CHECK(bell.rung.load() >= 1);
}

TEST_CASE("R8: a refill of nothing posts nothing") {
  for (const OperationSetting& setting : kOperationSettings) {
    OperationRig rig(setting, make_copy_backend(), {.size = 8});
    CHECK(rig.channel->post({}).kind == PrepareError::Kind::none);
    CHECK(rig.channel->submit(rig.channel->prepare({}).prepared) == 0);
    rig.channel->issue();
    full_round(rig.engine);
    CHECK(rig.channel->in_flight() == 0);
    CHECK(rig.channel->stats().submitted == 0);
    CHECK(rig.channel->free_slots() == 8);
  }
  Rig rig({Medium::loopback, Placement::driven});
  CHECK(rig.rx->post({}).kind == PrepareError::Kind::none);
  rig.rx->issue();
  CHECK(rig.rx->in_flight() == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
