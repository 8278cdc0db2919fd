// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/sim_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>

namespace bellpull::netdrv {

namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kLeastRate = 0.001;
constexpr double kMostRate = 1e9;
constexpr unsigned kMostBurst = 65536;
constexpr std::uint64_t kLeastWave = 1000;
constexpr std::uint64_t kMostWave = 1'000'000'000'000;
constexpr std::uint64_t kMostTracePeriod = 1'000'000'000'000'000;
constexpr std::size_t kMostMoments = std::size_t{1} << 22;
constexpr unsigned kUsualMoments = 1024;
constexpr std::size_t kGaps = 65536;

[[noreturn]] void refuse_schedule(const SimOptions& options, const std::string& fault) {
  throw std::invalid_argument("schedule of simulated NIC " + options.name + ": " + fault);
}

std::uint64_t rounded(double ns) noexcept {
  return static_cast<std::uint64_t>(std::llround(ns));
}

void check_rate(const SimOptions& options) {
  // Written so that it refuses what is not a number.
  if (!(options.rate >= kLeastRate && options.rate <= kMostRate)) {
    refuse_schedule(options, "a rate of " + std::to_string(options.rate) +
                                 " frames per second; choose 0.001 to 1000000000");
  }
}

// How many bursts a period has to have, so that it comes closest to a whole number of nanoseconds.
unsigned bursts_per_period(double gap_ns, unsigned most) noexcept {
  constexpr double kExact = 1e-14;
  unsigned best = 1;
  double least = 1;
  for (unsigned count = 1; count <= most && least > kExact; ++count) {
    const double period = gap_ns * count;
    const double error = std::abs(period - std::round(period)) / period;
    if (error >= least) continue;
    least = error;
    best = count;
  }
  return best;
}

}  // namespace

SimSchedule::SimSchedule(const SimOptions& options)
    : frames_(options.frames == 0 ? kNever : options.frames) {
  if (options.arrivals != Arrivals::trace) check_rate(options);
  switch (options.arrivals) {
    case Arrivals::fixed:
      make_bursts(options.rate, 1);
      break;
    case Arrivals::poisson:
      make_poisson(options.rate, options.seed);
      break;
    case Arrivals::bursts:
      if (options.burst == 0 || options.burst > kMostBurst) {
        refuse_schedule(
            options, "bursts of " + std::to_string(options.burst) + " frames; choose 1 to 65536");
      }
      make_bursts(options.rate, options.burst);
      break;
    case Arrivals::square:
      make_square(options);
      break;
    case Arrivals::trace:
      take_trace(options);
      break;
  }
}

std::uint64_t SimSchedule::due(std::uint64_t elapsed, std::uint64_t known) const noexcept {
  const std::uint64_t size = moments_.size();
  const std::uint64_t period = elapsed / period_;
  const std::uint64_t within = elapsed % period_;
  // Few have come since, as a rule: look near by first, then ever further.
  std::uint64_t low = known / size == period ? known % size : 0;
  std::uint64_t step = 1;
  while (low + step < size && moments_[low + step] <= within) {
    low += step;
    step *= 2;
  }
  const auto begin = moments_.begin();
  const auto first = begin + static_cast<std::ptrdiff_t>(low);
  const auto last = begin + static_cast<std::ptrdiff_t>(std::min(low + step, size));
  const auto later = std::upper_bound(first, last, within) - begin;
  return std::min(frames_, period * size + static_cast<std::uint64_t>(later));
}

void SimSchedule::make_bursts(double rate, unsigned burst) {
  const double gap = kNsPerSecond * burst / rate;
  const unsigned count = bursts_per_period(gap, std::max(1U, kUsualMoments / burst));
  period_ = rounded(gap * count);
  moments_.reserve(std::size_t{count} * burst);
  for (std::uint64_t i = 0; i < count; ++i) {
    moments_.insert(moments_.end(), burst, period_ * i / count);
  }
}

void SimSchedule::make_poisson(double rate, std::uint64_t seed) {
  period_ = rounded(kNsPerSecond * kGaps / rate);
  std::mt19937_64 random(seed);
  std::vector<double> sums(kGaps + 1);
  for (std::size_t i = 0; i < kGaps; ++i) {
    // 53 bits: all that a double has between 0 and 1. 1 - u is never 0.
    const double u = static_cast<double>(random() >> 11) * 0x1p-53;
    sums[i + 1] = sums[i] - std::log(1 - u);
  }
  // As drawn, but for a factor near 1 that makes the mean what was asked for.
  const double scale = static_cast<double>(period_) / sums.back();
  moments_.resize(kGaps);
  for (std::size_t i = 0; i < kGaps; ++i) {
    moments_[i] = std::min(static_cast<std::uint64_t>(sums[i] * scale), period_ - 1);
  }
}

void SimSchedule::make_square(const SimOptions& options) {
  if (options.wave_ns < kLeastWave || options.wave_ns > kMostWave) {
    refuse_schedule(options, "square waves of " + std::to_string(options.wave_ns) +
                                 " ns; choose 1000 to 1000000000000");
  }
  if (!(options.low_share >= 0 && options.low_share <= 1)) {
    refuse_schedule(options, "a low rate of " + std::to_string(options.low_share) +
                                 " times the high one; choose 0 to 1");
  }
  const double wave = static_cast<double>(options.wave_ns);
  const double per_wave = options.rate / kNsPerSecond * wave;
  if (per_wave > static_cast<double>(kMostMoments)) {
    refuse_schedule(options,
                    std::to_string(rounded(per_wave)) +
                        " frames in each wave; choose a lower rate or shorter waves, of at most " +
                        std::to_string(kMostMoments) + " frames");
  }
  // Several waves where one has so few frames that to round their number would change the rate.
  const std::uint64_t waves = rounded(std::max(1.0, std::ceil(kUsualMoments / per_wave)));
  const std::uint64_t total = rounded(per_wave * static_cast<double>(waves));
  const double high = 1 / (1 + options.low_share);  // share of the frames in the high half
  period_ = waves * options.wave_ns;
  moments_.reserve(total);
  for (std::uint64_t n = 0; n < total; ++n) {
    const double share = static_cast<double>(n * waves % total) / static_cast<double>(total);
    const double place = share < high ? share / high : 1 + (share - high) / (1 - high);
    moments_.push_back(n * waves / total * options.wave_ns +
                       static_cast<std::uint64_t>(wave / 2 * place));
  }
}

void SimSchedule::take_trace(const SimOptions& options) {
  if (options.trace.empty())
    refuse_schedule(options, "a trace without an arrival; give it one at least");
  if (options.trace_period_ns == 0 || options.trace_period_ns > kMostTracePeriod) {
    refuse_schedule(options, "a trace with a period of " + std::to_string(options.trace_period_ns) +
                                 " ns; choose 1 to 1000000000000000");
  }
  const auto unordered = std::is_sorted_until(options.trace.begin(), options.trace.end());
  if (unordered != options.trace.end()) {
    refuse_schedule(options,
                    "arrival number " + std::to_string(unordered - options.trace.begin()) +
                        " of the trace comes before the one in front of it; put them in order");
  }
  if (options.trace.back() >= options.trace_period_ns) {
    refuse_schedule(options,
                    "the last arrival of the trace comes " + std::to_string(options.trace.back()) +
                        " ns from its start, and it starts again after " +
                        std::to_string(options.trace_period_ns) + " ns; choose a longer period");
  }
  moments_ = options.trace;
  period_ = options.trace_period_ns;
}

}  // namespace bellpull::netdrv
