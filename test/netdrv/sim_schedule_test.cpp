// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/sim_schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "seeds.hpp"

using namespace bellpull::netdrv;

namespace {

constexpr std::uint64_t kBillion = 1'000'000'000;

SimSchedule schedule(Arrivals arrivals, double rate, SimOptions options = {}) {
  options.arrivals = arrivals;
  options.rate = rate;
  return SimSchedule(options);
}

SimOptions trace(std::vector<std::uint64_t> moments, std::uint64_t period) {
  SimOptions options;
  options.arrivals = Arrivals::trace;
  options.trace = std::move(moments);
  options.trace_period_ns = period;
  return options;
}

double rate_of(const SimSchedule& schedule) {
  return 1e9 * static_cast<double>(schedule.per_period()) /
         static_cast<double>(schedule.period_ns());
}

// One of each kind, and some with corners.
std::vector<SimSchedule> all_kinds() {
  SimOptions burst, square, last;
  burst.burst = 100;
  square.low_share = 0.25;
  last.frames = 12345;
  return {schedule(Arrivals::fixed, 1e6),
          schedule(Arrivals::fixed, 1.0),
          schedule(Arrivals::fixed, 987654.321),
          schedule(Arrivals::fixed, 1e9),
          schedule(Arrivals::fixed, 1e6, last),
          schedule(Arrivals::poisson, 250'000),
          schedule(Arrivals::poisson, 1e9),
          schedule(Arrivals::bursts, 777'777, burst),
          schedule(Arrivals::square, 100'000, square),
          schedule(Arrivals::square, 100'000),
          schedule(Arrivals::square, 10),
          SimSchedule(trace({0}, 1)),
          SimSchedule(trace({5, 5, 5, 900, 901}, 1000))};
}

TEST_CASE("at a fixed rate the gaps are even and the mean is the rate, exactly if it can be") {
  for (const double rate : {0.001, 1.0, 3.0, 1e5, 1e6, 3e6, 14'880'000.0, 1e8, 1e9}) {
    CAPTURE(rate);
    const SimSchedule even = schedule(Arrivals::fixed, rate);
    const double gap = 1e9 / rate;
    CHECK(rate_of(even) == doctest::Approx(rate).epsilon(1e-13));
    for (std::uint64_t n = 0; n < 5000; ++n) {
      const double error = static_cast<double>(even.time_of(n)) - gap * static_cast<double>(n);
      REQUIRE(error > -1.001);
      REQUIRE(error < 0.001 + gap * static_cast<double>(n) * 1e-13);
    }
  }
}

TEST_CASE("a rate that no short period has is met to one part in a hundred thousand") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("rates", 1));
  for (int i = 0; i < 2000; ++i) {
    const double rate = std::exp(std::uniform_real_distribution<>(0, std::log(2e7))(random));
    CAPTURE(rate);
    REQUIRE(rate_of(schedule(Arrivals::fixed, rate)) == doctest::Approx(rate).epsilon(1e-5));
  }
}

TEST_CASE("after 10^12 arrivals the schedule is not off by a nanosecond") {
  constexpr std::uint64_t kMany = 1'000'000'000'000;
  CHECK(schedule(Arrivals::fixed, 1e6).time_of(kMany) == kMany * 1000);
  CHECK(schedule(Arrivals::fixed, 3e6).time_of(3 * kMany) == kMany * 1000);
  CHECK(schedule(Arrivals::fixed, 14'880'000).time_of(93 * kMany) == kMany * 6250);
  const SimSchedule loop{trace({1, 2, 4}, 7)};
  CHECK(loop.time_of(3 * kMany + 2) == 7 * kMany + 4);
  const SimSchedule poisson = schedule(Arrivals::poisson, 1e6);
  CHECK(poisson.time_of(65536 * kMany / 1000 + 7) ==
        poisson.period_ns() * (kMany / 1000) + poisson.time_of(7));
}

TEST_CASE("time_of ascends, and due() counts exactly the arrivals that are not later") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("due", 2));
  int kind = 0;
  for (const SimSchedule& each : all_kinds()) {
    CAPTURE(kind);
    ++kind;
    for (std::uint64_t n = 1; n < 3 * each.per_period(); ++n) {
      if (each.time_of(n) < each.time_of(n - 1)) FAIL("not in order at " << n);
    }
    for (int i = 0; i < 4000; ++i) {
      // Of all magnitudes, and often at the very moment of an arrival.
      std::uint64_t elapsed = random() >> (14 + random() % 50);
      const std::uint64_t near = each.due(elapsed, 0);
      if (near != 0 && random() % 2 == 0) elapsed = each.time_of(near - 1) - random() % 2;
      if (elapsed > SimSchedule::kNever / 2) continue;  // one before the first
      const std::uint64_t due = each.due(elapsed, 0);
      CAPTURE(elapsed);
      CAPTURE(due);
      REQUIRE(each.time_of(due) > elapsed);
      if (due != 0) REQUIRE(each.time_of(due - 1) <= elapsed);
      const std::uint64_t behind = random() % (2 * each.per_period());
      for (const std::uint64_t known :
           {due, due - std::min(due, random() % 70), due - std::min(due, behind)}) {
        CAPTURE(known);
        REQUIRE(each.due(elapsed, known) == due);
      }
    }
  }
}

TEST_CASE("Poisson gaps are exponential: mean, spread and tail") {
  for (const double rate : {1000.0, 250'000.0}) {
    CAPTURE(rate);
    const SimSchedule random = schedule(Arrivals::poisson, rate);
    CHECK(rate_of(random) == doctest::Approx(rate).epsilon(1e-7));
    const double mean = 1e9 / rate;
    double squares = 0;
    std::vector<int> longer(5);
    for (std::uint64_t n = 0; n < 65536; ++n) {
      const auto gap = static_cast<double>(random.time_of(n + 1) - random.time_of(n)) / mean;
      squares += (gap - 1) * (gap - 1);
      for (std::size_t i = 0; i < longer.size(); ++i) longer[i] += gap > static_cast<double>(i);
    }
    CHECK(squares / 65536 == doctest::Approx(1).epsilon(0.05));
    for (std::size_t i = 1; i < longer.size(); ++i) {
      const double share = std::exp(-static_cast<double>(i));
      // Within five standard deviations of a binomial distribution.
      CHECK(std::abs(longer[i] - 65536 * share) < 5 * std::sqrt(65536 * share));
    }
  }
}

TEST_CASE("the same seed makes the same arrivals, another seed others") {
  SimOptions options;
  options.seed = 7;
  const SimSchedule one = schedule(Arrivals::poisson, 1e6, options);
  const SimSchedule same = schedule(Arrivals::poisson, 1e6, options);
  options.seed = 8;
  const SimSchedule other = schedule(Arrivals::poisson, 1e6, options);
  int equal = 0;
  for (std::uint64_t n = 1; n < 1000; ++n) {
    REQUIRE(one.time_of(n) == same.time_of(n));
    equal += one.time_of(n) == other.time_of(n);
  }
  CHECK(equal < 10);
}

TEST_CASE("bursts come at one moment each, and as often as the rate demands") {
  SimOptions options;
  for (const unsigned burst : {1U, 7U, 64U, 1000U, 65536U}) {
    CAPTURE(burst);
    options.burst = burst;
    const SimSchedule bursts = schedule(Arrivals::bursts, 1e6, options);
    CHECK(rate_of(bursts) == doctest::Approx(1e6).epsilon(1e-13));
    for (std::uint64_t n = 0; n < 3 * std::uint64_t{burst}; ++n) {
      REQUIRE(bursts.time_of(n) == n / burst * burst * 1000);
    }
  }
}

TEST_CASE("a square wave has its share of frames in each half, evenly") {
  SimOptions options;
  options.wave_ns = 1'000'000;
  for (const double low : {0.0, 0.25, 1.0}) {
    CAPTURE(low);
    options.low_share = low;
    const SimSchedule square = schedule(Arrivals::square, 2e6, options);
    CHECK(square.period_ns() == 1'000'000);
    CHECK(square.per_period() == 2000);
    const std::uint64_t high_half = square.due(499'999, 0);
    CHECK(static_cast<double>(high_half) == doctest::Approx(2000 / (1 + low)).epsilon(0.001));
    const std::uint64_t gap = square.time_of(1) - square.time_of(0);
    CHECK(static_cast<double>(gap) == doctest::Approx(250 * (1 + low)).epsilon(0.01));
    CHECK(square.due(1'499'999, 0) == 2000 + high_half);
  }
}

TEST_CASE("square waves with less than a frame each still meet the rate") {
  SimOptions options;
  options.wave_ns = 1'000'000;
  options.low_share = 0.5;
  for (const double rate : {0.01, 1.0, 300.0, 1500.0}) {
    CAPTURE(rate);
    CHECK(rate_of(schedule(Arrivals::square, rate, options)) ==
          doctest::Approx(rate).epsilon(0.001));
  }
}

TEST_CASE("a trace is repeated as it is") {
  const SimSchedule loop{trace({0, 3, 3, 9}, 10)};
  const std::vector<std::uint64_t> expected = {0, 3, 3, 9, 10, 13, 13, 19, 20};
  for (std::uint64_t n = 0; n < expected.size(); ++n) CHECK(loop.time_of(n) == expected[n]);
}

TEST_CASE("behind the last frame nothing comes") {
  SimOptions options;
  options.frames = 3;
  const SimSchedule three = schedule(Arrivals::fixed, 1e9, options);
  CHECK(three.time_of(2) == 2);
  CHECK(three.time_of(3) == SimSchedule::kNever);
  CHECK(three.due(1, 0) == 2);
  CHECK(three.due(kBillion, 0) == 3);
  CHECK(three.due(kBillion, 3) == 3);
}

// Throws std::invalid_argument with a message that has `part`.
void check_refused(const SimOptions& options, const std::string& part) {
  CAPTURE(part);
  try {
    const SimSchedule made(options);
    FAIL_CHECK("made");
  } catch (const std::invalid_argument& fault) {
    const std::string what = fault.what();
    CHECK(what.find("schedule of simulated NIC sim7: ") == 0);
    CHECK(what.find(part) != std::string::npos);
    CHECK(what.find("; ") != std::string::npos);
  }
}

TEST_CASE("options out of range are refused, saying which and what to choose") {
  SimOptions good;
  good.name = "sim7";
  for (const double rate : {0.0, -1.0, std::nan(""), 1e-4, 1.1e9, HUGE_VAL, -HUGE_VAL}) {
    for (const Arrivals kind :
         {Arrivals::fixed, Arrivals::poisson, Arrivals::bursts, Arrivals::square}) {
      SimOptions bad = good;
      bad.arrivals = kind;
      bad.rate = rate;
      check_refused(bad, "a rate of ");
    }
  }
  for (const unsigned burst : {0U, 65537U}) {
    SimOptions bad = good;
    bad.arrivals = Arrivals::bursts;
    bad.burst = burst;
    check_refused(bad, "bursts of " + std::to_string(burst));
  }
  for (const std::uint64_t wave : {0ULL, 999ULL, 1'000'000'000'001ULL}) {
    SimOptions bad = good;
    bad.arrivals = Arrivals::square;
    bad.wave_ns = wave;
    check_refused(bad, "square waves of " + std::to_string(wave));
  }
  for (const double low : {-0.1, 1.1, std::nan("")}) {
    SimOptions bad = good;
    bad.arrivals = Arrivals::square;
    bad.low_share = low;
    check_refused(bad, "a low rate of ");
  }
  SimOptions endless = good;
  endless.arrivals = Arrivals::square;
  endless.rate = 1e7;
  endless.wave_ns = kBillion;
  check_refused(endless, "10000000 frames in each wave");
  for (const auto& [bad, part] : std::vector<std::pair<SimOptions, std::string>>{
           {trace({}, 10), "without an arrival"},
           {trace({1}, 0), "a period of 0 ns"},
           {trace({1}, 1'000'000'000'000'001), "a period of 1000000000000001 ns"},
           {trace({5, 4, 6}, 10), "arrival number 1 of the trace"},
           {trace({5, 10}, 10), "the last arrival of the trace comes 10 ns"}}) {
    SimOptions named = bad;
    named.name = "sim7";
    check_refused(named, part);
  }
}

TEST_CASE("the rate of a trace is its own: what the options say of a rate does not matter") {
  SimOptions options = trace({1, 2}, 4);
  options.rate = 0;
  CHECK(SimSchedule(options).due(7, 0) == 4);
}

}  // namespace
