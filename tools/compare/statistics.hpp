// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bellpull::tools::compare {

/// Where the truth lies in 95 of 100 cases.
struct Interval {
  double low = 0;   ///< lower end
  double high = 0;  ///< upper end
};

/// Fewest values with an interval: between the smallest and the largest of five, the true median
/// lies in less than 95 of 100 cases.
inline constexpr std::size_t kEnough = 6;

/// The middle of several values.
struct Estimate {
  double median = 0;                 ///< of the values
  std::optional<Interval> interval;  ///< of the median; none below kEnough values
  /// Whether the values say that it is another one; never without an interval.
  [[nodiscard]] bool differs_from(double value) const noexcept {
    return interval && (value < interval->low || value > interval->high);
  }
};

/// The median of at least one value: the middle one, or the mean of the two in the middle.
[[nodiscard]] double median(std::vector<double> values);

/// The median and its interval by bootstrap (Efron 1979), percentiles of 1000 resamples; the same
/// for the same values and seed. None when there are no values.
[[nodiscard]] std::optional<Estimate> estimate(const std::vector<double>& values,
                                               std::uint64_t seed);

}  // namespace bellpull::tools::compare
