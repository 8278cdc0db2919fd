// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>

#include "compare/plan.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;

namespace {

Options options_of(std::uint64_t seed) {
  Words words;
  words.seed = std::to_string(seed);
  return understand(words, 2);
}

}  // namespace

TEST_CASE("compare: a repetition has every style and the control, in every mode, at every load") {
  const Options options = options_of(7);
  const auto points = points_of(options, 0);
  const auto who = contenders(options);
  CHECK(who.size() == options.styles.size() + 1);
  CHECK(std::count(who.begin(), who.end(), kBase) == 1);
  CHECK(std::count(who.begin(), who.end(), Contender{.control = true}) == 1);
  CHECK(points.size() * options.repetitions == planned(options));
  for (const Contender& contender : who) {
    for (const netdrv::Mode mode : options.modes) {
      for (const double load : options.loads) {
        CHECK(std::count(points.begin(), points.end(), Point{contender, mode, load}) == 1);
      }
    }
  }
}

TEST_CASE("compare: the order depends on seed and repetition, and on nothing else") {
  const auto first = points_of(options_of(7), 0);
  CHECK(first == points_of(options_of(7), 0));
  CHECK(first != points_of(options_of(7), 1));
  CHECK(first != points_of(options_of(8), 0));
}

TEST_CASE("compare: no style is always early or late, and the styles take turns") {
  const Options options = options_of(7);
  const std::size_t count = points_of(options, 0).size();
  for (const Contender& contender : contenders(options)) {
    double sum = 0;
    unsigned places = 0;
    for (unsigned repetition = 0; repetition < 100; ++repetition) {
      const auto points = points_of(options, repetition);
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].contender != contender) continue;
        sum += static_cast<double>(i);
        ++places;
      }
    }
    // The mean of 1000 places has a standard deviation below 0.01 of their number.
    CHECK(sum / places / static_cast<double>(count) == doctest::Approx(0.5).epsilon(0.1));
  }
  const auto points = points_of(options, 0);
  std::size_t changes = 0;
  for (std::size_t i = 1; i < count; ++i) changes += points[i].contender != points[i - 1].contender;
  CHECK(changes > count / 2);
}

TEST_CASE("compare: all styles meet the same arrivals, each repetition its own") {
  const Options options = options_of(7);
  const Point push{{.style = netdrv::Style::push}, netdrv::Mode::poll, 0.5};
  const Trial trial = trial_of(options, push, 3, 1'000'000);
  CHECK(trial.style == netdrv::Style::push);
  CHECK(trial.settings.mode == netdrv::Mode::poll);
  CHECK(trial.settings.latency_every != 0);
  CHECK(trial.rates == std::vector{500'000.0});
  CHECK(trial.seconds == options.seconds);
  CHECK(trial_of(options, {kBase, push.mode, push.load}, 3, 1'000'000).seed == trial.seed);
  CHECK(trial_of(options, push, 4, 1'000'000).seed != trial.seed);
}

TEST_CASE("compare: capacity is measured for long enough, however short the points are") {
  Options options = options_of(7);
  options.seconds = 0.01;
  CHECK(capacity_trial(options, 0).seconds >= 0.1);
  CHECK(capacity_trial(options, 0).seed != capacity_trial(options, 1).seed);
  options.seconds = 2;
  CHECK(capacity_trial(options, 0).seconds == 2);
}

TEST_CASE("compare: --quick leaves a third of its 90 seconds for all but measuring") {
  for (const char* const ports : {"sim", "tap"}) {
    Words words;
    words.ports = ports;
    words.quick = true;
    const Options options = understand(words, 2);
    const double each = trial_of(options, {}, 0, 1000).seconds * 1.1;  // with its warm-up
    const double capacity = 3 * capacity_trial(options, 0).seconds * 1.1;
    CHECK(capacity + static_cast<double>(planned(options)) * each < 60);
  }
}
