// SPDX-License-Identifier: BSD-2-Clause
#include "plan.hpp"

#include <algorithm>
#include <utility>

#include "dmatest/random.hpp"

namespace bellpull::tools::compare {

namespace {

// Seeds of different purposes and repetitions have nothing in common.
std::uint64_t seed_for(const Options& options, std::uint64_t purpose, std::uint64_t number) {
  return dmatest::mixed(dmatest::mixed(options.seed + purpose * dmatest::Random::kStep) + number);
}
constexpr std::uint64_t kOrder = 1;
constexpr std::uint64_t kArrivals = 2;
constexpr std::uint64_t kCapacity = 3;

constexpr unsigned kLatencyEvery = 4;     // looking at the clock takes time from what is measured
constexpr double kCapacitySeconds = 0.2;  // at least, since all else depends on it

Trial usual_trial(const Options& options) {
  Trial trial;
  trial.engine = options.engine;
  trial.cores = options.cores;
  trial.settings.budget = options.budget;
  trial.settings.latency_every = kLatencyEvery;
  trial.size = options.size;
  trial.work_ns = options.work_ns;
  trial.seconds = options.seconds;
  return trial;
}

}  // namespace

std::string_view Contender::name() const noexcept {
  return control ? "poll (control)" : netdrv::name_of(style);
}

std::vector<Contender> contenders(const Options& options) {
  std::vector<Contender> all;
  for (const netdrv::Style style : options.styles) all.push_back({.style = style});
  all.push_back({.style = kBase.style, .control = true});
  return all;
}

std::vector<Point> points_of(const Options& options, unsigned repetition) {
  std::vector<Point> points;
  for (const Contender& contender : contenders(options)) {
    for (const netdrv::Mode mode : options.modes) {
      for (const double load : options.loads) points.push_back({contender, mode, load});
    }
  }
  dmatest::Random dice(seed_for(options, kOrder, repetition));
  for (std::size_t left = points.size(); left > 1; --left) {  // Fisher and Yates
    std::swap(points[left - 1], points[dice.below(left)]);
  }
  return points;
}

std::size_t planned(const Options& options) {
  return contenders(options).size() * options.modes.size() * options.loads.size() *
         options.repetitions;
}

Trial trial_of(const Options& options, const Point& point, unsigned repetition, double capacity) {
  Trial trial = usual_trial(options);
  trial.style = point.contender.style;
  trial.settings.mode = point.mode;
  trial.rates = {point.load * capacity};
  trial.seed = seed_for(options, kArrivals, repetition);
  return trial;
}

Trial capacity_trial(const Options& options, unsigned number) {
  Trial trial = usual_trial(options);
  trial.settings.mode = netdrv::Mode::poll;
  trial.seconds = std::max(trial.seconds, kCapacitySeconds);
  trial.seed = seed_for(options, kCapacity, number);
  return trial;
}

}  // namespace bellpull::tools::compare
