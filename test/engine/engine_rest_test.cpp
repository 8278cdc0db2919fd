// SPDX-License-Identifier: BSD-2-Clause
// What a driven engine passes over: channels that have nothing to do, until somebody says
// otherwise.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rig.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

struct Calls {
  std::uint64_t count = 0;
};

// Counts what it is asked on the way.
class AskedBackend final : public TestBackend {
 public:
  AskedBackend(BackendLog& log, Calls& calls, unsigned window = 16)
      : TestBackend(log, Direction::memory_to_device, window), calls_(calls) {}
  [[nodiscard]] unsigned window() const noexcept override {
    ++calls_.count;
    return TestBackend::window();
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    ++calls_.count;
    return TestBackend::start(ops);
  }
  Reaped reap(std::span<Done> done) noexcept override {
    ++calls_.count;
    return TestBackend::reap(done);
  }

 private:
  Calls& calls_;
};

struct Rested {
  explicit Rested(unsigned window = 16)
      : channel(
            engine.open_stream({.size = 8}, std::make_unique<AskedBackend>(log, calls, window))) {}

  void issue(unsigned transfers) {
    for (unsigned i = 0; i < transfers; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    }
    channel->issue();
  }

  // Calls of the back-end in many runs, once the engine has seen what there is.
  std::uint64_t asked() {
    engine.run(64);
    engine.run(64);
    const std::uint64_t before = calls.count;
    for (int i = 0; i < 100; ++i) CHECK(engine.run(64).completed == 0);
    CHECK_FALSE(engine.runnable());
    return calls.count - before;
  }

  unsigned ended() { return channel->poll(done); }

  BackendLog log;
  Calls calls;
  Engine engine{{.placement = Placement::driven}};
  std::unique_ptr<StreamChannel> channel;
  std::string text = "x";
  std::array<Completion, 8> done;
};

TEST_CASE("a driven engine asks nothing of a back-end that has nothing, and goes on when it has") {
  Rested rested;
  for (int i = 0; i < 10; ++i) {
    CHECK(rested.asked() == 0);
    rested.issue(3);
    CHECK(rested.engine.run(64).completed == 3);
    CHECK(rested.ended() == 3);
  }
}

TEST_CASE(
    "a driven engine asks nothing of a back-end that is blocked, and goes on when it is not") {
  for (const unsigned window : {1U, 3U, 16U}) {
    CAPTURE(window);
    Rested rested(window);
    for (int i = 0; i < 10; ++i) {
      rested.log.gate = false;
      rested.issue(3);
      CHECK(rested.asked() == 0);
      rested.log.gate = true;
      CHECK(rested.asked() == 0);  // nobody has said so yet
      rested.engine.retry_blocked();
      unsigned completed = 0;
      for (int run = 0; run < 3; ++run) completed += rested.engine.run(64).completed;
      CHECK(completed == 3);
      CHECK(rested.ended() == 3);
    }
  }
}

TEST_CASE("what is issued on a blocked channel of a driven engine is started") {
  Rested rested;
  rested.log.gate = false;
  rested.issue(2);
  CHECK(rested.asked() == 0);
  rested.issue(3);
  rested.engine.run(64);
  CHECK(rested.log.started == 5);
  CHECK(rested.asked() == 0);
}

TEST_CASE("a channel that rests can be stopped, paused and closed") {
  Rested rested;
  rested.log.gate = false;
  rested.issue(2);
  CHECK(rested.asked() == 0);
  rested.channel->pause();
  rested.issue(1);
  CHECK(rested.engine.run(64).completed == 0);
  rested.log.gate = true;
  rested.engine.retry_blocked();
  CHECK(rested.engine.run(64).completed == 0);
  rested.channel->resume();
  CHECK(rested.engine.run(64).completed == 3);
  CHECK(rested.ended() == 3);
  CHECK(rested.asked() == 0);
  rested.channel->stop();
  CHECK(rested.log.stops == 1);
  rested.issue(1);
  CHECK(rested.engine.run(64).completed == 1);
  REQUIRE(rested.ended() == 1);
  CHECK(rested.done[0].status == Status::not_attempted);
}

}  // namespace
}  // namespace bellpull::engine::test
