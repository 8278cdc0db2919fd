// SPDX-License-Identifier: BSD-2-Clause
// A turn for one channel, out of the round of its engine.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "rig.hpp"
#include "stream_queue_rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

TEST_CASE("a turn begins and ends what this channel issued, within its limit, and no other's") {
  for (const QueueLayout layout : kLayouts) {
    CAPTURE(describe(layout));
    BackendLog log, other_log;
    int rings = 0;
    const Notify bell{[](void* context) noexcept { ++*static_cast<int*>(context); }, &rings};
    Engine engine({});
    const auto channel = engine.open_stream({.size = 8, .notify = bell, .layout = layout},
                                            std::make_unique<TestBackend>(log));
    const auto other = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(other_log));
    std::string text = "x";
    for (std::uint64_t i = 0; i < 3; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
      REQUIRE(post(*other, bytes_of(text), i).kind == Kind::none);
    }
    other->issue();
    CHECK(channel->run(8) == 0);  // submitted is not issued
    CHECK(log.started.load() == 0);

    REQUIRE(channel->arm() == Armed::armed);
    channel->issue();
    CHECK(channel->run(0) == 0);
    CHECK(rings == 0);
    CHECK(channel->run(1) == 1);
    CHECK(rings == 1);
    std::array<Completion, 8> done;
    CHECK(channel->poll(done) == 1);
    CHECK(done[0].token == 0);
    CHECK(channel->run(8) == 2);
    CHECK(channel->poll(done) == 2);
    CHECK(channel->run(8) == 0);
    CHECK(other_log.started.load() == 0);
    CHECK(engine.stats().runs == 0);
    CHECK(engine.run(8).completed == 3);
    CHECK(other->poll(done) == 3);
  }
}

TEST_CASE("a turn that ends in would-block leaves the rest for when the device can go on") {
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  log.gate = false;
  CHECK(channel->run(1) == 0);
  log.gate = true;
  CHECK(channel->run(1) == 0);  // blocked until something says otherwise
  CHECK_FALSE(engine.runnable());
  engine.retry_blocked();
  CHECK(channel->run(1) == 1);
}

// Asks for a turn of `channel` each time that it hears of an end, but not without end.
struct AskingSink {
  CompletionSink sink() {
    return {
        [](void* context, const Completion&) noexcept { static_cast<AskingSink*>(context)->ask(); },
        this};
  }
  void ask() {
    if (++heard < 1000 && channel->run(8)) ++given;
  }
  Channel* channel = nullptr;
  unsigned heard = 0;
  unsigned given = 0;
};

TEST_CASE(
    "a sink is given no turn, whether a round or a turn called it, and nothing is heard twice") {
  BackendLog log, other_log;
  AskingSink asking;
  Engine engine({});
  const auto channel =
      engine.open_stream({.size = 8, .sink = asking.sink()}, std::make_unique<TestBackend>(log));
  const auto other = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(other_log));
  std::string text = "x";
  const auto issue = [&](StreamChannel& which) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      REQUIRE(post(which, bytes_of(text), i).kind == Kind::none);
    }
    which.issue();
  };

  asking.channel = channel.get();  // that whose turn it is
  issue(*channel);
  CHECK(engine.run(8).completed == 3);
  CHECK(asking.heard == 3);
  issue(*channel);
  CHECK(channel->run(8) == 3);
  CHECK(asking.heard == 6);

  asking.channel = other.get();
  issue(*other);
  issue(*channel);
  CHECK(channel->run(8) == 3);
  CHECK(asking.heard == 9);
  CHECK(other_log.started.load() == 0);
  CHECK(other->run(8) == 3);  // afterwards it may
  CHECK(asking.given == 0);
}

TEST_CASE("a sink is given no turn either while its channel is stopped") {
  BackendLog log;
  AskingSink asking;
  Engine engine({});
  const auto channel =
      engine.open_stream({.size = 64, .sink = asking.sink()}, std::make_unique<TestBackend>(log));
  asking.channel = channel.get();
  std::string text = "x";
  for (std::uint64_t i = 0; i < 64; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  }
  channel->issue();
  channel->stop();
  CHECK(asking.heard == 64);
  CHECK(asking.given == 0);
  std::array<Completion, 1> none;
  CHECK(channel->poll(none) == 0);
  CHECK(channel->in_flight() == 0);
}

TEST_CASE("nor while what an operation channel was to do is terminated") {
  AskingSink asking;
  Engine engine({});
  const auto channel =
      engine.open_operations({.size = 8,
                              .sink = {[](void* context, const OperationCompletion&) noexcept {
                                         static_cast<AskingSink*>(context)->ask();
                                       },
                                       &asking}},
                             make_copy_backend());
  asking.channel = channel.get();
  const std::array<OperationRequest, 4> nops{};
  REQUIRE(channel->post(nops).kind == Kind::none);
  channel->issue();
  channel->terminate();
  channel->synchronize();
  CHECK(asking.heard == 4);
  CHECK(asking.given == 0);
  CHECK(channel->stats().completed == 4);
}

TEST_CASE("an autonomous engine gives its channels their turns itself") {
  BackendLog log;
  Engine engine({.placement = Placement::autonomous});
  const auto channel = engine.open_stream({.size = 8}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  CHECK_FALSE(channel->run(8).has_value());
  std::array<Completion, 8> done;
  CHECK(until(
      engine, [&] { return channel->poll(done) == 1; }, [&] { return log.reaped.load(); }));
  CHECK(log.foreign_calls.load() == 0);
}

TEST_CASE_TEMPLATE("a bare ring is given turns as a channel is", Layout, ring::Split,
                   ring::Packed) {
  BackendLog log;
  Engine engine({});
  BareQueue<Layout> queue(engine, 8, std::make_unique<TestBackend>(log));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 3; ++i) queue.post({bytes_of(text)}, i);
  queue.publish();
  CHECK(queue.queue->run(1) == 1);
  CHECK(queue.poll().size() == 1);
  CHECK(queue.queue->run(8) == 2);
  CHECK(queue.poll().size() == 2);
  CHECK(engine.stats().runs == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
