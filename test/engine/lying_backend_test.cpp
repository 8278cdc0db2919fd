// SPDX-License-Identifier: BSD-2-Clause
// A back-end that does not keep its contract costs transfers at most; it never confuses the core.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

// Reports ids of its own making before each honest report.
class GarbageBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    constexpr std::uint64_t kNonsense[] = {0,        1,      7,           8,
                                           0x8000,   0xffff, 0x18007,     0x1ffff,
                                           1u << 20, ~0ull,  ~0ull << 16, 0x7fff'ffff'ffff'ffff};
    const std::size_t lies = std::min(done.size() - 1, std::size(kNonsense));
    for (std::size_t i = 0; i < lies; ++i) done[i] = {kNonsense[i], 1, 0, false};
    const Reaped honest = TestBackend::reap(done.subspan(lies));
    return {static_cast<unsigned>(lies) + honest.count, honest.would_block};
  }
};

// Ends one transfer at a time and reports old ones along with it, whose slots have long been used
// anew by transfers that are still under way.
class RepeatingBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped = TestBackend::reap(done.first(1));
    if (reaped.count == 0) return reaped;
    past_[next_++ % past_.size()] = done[0];
    for (const Done& old : past_) {
      if (reaped.count < done.size()) done[reaped.count++] = old;
    }
    return reaped;
  }

 private:
  std::array<Done, 32> past_{};
  std::size_t next_ = 0;
};

// Accepts one transfer less than it is offered, down to one, and claims a window without end.
class PickyBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  [[nodiscard]] unsigned window() const noexcept override { return ~0u; }
  unsigned start(std::span<const Op> ops) noexcept override {
    return TestBackend::start(ops.first(std::max<std::size_t>(1, ops.size() - 1)));
  }
};

// Says that it accepted and that it reported more than there was.
class BoastingBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  unsigned start(std::span<const Op> ops) noexcept override {
    return TestBackend::start(ops) + 1000;
  }
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped = TestBackend::reap(done);
    reaped.count += 1000;
    return reaped;
  }
};

// Accepts one transfer and reports that it finished all it was offered.
class EagerBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  unsigned start(std::span<const Op> ops) noexcept override {
    refused_.assign(ops.begin() + 1, ops.end());
    return TestBackend::start(ops.first(1));
  }
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped = TestBackend::reap(done.first(1));
    for (const Op& op : refused_) {
      if (reaped.count < done.size()) done[reaped.count++] = finished(op);
    }
    return reaped;
  }

 private:
  std::vector<Op> refused_;
};

// Says that it is blocked as soon as it has nothing left to do.
class DrowsyBackend final : public TestBackend {
 public:
  using TestBackend::TestBackend;
  Reaped reap(std::span<Done> done) noexcept override {
    return {TestBackend::reap(done).count, held_.empty()};
  }
};

// Sends tokens through a channel over Liar; true when each came back exactly once and in order.
template <class Liar>
std::uint64_t survive(Placement placement) {
  BackendLog log;
  Engine engine({.placement = placement});
  const auto channel = engine.open_stream({.size = 8}, std::make_unique<Liar>(log));
  std::string text = "x";
  std::uint64_t posted = 0, polled = 0;
  bool exact = true;
  const auto some_more = [&] {
    while (posted < 5000 && post(*channel, bytes_of(text), posted).kind == Kind::none) ++posted;
    channel->issue();
    std::array<Completion, 8> done;
    const unsigned count = channel->poll(done);
    for (unsigned i = 0; i < count; ++i) exact = exact && done[i].token == polled++;
    return !exact || polled == 5000;
  };
  CHECK(until(engine, some_more, [&] { return polled; }));
  CHECK(exact);
  CHECK(channel->in_flight() == 0);
  CHECK(channel->free_slots() == 8);
  CHECK(channel->stats().completed == 5000);
  full_round(engine);
  return channel->stats().bad_done;
}

TEST_CASE("ids that name no transfer are counted as bad_done and change nothing") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    CHECK(survive<GarbageBackend>(placement) >= 5000);
  }
}

TEST_CASE(
    "S2.26: a transfer that is reported again is bad_done, also when its slot has a new one") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    CHECK(survive<RepeatingBackend>(placement) > 0);
  }
}

TEST_CASE(
    "a back-end may accept fewer transfers than it is offered: the others are offered again") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    CHECK(survive<PickyBackend>(placement) == 0);
  }
}

TEST_CASE("a back-end that claims more than it was offered or had room for is held to that") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    CHECK(survive<BoastingBackend>(placement) > 0);
  }
}

TEST_CASE("a transfer that was offered and refused cannot be reported as done") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    CHECK(survive<EagerBackend>(placement) > 0);
  }
}

TEST_CASE("a back-end that is blocked on nothing is asked again when there is something") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({}, std::make_unique<DrowsyBackend>(log));
    std::string text = "x";
    for (std::uint64_t i = 0; i < 100; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
      channel->issue();
      full_round(engine);
      std::array<Completion, 1> done;
      REQUIRE(channel->poll(done) == 1);
    }
  }
}

TEST_CASE("garbage counts against the limit of a run, so that a run always ends") {
  class Endless final : public TestBackend {
   public:
    using TestBackend::TestBackend;
    Reaped reap(std::span<Done> done) noexcept override {
      calls += 1;
      for (Done& each : done) each = {};
      return {static_cast<unsigned>(done.size()), false};
    }
    std::uint64_t calls = 0;
  };
  BackendLog log;
  Engine engine({});
  const auto channel = engine.open_stream({}, std::make_unique<Endless>(log));
  std::string text = "x";
  REQUIRE(post(*channel, bytes_of(text), 1).kind == Kind::none);
  channel->issue();
  CHECK(engine.run(1000).completed == 0);
  CHECK(channel->stats().bad_done == 1000);
}

TEST_CASE("what a back-end never reports is given back by stop") {
  class Silent final : public TestBackend {
   public:
    using TestBackend::TestBackend;
    Reaped reap(std::span<Done>) noexcept override { return {}; }
  };
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({.size = 32}, std::make_unique<Silent>(log));
    std::string text = "x";
    for (std::uint64_t i = 0; i < 32; ++i) {
      REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
    }
    channel->issue();
    REQUIRE(until(engine, [&] { return log.started.load() == 16; }));
    channel->stop();
    std::array<Completion, 32> done;
    REQUIRE(channel->poll(done) == 32);
    for (std::size_t i = 0; i < 32; ++i) {
      CHECK(done[i].token == i);
      CHECK(done[i].status == (i < 16 ? Status::aborted : Status::not_attempted));
    }
  }
}

TEST_CASE("a blocked back-end that refused a transfer is not asked again before it can go on") {
  class Refusing final : public TestBackend {
   public:
    using TestBackend::TestBackend;
    unsigned start(std::span<const Op> ops) noexcept override {
      ++offers;
      return held_.size() >= 2 ? 0 : TestBackend::start(ops.first(1));
    }
    unsigned offers = 0;
  };
  BackendLog log;
  log.gate = false;
  Engine engine({});
  auto backend = std::make_unique<Refusing>(log);
  const Refusing& refusing = *backend;
  const auto channel = engine.open_stream({.size = 8}, std::move(backend));
  std::string text = "x";
  for (std::uint64_t i = 0; i < 4; ++i) {
    REQUIRE(post(*channel, bytes_of(text), i).kind == Kind::none);
  }
  channel->issue();
  for (int i = 0; i < 10 && engine.runnable(); ++i) engine.run(64);
  CHECK_FALSE(engine.runnable());
  CHECK(refusing.offers < 10);
  CHECK(channel->arm() == Armed::armed);
  log.gate = true;
  CHECK(collect(engine, *channel, 4).size() == 4);
}

// Does something else each time, of all of the above.
class RandomLiar final : public TestBackend {
 public:
  RandomLiar(BackendLog& log, std::uint64_t seed) : TestBackend(log), random_(seed) {}
  [[nodiscard]] unsigned window() const noexcept override {
    return random_() % 8 == 0 ? ~0u : static_cast<unsigned>(random_() % 8);
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    const unsigned accepted = TestBackend::start(ops.first(random_() % (ops.size() + 1)));
    if (accepted == ops.size() && random_() % 8 == 0) return accepted + 5;
    return accepted;
  }
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    while (reaped.count < done.size() && random_() % 4 != 0) {
      Done& each = done[reaped.count++];
      each = {random_() >> (random_() % 64), 1, 0, false};
      if (random_() % 2 == 0 && !past_.empty()) each.id = past_[random_() % past_.size()];
      if (random_() % 2 == 0 && !held_.empty()) {
        const auto at = held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size());
        each = finished(*at);
        past_[past_next_++ % past_.size()] = at->id;
        held_.erase(at);
      }
    }
    if (random_() % 8 == 0) reaped.count = ~0u;
    return reaped;
  }

 private:
  mutable std::mt19937_64 random_;
  std::vector<std::uint64_t> past_ = std::vector<std::uint64_t>(100);
  std::size_t past_next_ = 0;
};

TEST_CASE(
    "whatever a back-end says, each transfer completes at most once, and exactly once with stop") {
  const std::uint64_t seed = ring::test::announce_seed("random liar", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (std::uint64_t round = 0; round < scaled(2000); ++round) {
    CAPTURE(round);
    const Placement placement = kPlacements[random() % 2];
    BackendLog log;
    Engine engine({.placement = placement});
    const auto channel =
        engine.open_stream({.size = 16}, std::make_unique<RandomLiar>(log, random()));
    std::string text = "x";
    std::vector<unsigned> times;
    bool known = true;
    const auto poll = [&] {
      std::array<Completion, 16> done;
      const unsigned count = channel->poll(done);
      for (unsigned i = 0; i < count; ++i) {
        known = known && done[i].token < times.size() && ++times[done[i].token] == 1;
      }
    };
    for (int act = 0; act < 100; ++act) {
      if (post(*channel, bytes_of(text), times.size()).kind == Kind::none) times.push_back(0);
      channel->issue();
      step(engine);
      if (random() % 2 == 0) poll();
    }
    channel->stop();
    poll();
    REQUIRE(known);
    REQUIRE(std::all_of(times.begin(), times.end(), [](unsigned n) { return n == 1; }));
    REQUIRE(channel->free_slots() == 16);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
