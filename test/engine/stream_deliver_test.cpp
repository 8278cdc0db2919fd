// SPDX-License-Identifier: BSD-2-Clause
// deliver() hands over what poll() would return: the same completions, in the same order, never
// more than asked for.
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Keeps what is handed to it.
struct Keeper {
  std::vector<Completion> kept;
  CompletionSink to() {
    return {[](void* context, const Completion& done) noexcept {
              static_cast<Keeper*>(context)->kept.push_back(done);
            },
            this};
  }
};

// Fails every third transfer half-way.
class FailingBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped = TestBackend::reap(done.first(1));
    if (reaped.count == 1 && ++count_ % 3 == 0) {
      done[0].bytes /= 2;
      done[0].error = EIO;
    }
    return reaped;
  }

 private:
  std::uint64_t count_ = 0;
};

bool same(const Completion& a, const Completion& b) {
  return a.token == b.token && a.cookie == b.cookie && a.bytes == b.bytes && a.status == b.status &&
         a.error == b.error;
}

TEST_CASE("deliver hands over what poll returns, in the same order, at most as many as asked for") {
  const std::uint64_t seed = ring::test::announce_seed("limits", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    BackendLog polled_log, delivered_log;
    Engine engine({});
    StreamOptions options{.size = 32, .layout = layout};
    options.first_cookie = 1000;
    const auto polled = engine.open_stream(options, std::make_unique<FailingBackend>(polled_log));
    const auto delivered =
        engine.open_stream(options, std::make_unique<FailingBackend>(delivered_log));
    std::string text(64, 'x');
    Keeper keeper;
    std::uint64_t posted = 0;
    std::array<Completion, 32> done;
    const auto compare = [&](unsigned limit) {
      keeper.kept.clear();
      const unsigned count = polled->poll(std::span(done).first(limit));
      REQUIRE(delivered->deliver(limit, keeper.to()) == count);
      REQUIRE(keeper.kept.size() == count);
      for (unsigned i = 0; i < count; ++i) REQUIRE(same(done[i], keeper.kept[i]));
      REQUIRE(delivered->in_flight() == polled->in_flight());
      REQUIRE(delivered->free_slots() == polled->free_slots());
    };
    for (std::uint64_t round = 0; round < scaled(5'000); ++round) {
      for (std::uint64_t left = random() % 8; left != 0; --left) {
        const auto memory = bytes_of(text).first(1 + random() % text.size());
        const Kind kind = post(*polled, memory, posted).kind;
        REQUIRE(post(*delivered, memory, posted).kind == kind);
        if (kind == Kind::none) ++posted;
      }
      polled->issue();
      delivered->issue();
      engine.run(static_cast<unsigned>(random() % 8));
      compare(static_cast<unsigned>(random() % 10));
    }
    polled->stop();  // some are aborted, some not attempted
    delivered->stop();
    while (polled->in_flight() != 0) compare(5);
    CHECK(posted > scaled(3'000));
  }
}

TEST_CASE("a limit of 0 delivers nothing and changes nothing") {
  for (const QueueLayout layout : kLayouts) {
    BackendLog log;
    Engine engine({});
    const auto channel = engine.open_stream({.size = 8, .notify = {}, .sink = {}, .layout = layout},
                                            std::make_unique<TestBackend>(log));
    Keeper keeper;
    std::string text = "x";
    REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
    channel->issue();
    CHECK(channel->deliver(8, keeper.to()) == 0);
    engine.run(64);
    CHECK(channel->deliver(0, keeper.to()) == 0);
    CHECK(keeper.kept.empty());
    CHECK(channel->in_flight() == 1);
    CHECK(channel->deliver(8, keeper.to()) == 1);
    CHECK(channel->deliver(8, keeper.to()) == 0);
    CHECK(keeper.kept.size() == 1);
  }
}

TEST_CASE("with a push sink deliver has nothing to hand over and takes the slots back") {
  Keeper pushed, keeper;
  BackendLog log;
  Engine engine({});
  const auto channel =
      engine.open_stream({.size = 4, .sink = pushed.to()}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  engine.run(64);
  CHECK(channel->free_slots() == 3);
  CHECK(channel->deliver(4, keeper.to()) == 0);
  CHECK(channel->free_slots() == 4);
  CHECK(keeper.kept.empty());
  CHECK(pushed.kept.size() == 1);
}

// Puts a transfer back for each that it gets, and lets an autonomous engine end it there and then.
struct Reposter {
  Engine& engine;
  StreamChannel& channel;
  std::string text = "x";
  std::uint64_t call = 0;  // of deliver(); the token of what is posted meanwhile
  std::uint64_t heard = 0;
  std::uint64_t wrong = 0;

  CompletionSink to() {
    return {[](void* context, const Completion& done) noexcept {
              static_cast<Reposter*>(context)->take(done);
            },
            this};
  }
  void take(const Completion& done) noexcept {
    ++heard;
    if (done.token >= call) ++wrong;
    const std::uint64_t ended = channel.stats().completed;
    if (post(channel, bytes_of(text), call).kind != Kind::none) ++wrong;
    channel.issue();
    if (engine.placement() == Placement::driven) return;
    while (channel.stats().completed == ended) std::this_thread::yield();
    for (int i = 0; i < 20; ++i) std::this_thread::yield();  // it is counted before it is shown
  }
};

TEST_CASE("what is posted from inside of deliver does not extend the call") {
  for (const Placement placement : kPlacements) {
    for (const QueueLayout layout : kLayouts) {
      CAPTURE(describe(placement));
      CAPTURE(describe(layout));
      BackendLog log;
      Engine engine({.placement = placement});
      const auto channel =
          engine.open_stream({.size = 16, .notify = {}, .sink = {}, .layout = layout},
                             std::make_unique<TestBackend>(log));
      Reposter reposter{engine, *channel};
      for (int i = 0; i < 6; ++i) {
        REQUIRE(post(*channel, bytes_of(reposter.text), 0).kind == Kind::none);
      }
      channel->issue();
      std::uint64_t ended = 6;
      for (; reposter.call < scaled(1'000); ended += 6) {
        REQUIRE(until(engine, [&] { return channel->stats().completed == ended; }));
        full_round(engine);
        ++reposter.call;
        REQUIRE(channel->deliver(4, reposter.to()) == 4);
        ++reposter.call;
        // The two that are left, and the four that were posted before.
        REQUIRE(until(engine, [&] { return channel->stats().completed == ended + 4; }));
        full_round(engine);
        REQUIRE(channel->deliver(2, reposter.to()) == 2);
        REQUIRE(channel->in_flight() == 6);
      }
      REQUIRE(until(engine, [&] { return channel->stats().completed == ended; }));
      full_round(engine);
      ++reposter.call;
      CHECK(channel->deliver(100, reposter.to()) == 6);
      CHECK(reposter.wrong == 0);
    }
  }
}

TEST_CASE("who waits for slots hears of them from deliver as from poll") {
  BackendLog log;
  BellCounter space;
  Keeper keeper;
  Engine engine({});
  const auto channel = engine.open_stream({.size = 4}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 4; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  }
  channel->issue();
  engine.run(64);
  REQUIRE(channel->notify_space(3, space.notify()));
  CHECK(channel->deliver(2, keeper.to()) == 2);
  CHECK(space.rung.load() == 0);
  CHECK(channel->deliver(2, keeper.to()) == 2);
  CHECK(space.rung.load() == 1);
}

}  // namespace
}  // namespace bellpull::engine::test
