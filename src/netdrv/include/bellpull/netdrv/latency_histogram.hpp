// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <vector>

namespace bellpull::netdrv {

/// Counts of durations, log-linear: exact up to 127, above that each power of two has 64 buckets of
/// equal width, so that what it reports is at most 1/64 above what was added, and never below.
class LatencyHistogram {
 public:
  LatencyHistogram();

  /// Adds one value. Does not allocate.
  void add(std::uint64_t value) noexcept;

  /// Adds all that `other` has.
  void merge(const LatencyHistogram& other) noexcept;

  /// How many values there are, and what they come to.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

  /// The largest value, exact; 0 when there is none.
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The smallest value that `share` (0 to 1) of all are not above, with the error that is said
  /// above; 0 when there is none.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept;

  /// How many lie between two powers of two.
  struct Band {
    std::uint64_t up_to;  ///< largest value that belongs to it: one less than a power of two
    std::uint64_t count;  ///< how many, not 0
  };
  /// The bands that have any, in order.
  [[nodiscard]] std::vector<Band> bands() const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bellpull::netdrv
