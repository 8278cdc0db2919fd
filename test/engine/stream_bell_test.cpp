// SPDX-License-Identifier: BSD-2-Clause
// The contract of the bell: rung once when armed, silent otherwise, and arm() never lets one sleep
// on work.
#include <doctest/doctest.h>

#include <array>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// A channel whose transfers end at once, and its bell.
struct Belfry {
  explicit Belfry(Placement placement, std::uint32_t size = 64)
      : engine({.placement = placement}),
        channel(engine.open_stream({.size = size, .notify = bell.notify()},
                                   std::make_unique<TestBackend>(log))) {}

  // Issues `count` transfers and returns when they have completed; polls none of them.
  [[nodiscard]] bool complete(unsigned count) {
    const std::uint64_t goal = channel->stats().completed + count;
    for (unsigned i = 0; i < count; ++i) {
      if (post(*channel, bytes_of(text), i).kind != Kind::none) return false;
    }
    channel->issue();
    if (!until(engine, [&] { return channel->stats().completed == goal; })) return false;
    full_round(engine);  // the bell is rung after the completion was counted
    return true;
  }

  void drain() {
    std::array<Completion, 64> done;
    while (channel->poll(done) != 0) {
    }
  }

  std::string text = "x";
  BackendLog log;
  BellCounter bell;
  Engine engine;
  std::unique_ptr<StreamChannel> channel;
};

TEST_CASE("S4.5: any number of completions while armed rings the bell exactly once") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Belfry belfry(placement);
    for (unsigned count = 1; count <= 64; ++count) {
      REQUIRE(belfry.channel->arm() == Armed::armed);
      REQUIRE(belfry.complete(count));
      CHECK(belfry.bell.rung.load() == count);
      CHECK(belfry.channel->stats().notifies == count);
      belfry.drain();
    }
  }
}

TEST_CASE("S4.5: the bell rings over both back-ends, for the receiver and for the sender") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    BellCounter tx_bell, rx_bell;
    Rig rig(setting, {.tx_bell = tx_bell.notify(), .rx_bell = rx_bell.notify()});
    std::string text = "12345", room = ".....";
    for (std::size_t i = 0; i < 5; ++i) {
      REQUIRE(post(*rig.rx, bytes_of(room).subspan(i, 1), i).kind == Kind::none);
      REQUIRE(post(*rig.tx, bytes_of(text).subspan(i, 1), i).kind == Kind::none);
    }
    rig.rx->issue();
    full_round(rig.engine);  // the driven receiver meets its empty medium
    REQUIRE(rig.tx->arm() == Armed::armed);
    REQUIRE(rig.rx->arm() == Armed::armed);
    rig.tx->issue();
    CHECK(until(rig.engine, [&] { return rig.rx->stats().completed == 5; }));
    full_round(rig.engine);
    CHECK(tx_bell.rung.load() == 1);
    CHECK(rx_bell.rung.load() == 1);
  }
}

TEST_CASE(
    "S4.5: a bell that has rung is silent until armed again, past every wrap of the ring's index") {
  for (const Placement placement : kPlacements) {
    for (const bool rings_first : {true, false}) {
      CAPTURE(describe(placement));
      CAPTURE(rings_first);
      Belfry belfry(placement);
      if (rings_first) {
        REQUIRE(belfry.channel->arm() == Armed::armed);
        REQUIRE(belfry.complete(1));
      }
      const std::uint64_t before = belfry.bell.rung.load();
      CHECK(before == (rings_first ? 1 : 0));
      // Uneven batches, so that the index meets every old event word from several sides.
      const std::uint64_t goal = 3 * 65536 + 1000;
      std::uint64_t posted = 0;
      const auto completed = [&] { return belfry.channel->stats().completed; };
      const auto some_more = [&] {
        for (std::uint64_t i = 0; i < 1 + posted % 37; ++i) {
          if (post(*belfry.channel, bytes_of(belfry.text), posted).kind == Kind::none) ++posted;
        }
        belfry.channel->issue();
        belfry.drain();
        return completed() > goal;
      };
      CHECK(until(belfry.engine, some_more, completed));
      CHECK(belfry.bell.rung.load() == before);
    }
  }
}

TEST_CASE("arm answers work_pending when something has completed, and does not take it") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Belfry belfry(placement);
    REQUIRE(belfry.complete(3));
    for (int i = 0; i < 3; ++i) CHECK(belfry.channel->arm() == Armed::work_pending);
    std::array<Completion, 2> two;
    CHECK(belfry.channel->poll(two) == 2);
    CHECK(belfry.channel->arm() == Armed::work_pending);
    CHECK(belfry.channel->poll(two) == 1);
    CHECK(belfry.channel->arm() == Armed::armed);
    CHECK(belfry.bell.rung.load() == 0);
  }
}

TEST_CASE("S4.1: arming and disarming move nothing, and moving does not depend on them") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    BellCounter bell;
    Rig rig(setting, {.rx_bell = bell.notify()});
    std::string text = "x", room = ".";
    REQUIRE(post(*rig.tx, bytes_of(text), 1).kind == Kind::none);
    REQUIRE(post(*rig.rx, bytes_of(room), 1).kind == Kind::none);
    rig.rx->issue();
    for (int i = 0; i < 100; ++i) {
      (void)rig.tx->arm();
      (void)rig.rx->arm();
      rig.tx->disarm();
      rig.rx->disarm();
      if (i % 10 == 0) full_round(rig.engine);
    }
    CHECK(rig.tx->stats().completed == 0);
    CHECK(room == ".");
    rig.tx->issue();  // disarmed: it moves all the same
    CHECK(collect(rig.engine, *rig.rx, 1).size() == 1);
    CHECK(bell.rung.load() == 0);
  }
}

TEST_CASE("S4.1: poll works armed and disarmed, and a poll does not disarm") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Belfry belfry(placement);
    std::array<Completion, 4> done;
    REQUIRE(belfry.channel->arm() == Armed::armed);
    CHECK(belfry.channel->poll(done) == 0);
    REQUIRE(belfry.complete(1));
    CHECK(belfry.bell.rung.load() == 1);
    CHECK(belfry.channel->poll(done) == 1);
    REQUIRE(belfry.complete(1));
    CHECK(belfry.channel->poll(done) == 1);
    CHECK(belfry.bell.rung.load() == 1);
  }
}

TEST_CASE("disarm takes arm back") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Belfry belfry(placement);
    REQUIRE(belfry.channel->arm() == Armed::armed);
    belfry.channel->disarm();
    REQUIRE(belfry.complete(5));
    CHECK(belfry.bell.rung.load() == 0);
  }
}

TEST_CASE("on a driven engine, arm answers work_pending unless the last run ended in would-block") {
  std::string text = "x", room = "....";
  SUBCASE("nothing is issued: there is nothing to wait for") {
    Belfry belfry(Placement::driven);
    CHECK(belfry.channel->arm() == Armed::armed);
    REQUIRE(post(*belfry.channel, bytes_of(text), 1).kind == Kind::none);
    CHECK(belfry.channel->arm() == Armed::armed);  // submitted is not issued
  }
  SUBCASE("issued and no run since: nobody else would run it") {
    Belfry belfry(Placement::driven);
    REQUIRE(post(*belfry.channel, bytes_of(text), 1).kind == Kind::none);
    belfry.channel->issue();
    CHECK(belfry.channel->arm() == Armed::work_pending);
    CHECK(belfry.channel->stats().completed == 0);
  }
  SUBCASE("the run stopped at its limit") {
    Belfry belfry(Placement::driven);
    for (std::uint64_t i = 0; i < 3; ++i) {
      REQUIRE(post(*belfry.channel, bytes_of(text), i).kind == Kind::none);
    }
    belfry.channel->issue();
    CHECK(belfry.engine.run(2).runnable);
    belfry.drain();
    CHECK(belfry.channel->arm() == Armed::work_pending);
    CHECK_FALSE(belfry.engine.run(2).runnable);
    belfry.drain();
    CHECK(belfry.channel->arm() == Armed::armed);
  }
  SUBCASE("would-block, and then the device may go on") {
    for (const Medium medium : {Medium::seqpacket, Medium::datagram, Medium::loopback}) {
      Rig rig({medium, Placement::driven});
      REQUIRE(post(*rig.rx, bytes_of(room), 1).kind == Kind::none);
      rig.rx->issue();
      CHECK(rig.rx->arm() == Armed::work_pending);
      rig.engine.run(64);
      CHECK(rig.rx->arm() == Armed::armed);
      for (std::size_t i = 0; i < rig.engine.wait_sources().size(); ++i) {
        rig.engine.source_ready(i);
      }
      CHECK(rig.rx->arm() == Armed::work_pending);
      rig.engine.run(64);
      CHECK(rig.rx->arm() == Armed::armed);
      rig.engine.retry_blocked();
      CHECK(rig.rx->arm() == Armed::work_pending);
      rig.engine.run(64);
      // A buffer more for a device that has none to fill does not keep the owner awake.
      REQUIRE(post(*rig.rx, bytes_of(room), 2).kind == Kind::none);
      rig.rx->issue();
      CHECK(rig.rx->arm() == Armed::armed);
    }
  }
  SUBCASE("stopped, and issued since") {
    Belfry belfry(Placement::driven);
    belfry.channel->stop();
    CHECK(belfry.channel->arm() == Armed::armed);
    REQUIRE(post(*belfry.channel, bytes_of(text), 1).kind == Kind::none);
    belfry.channel->issue();
    CHECK(belfry.channel->arm() == Armed::work_pending);
    CHECK(belfry.engine.runnable());
    CHECK(belfry.engine.run(64).completed == 1);
  }
}

// Fails everything it is given.
class FailingBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    const Reaped reaped = TestBackend::reap(done.first(1));
    for (Done& each : done.first(reaped.count)) each = {each.id, 0, 5, false};
    return reaped;
  }
};

TEST_CASE("the bell rings for a failed transfer and for one that is stopped, as for any other") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    BellCounter bell;
    std::string text = "x";
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({.size = 8, .notify = bell.notify()},
                                            std::make_unique<FailingBackend>(log));
    REQUIRE(channel->arm() == Armed::armed);
    REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
    channel->issue();
    REQUIRE(until(engine, [&] { return bell.rung.load() == 1; }));
    CHECK(collect(engine, *channel, 1).at(0).error == 5);

    log.gate = false;
    REQUIRE(post(*channel, bytes_of(text), 2).kind == Kind::none);
    channel->issue();
    REQUIRE(until(engine, [&] { return log.started.load() == 2; }));
    full_round(engine);
    REQUIRE(channel->arm() == Armed::armed);
    channel->stop();
    CHECK(bell.rung.load() == 2);
    CHECK(collect(engine, *channel, 1).at(0).status == Status::aborted);
  }
}

TEST_CASE("a channel without a bell can be armed and polled") {
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
  std::string text = "x";
  CHECK(channel->arm() == Armed::armed);
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  CHECK(collect(engine, *channel, 1).size() == 1);
  CHECK(channel->stats().notifies == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
