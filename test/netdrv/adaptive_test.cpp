// SPDX-License-Identifier: BSD-2-Clause
// Check 10: a loop that does as Adaptive says, in made-up time: how fast it follows a step, that it
// does not flap, and that idle ends in listening and stays there.
#include "bellpull/netdrv/adaptive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <utility>

#include "seeds.hpp"

using namespace bellpull::netdrv;
using Decision = Adaptive::Decision;

namespace {

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kPollRound = 2 * kUs;
constexpr std::uint64_t kWakeUp = 10 * kUs;

// When the next frame comes after a time.
using Arrivals = std::function<std::uint64_t(std::uint64_t after)>;

// A loop: when it polls a round takes kPollRound, when it listens it sleeps until a frame comes.
struct Loop {
  explicit Loop(Arrivals from, std::uint64_t start = 5 * kSecond)
      : arrivals(std::move(from)), now(start), next(arrivals(start)) {}

  void round() {
    ++rounds;
    if (adaptive.decision() == Decision::poll) {
      now += kPollRound;
    } else {
      ++sleeps;
      now = std::max(now, next) + kWakeUp;
    }
    std::uint64_t frames = 0;
    while (next <= now) {
      ++frames;
      next = arrivals(next);
    }
    const Decision before = adaptive.decision();
    if (adaptive.round(now, frames) == before) return;
    ++switches;
    switched_at = now;
  }
  void run_until(std::uint64_t end) {
    while (now < end && next < end) round();
    // Nothing comes any more before the end: only who polls still has rounds.
    while (now < end && adaptive.decision() == Decision::poll) round();
    now = std::max(now, end);
  }

  Adaptive adaptive;
  Arrivals arrivals;
  std::uint64_t now;
  std::uint64_t next;
  unsigned switches = 0;
  std::uint64_t switched_at = 0;
  std::uint64_t rounds = 0;
  std::uint64_t sleeps = 0;
};

Arrivals every(std::uint64_t gap_ns) {
  return [gap_ns](std::uint64_t after) { return after - after % gap_ns + gap_ns; };
}

Arrivals poisson(double rate, std::mt19937_64& random) {
  return [rate, &random](std::uint64_t after) {
    std::exponential_distribution<double> gap(rate);
    return after + 1 + static_cast<std::uint64_t>(gap(random) * 1e9);
  };
}

// Frames at a gap in the first half of each period, none in the second.
Arrivals square(std::uint64_t period, std::uint64_t gap_ns) {
  return [=](std::uint64_t after) {
    const std::uint64_t at = after + gap_ns;
    const std::uint64_t phase = at % period;
    return phase < period / 2 ? at : at - phase + period;
  };
}

constexpr std::uint64_t kStart = 5 * kSecond;

}  // namespace

TEST_CASE("check 10: a step of load is followed within two windows") {
  for (const std::uint64_t gap : {10 * kUs, 30 * kUs, 45 * kUs}) {
    CAPTURE(gap);
    Loop loop(every(gap));
    loop.run_until(kStart + 100 * kMs);
    CHECK(loop.adaptive.decision() == Decision::poll);
    CHECK(loop.switches == 1);
    CHECK(loop.switched_at - kStart <= 2 * kMs + 2 * gap);
    CHECK(loop.switched_at - kStart >= 1 * kMs);
  }
}

TEST_CASE("check 10: when the load ends it listens after the silence, and then sleeps for ever") {
  Loop loop([](std::uint64_t after) {
    return after < kStart + 50 * kMs ? after + 20 * kUs : 100 * kSecond;
  });
  loop.run_until(90 * kSecond);
  CHECK(loop.adaptive.decision() == Decision::listen);
  CHECK(loop.switches == 2);
  CHECK(loop.switched_at <= kStart + 50 * kMs + 2 * kMs + 2 * kPollRound + 20 * kUs);
  const std::uint64_t sleeps = loop.sleeps;
  loop.run_until(99 * kSecond);
  CHECK(loop.sleeps == sleeps);
}

TEST_CASE("check 10: a load that becomes small but does not end is left within two windows") {
  Loop loop(
      [](std::uint64_t after) { return after + (after < kStart + 50 * kMs ? 20 * kUs : 1 * kMs); });
  loop.run_until(kStart + 500 * kMs);
  CHECK(loop.adaptive.decision() == Decision::listen);
  CHECK(loop.switches == 2);
  CHECK(loop.switched_at <= kStart + 50 * kMs + 20 * kMs + 1 * kMs);
}

TEST_CASE("check 10: Poisson arrivals: below it listens, above it polls, and between it stays") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("adaptive", 20261121));
  SUBCASE("below") {
    Loop loop(poisson(4'000, random));
    loop.run_until(kStart + 5 * kSecond);
    CHECK(loop.switches == 0);
    CHECK(loop.adaptive.decision() == Decision::listen);
  }
  SUBCASE("above") {
    Loop loop(poisson(40'000, random));
    loop.run_until(kStart + 5 * kSecond);
    CHECK(loop.switches == 1);
    CHECK(loop.adaptive.decision() == Decision::poll);
  }
  SUBCASE("between") {
    Loop loop(poisson(10'000, random));
    loop.run_until(kStart + 5 * kSecond);
    CHECK(loop.switches <= 1);
  }
}

TEST_CASE("check 10: a square wave makes at most two switches per edge, whatever its period") {
  for (const std::uint64_t gap : {5 * kUs, 20 * kUs, 40 * kUs, 120 * kUs}) {
    for (const std::uint64_t period :
         {100 * kUs, 200 * kUs, 500 * kUs, 1 * kMs, 2 * kMs, 3 * kMs, 4 * kMs, 5 * kMs, 7 * kMs,
          10 * kMs, 15 * kMs, 20 * kMs, 30 * kMs, 50 * kMs, 100 * kMs, 300 * kMs, 1'000 * kMs}) {
      CAPTURE(gap);
      CAPTURE(period);
      const std::uint64_t periods = period < 50 * kMs ? 40 : 3;
      Loop loop(square(period, gap));
      loop.run_until(kStart + periods * period);
      // One, in fact; and only the first when the wave is faster than a window.
      CHECK(loop.switches <= 2 * periods + 1);
      if (period <= 1 * kMs) CHECK(loop.switches <= 1);
    }
  }
}

TEST_CASE("check 10: it never changes its mind sooner than a window or the silence") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("adaptive", 20261121));
  Adaptive adaptive;
  std::uint64_t now = kStart;
  std::uint64_t switched = 0;
  std::uint64_t shortest = kSecond;
  unsigned switches = 0;
  Decision before = Decision::listen;
  for (unsigned i = 0; i < 400'000; ++i) {
    now += random() % (100 * kUs);
    // Bursts and pauses of all lengths.
    const bool pause = (now >> 22 & 3) == 0 || (now >> 19 & 1) == 0;
    const Decision decision = adaptive.round(now, pause ? 0 : random() % 20);
    if (decision == before) continue;
    shortest = std::min(shortest, now - switched);
    before = decision;
    switched = now;
    ++switches;
  }
  CHECK(switches > 100);
  CHECK(shortest >= 1 * kMs);
}

TEST_CASE("check 10: one burst after a long sleep is no load") {
  Adaptive adaptive;
  std::uint64_t now = kStart;
  for (unsigned i = 0; i < 100; ++i) {
    now += 10 * kMs;
    CHECK(adaptive.round(now, 64) == Decision::listen);
  }
  now += 60 * 24 * 3600 * kSecond;  // months: no rate overflows
  CHECK(adaptive.round(now, 4096) == Decision::listen);
}

TEST_CASE("the options of Adaptive may change while it runs") {
  Adaptive adaptive;
  std::uint64_t now = kStart;
  const auto run = [&](unsigned rounds) {
    for (unsigned i = 0; i < rounds; ++i) {
      now += 100 * kUs;
      static_cast<void>(adaptive.round(now, 1));  // 10,000 frames/s
    }
    return adaptive.decision();
  };
  CHECK(run(1000) == Decision::listen);
  adaptive.configure({.enter_rate = 8'000});
  CHECK(run(30) == Decision::poll);
  adaptive.configure({.leave_rate = 15'000});
  CHECK(run(300) == Decision::listen);
}

TEST_CASE(
    "Adaptive keeps polling above the rate that it entered at, whatever the rate to leave at") {
  Adaptive adaptive({.enter_rate = 8'000, .leave_rate = 1'000'000});
  std::uint64_t now = kStart;
  unsigned listened = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    now += 100 * kUs;
    if (adaptive.round(now, 1) == Decision::listen) ++listened;  // 10,000 frames/s
  }
  CHECK(listened < 30);
}

TEST_CASE("windows of Adaptive without time are refused and change nothing") {
  Adaptive adaptive;
  CHECK_THROWS_AS(adaptive.configure({.enter_window_ns = 0}), std::invalid_argument);
  CHECK_THROWS_AS(adaptive.configure({.leave_window_ns = 0}), std::invalid_argument);
  CHECK_THROWS_AS(Adaptive({.silence_ns = 0}), std::invalid_argument);
  CHECK(adaptive.round(kStart, 0) == Decision::listen);
}
