// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "bellpull/netdrv/sim_nic.hpp"

namespace bellpull::netdrv {

/// When arrival number n comes, for any n: a table of moments that repeats with a period of whole
/// nanoseconds, so that nothing adds up over time. Pure arithmetic; times are ns from the start.
/// Any number of threads.
class SimSchedule {
 public:
  /// The time of an arrival that there will not be.
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  /// Of the options it reads those that say when: arrivals, rate, burst, wave, trace, frames, seed.
  /// Throws std::invalid_argument for one of these out of range.
  explicit SimSchedule(const SimOptions& options);

  /// When arrival number `n` comes; kNever behind the last.
  [[nodiscard]] std::uint64_t time_of(std::uint64_t n) const noexcept {
    return n < frames_ ? n / moments_.size() * period_ + moments_[n % moments_.size()] : kNever;
  }

  /// How many arrivals have come by `elapsed`, if `known` of them is known to have. The cost does
  /// not depend on how many, but is least when they are few.
  [[nodiscard]] std::uint64_t due(std::uint64_t elapsed, std::uint64_t known) const noexcept;

  /// Arrivals in a period.
  [[nodiscard]] std::uint64_t per_period() const noexcept { return moments_.size(); }
  /// Its length in ns.
  [[nodiscard]] std::uint64_t period_ns() const noexcept { return period_; }

 private:
  void make_bursts(double rate, unsigned burst);
  void make_poisson(double rate, std::uint64_t seed);
  void make_square(const SimOptions& options);
  void take_trace(const SimOptions& options);

  std::vector<std::uint64_t> moments_;  // ascending, below the period
  std::uint64_t period_ = 0;
  std::uint64_t frames_;  // arrivals in all
};

}  // namespace bellpull::netdrv
