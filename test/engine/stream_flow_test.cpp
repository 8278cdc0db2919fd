// SPDX-License-Identifier: BSD-2-Clause
// The contract of pause() and resume() of a stream: nothing is reported in between, everything
// afterwards, once and in order, and nobody sleeps on work.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "long_run.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Pauses its channel from inside every `every`-th completion. Tokens are expected to count up.
struct PausingSink {
  std::uint64_t every = 0;  // 0: never
  StreamChannel* channel = nullptr;
  std::vector<Status> statuses;  // read when the engine rests
  std::atomic<std::uint64_t> heard{0};
  std::atomic<std::uint64_t> out_of_order{0};

  CompletionSink sink() {
    return {[](void* context, const Completion& done) noexcept {
              static_cast<PausingSink*>(context)->take(done);
            },
            this};
  }
  void take(const Completion& done) noexcept {
    const std::uint64_t count = heard.load();
    if (done.token != count) out_of_order.fetch_add(1);
    statuses.push_back(done.status);
    if (every != 0 && (count + 1) % every == 0) channel->pause();
    heard.store(count + 1);
  }
};

// A channel over a device that ends everything at once, and its sink.
struct Paused {
  Paused(Placement placement, QueueLayout layout, std::uint64_t every, unsigned window,
         OnClose on_close = OnClose::abort)
      : engine(EngineOptions{.placement = placement}) {
    sink.every = every;
    StreamOptions options{.size = 64, .sink = sink.sink(), .layout = layout};
    options.on_close = on_close;
    channel = engine.open_stream(
        options, std::make_unique<TestBackend>(log, Direction::memory_to_device, window));
    sink.channel = channel.get();
  }
  void post_and_issue(std::uint64_t count) {
    for (; count != 0; --count) {
      REQUIRE(post(*channel, bytes_of(text), posted++).kind == Kind::none);
    }
    channel->issue();
  }
  [[nodiscard]] bool hears(std::uint64_t count) {
    return until(engine, [&] { return sink.heard.load() >= count; });
  }

  BackendLog log;
  std::string text = "x";
  PausingSink sink;
  Engine engine;
  std::uint64_t posted = 0;
  std::unique_ptr<StreamChannel> channel;
};

template <class Test>
void everywhere(Test&& test) {
  for (const Placement placement : kPlacements) {
    for (const QueueLayout layout : kLayouts) {
      CAPTURE(describe(placement));
      CAPTURE(describe(layout));
      test(placement, layout);
    }
  }
}

TEST_CASE("the completion from inside which a sink pauses is the last until it is resumed") {
  everywhere([](Placement placement, QueueLayout layout) {
    for (const unsigned window : {1u, 2u, 7u, 64u}) {
      for (const std::uint64_t every : {1u, 3u, 5u, 48u}) {
        CAPTURE(window);
        CAPTURE(every);
        Paused rig(placement, layout, every, window);
        rig.post_and_issue(48);
        for (std::uint64_t heard = every; heard <= 48; heard += every) {
          REQUIRE(rig.hears(heard));
          for (int i = 0; i < 3; ++i) full_round(rig.engine);
          REQUIRE(rig.sink.heard.load() == heard);
          rig.channel->resume();
        }
        REQUIRE(rig.hears(48));
        CHECK(rig.sink.out_of_order.load() == 0);
        CHECK(rig.channel->stats().completed == 48);
        CHECK(rig.channel->stats().bad_done == 0);
      }
    }
  });
}

TEST_CASE("what a pause held back counts against the limit of the run that reports it") {
  for (const QueueLayout layout : kLayouts) {
    Paused rig(Placement::driven, layout, 2, 64);
    rig.post_and_issue(40);
    CHECK(rig.engine.run(64).completed == 2);
    rig.sink.every = 0;
    CHECK_FALSE(rig.engine.runnable());
    CHECK(rig.engine.run(64).completed == 0);
    rig.channel->resume();
    std::uint64_t heard = 2;
    for (const unsigned limit : {0u, 3u, 1u, 30u}) {
      CHECK(rig.engine.run(limit).completed == limit);
      CHECK(rig.sink.heard.load() == (heard += limit));
      CHECK(rig.engine.runnable());
    }
    CHECK(rig.engine.run(64).completed == 4);
    CHECK_FALSE(rig.engine.runnable());
    CHECK(rig.sink.out_of_order.load() == 0);
  }
}

TEST_CASE("a pause holds completions back from the used ring as from a sink") {
  for (const QueueLayout layout : kLayouts) {
    BackendLog log;
    BellCounter bell;
    Engine engine({});
    const auto channel =
        engine.open_stream({.size = 16, .notify = bell.notify(), .sink = {}, .layout = layout},
                           std::make_unique<TestBackend>(log));
    std::string text = "x";
    std::array<Completion, 16> done;
    const auto post_and_issue = [&](std::uint64_t first, std::uint64_t last) {
      for (std::uint64_t i = first; i < last; ++i) {
        REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
      }
      channel->issue();
    };
    post_and_issue(0, 4);
    CHECK(engine.run(64).completed == 4);
    channel->pause();
    post_and_issue(4, 12);
    CHECK(channel->arm() == Armed::work_pending);  // and for what can be started, too
    const RunResult paused = engine.run(64);
    CHECK(paused.completed == 0);
    CHECK_FALSE(paused.runnable);
    CHECK(log.started.load() == 12);
    CHECK(channel->poll(done) == 4);  // were there before
    CHECK(channel->arm() == Armed::armed);
    engine.run(64);
    CHECK(bell.rung.load() == 0);

    channel->resume();
    CHECK(engine.runnable());
    CHECK(channel->arm() == Armed::work_pending);
    CHECK(engine.run(64).completed == 8);
    CHECK(bell.rung.load() == 1);
    REQUIRE(channel->poll(done) == 8);
    for (std::uint64_t i = 0; i < 8; ++i) CHECK(done[i].token == 4 + i);
    CHECK(channel->arm() == Armed::armed);
  }
}

TEST_CASE("an owner does not sleep on what a pause held back behind a device that would block") {
  for (const QueueLayout layout : kLayouts) {
    PausingSink sink;
    sink.every = 2;
    Rig rig({Medium::loopback, Placement::driven, layout}, {.rx_sink = sink.sink()});
    sink.channel = rig.rx.get();
    std::string text = "x", room(16, '.');
    for (std::uint64_t i = 0; i < 16; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
      if (i < 5) REQUIRE(post(*rig.tx, bytes_of(text), i).kind == Kind::none);
    }
    rig.rx->issue();
    rig.tx->issue();
    std::array<Completion, 1> slots_only;
    rig.engine.run(64);  // all five are read, and the device would block
    for (std::uint64_t heard = 2; heard < 5; heard += 2) {
      CHECK(sink.heard.load() == heard);
      CHECK(rig.rx->poll(slots_only) == 0);
      CHECK(rig.rx->arm() == Armed::armed);
      CHECK_FALSE(rig.engine.runnable());
      rig.rx->resume();
      CHECK(rig.engine.runnable());
      CHECK(rig.rx->arm() == Armed::work_pending);
      rig.engine.run(64);
    }
    CHECK(sink.heard.load() == 5);
    CHECK(rig.rx->poll(slots_only) == 0);
    CHECK(rig.rx->arm() == Armed::armed);
    CHECK_FALSE(rig.engine.runnable());
  }
}

TEST_CASE("stop while paused: what has ended is reported as ended, then the rest is aborted") {
  everywhere([](Placement placement, QueueLayout layout) {
    Paused rig(placement, layout, 3, 8);
    rig.post_and_issue(24);
    REQUIRE(rig.hears(3));
    full_round(rig.engine);  // 8 were reaped, the back-end has 8 others, the ring 8 more
    REQUIRE(rig.sink.heard.load() == 3);
    rig.channel->stop();
    REQUIRE(rig.sink.heard.load() == 24);
    CHECK(rig.sink.out_of_order.load() == 0);
    for (std::size_t i = 0; i < 24; ++i) {
      CAPTURE(i);
      CHECK(rig.sink.statuses[i] == (i < 8    ? Status::ok
                                     : i < 16 ? Status::aborted
                                              : Status::not_attempted));
    }
    rig.channel->pause();  // holds back nothing any more
    rig.post_and_issue(4);
    REQUIRE(rig.hears(28));
    CHECK(rig.sink.statuses.back() == Status::not_attempted);
  });
}

TEST_CASE("a paused channel can be stopped and polled") {
  everywhere([](Placement placement, QueueLayout layout) {
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel =
        engine.open_stream({.size = 32, .notify = {}, .sink = {}, .layout = layout},
                           std::make_unique<TestBackend>(log));
    channel->pause();
    std::string text = "x";
    for (std::uint64_t i = 0; i < 24; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    }
    channel->issue();
    full_round(engine);
    std::array<Completion, 32> done;
    CHECK(channel->poll(done) == 0);
    channel->stop();
    REQUIRE(channel->poll(done) == 24);
    for (std::uint64_t i = 0; i < 24; ++i) {
      CHECK(done[i].token == i);
      CHECK(done[i].status == (i < 16 ? Status::aborted : Status::not_attempted));
    }
  });
}

TEST_CASE("closing does not wait for a channel that is paused, or that its sink pauses meanwhile") {
  everywhere([](Placement placement, QueueLayout layout) {
    for (const std::uint64_t every : {0u, 1u, 5u}) {
      CAPTURE(every);
      Paused rig(placement, layout, every, 8, OnClose::finish);
      if (every == 0) rig.channel->pause();
      rig.post_and_issue(20);
      rig.channel.reset();
      CHECK(rig.sink.heard.load() == 20);
      CHECK(rig.sink.out_of_order.load() == 0);
      CHECK(rig.engine.stats().closed == 1);
    }
  });
}

TEST_CASE("a pause before anything is posted holds, pauses are not counted, resume may be idle") {
  everywhere([](Placement placement, QueueLayout layout) {
    Paused rig(placement, layout, 0, 16);
    const std::uint64_t doorbells = rig.engine.stats().doorbells;
    rig.channel->resume();
    rig.channel->resume();
    CHECK(rig.engine.stats().doorbells == doorbells);
    rig.channel->pause();
    rig.channel->pause();
    rig.post_and_issue(4);
    for (int i = 0; i < 3; ++i) full_round(rig.engine);
    CHECK(rig.sink.heard.load() == 0);
    CHECK(rig.log.started.load() == 4);
    rig.channel->resume();
    REQUIRE(rig.hears(4));
    rig.post_and_issue(4);
    REQUIRE(rig.hears(8));
    CHECK(rig.sink.out_of_order.load() == 0);
  });
}

// Whether the engine's thread makes no more rounds: it is seen at rest twenty times in a row.
bool comes_to_rest(const Engine& engine) {
  const auto give_up = std::chrono::steady_clock::now() + kStuck;
  std::uint64_t before = engine.stats().runs;
  for (int rests = 0; rests < 20;) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint64_t now = engine.stats().runs;
    rests = now == before ? rests + 1 : 0;
    before = now;
  }
  return true;
}

// Accepts one transfer of several it is offered, whatever window it claims.
class StingyBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  unsigned start(std::span<const Op> ops) noexcept override {
    return held_.size() >= 4 ? 0 : TestBackend::start(ops.first(1));
  }
};

TEST_CASE("a paused engine sleeps, and one resume wakes it with one doorbell") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    for (const std::uint64_t posted : {4u, 40u}) {  // with room for more and without
      Paused rig(Placement::autonomous, layout, 3, 16);
      rig.post_and_issue(posted);
      for (std::uint64_t heard = 3; heard <= posted; heard += 3) {
        REQUIRE(rig.hears(heard));
        REQUIRE(comes_to_rest(rig.engine));
        CHECK(rig.sink.heard.load() == heard);
        const EngineStats before = rig.engine.stats();
        CHECK(before.waits != 0);
        rig.channel->resume();
        CHECK(rig.engine.stats().doorbells == before.doorbells + 1);
      }
      REQUIRE(rig.hears(posted));
    }
  }
}

TEST_CASE("a paused engine does not ask a back-end again that refused a transfer") {
  BackendLog log;
  PausingSink sink;
  Engine engine({.placement = Placement::autonomous});
  const auto channel =
      engine.open_stream({.size = 64, .sink = sink.sink()}, std::make_unique<StingyBackend>(log));
  channel->pause();
  std::string text = "x";
  for (std::uint64_t i = 0; i < 16; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  }
  channel->issue();
  CHECK(comes_to_rest(engine));
  CHECK(sink.heard.load() == 0);
  channel->resume();
  CHECK(until(engine, [&] { return sink.heard.load() == 16; }));
  CHECK(sink.out_of_order.load() == 0);
}

TEST_CASE("paused and resumed at random by sink and owner, a driven engine reports by the book") {
  const std::uint64_t seed = ring::test::announce_seed("pauses", 1);
  CAPTURE(seed);
  struct Model {
    std::mt19937_64 random;
    StreamChannel* channel = nullptr;
    std::uint64_t heard = 0;
    std::uint64_t wrong = 0;
    bool paused = false;
    void take(const Completion& done) noexcept {
      if (paused || done.token != heard || done.status != Status::ok) ++wrong;
      ++heard;
      if (random() % 16 == 0) pause();
    }
    void pause() noexcept {
      channel->pause();
      paused = true;
    }
  };
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    Model model;
    model.random.seed(seed);
    const CompletionSink sink{[](void* context, const Completion& done) noexcept {
                                static_cast<Model*>(context)->take(done);
                              },
                              &model};
    Rig rig({Medium::loopback, Placement::driven, layout}, {.size = 64, .rx_sink = sink});
    model.channel = rig.rx.get();
    std::string text = "x", room(1, '.');
    std::array<Completion, 64> done;
    const std::uint64_t wanted = scaled(long_run() ? 1'000'000 : 100'000);
    std::uint64_t rx_posted = 0, turns = 0;
    for (; model.heard < wanted && turns < 100 * wanted; ++turns) {
      const std::uint64_t bits = model.random();
      for (std::uint64_t left = bits % 8; left != 0; --left) {
        if (post(*rig.rx, bytes_of(room), rx_posted).kind == Kind::none) ++rx_posted;
        (void)post(*rig.tx, bytes_of(text), 0);
      }
      rig.rx->issue();
      rig.tx->issue();
      if ((bits >> 8) % 16 == 0) model.pause();
      if ((bits >> 16) % 4 == 0) {
        model.paused = false;
        rig.rx->resume();
        if ((bits >> 24) % 2 == 0) rig.engine.retry_blocked();
      }
      const std::uint64_t before = model.heard;
      rig.engine.run(static_cast<unsigned>((bits >> 32) % 40));
      if (model.heard - before > (bits >> 32) % 40) ++model.wrong;
      // Who is told that there is nothing to do does not sleep on a completion.
      if (!rig.engine.runnable()) {
        const std::uint64_t asleep = model.heard;
        rig.engine.run(64);
        if (model.heard != asleep) ++model.wrong;
      }
      (void)rig.tx->poll(done);
      if (rig.tx->in_flight() == 0) rig.engine.retry_blocked();
    }
    CHECK(model.heard >= wanted);
    CHECK(model.wrong == 0);
  }
}

TEST_CASE("another thread than the owner of a driven engine may pause and resume") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    Paused rig(Placement::driven, layout, 7, 16);
    std::atomic<bool> over{false};
    std::thread other([&] {
      while (!over.load()) {
        rig.channel->pause();
        rig.channel->resume();
        std::this_thread::yield();
      }
      rig.channel->resume();
    });
    const std::uint64_t wanted = scaled(100'000);
    bool heard = true;
    while (rig.posted < wanted && heard) {
      rig.post_and_issue(16);
      heard = rig.hears(rig.posted);
    }
    over.store(true);
    other.join();
    CHECK(heard);
    CHECK(rig.sink.out_of_order.load() == 0);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
