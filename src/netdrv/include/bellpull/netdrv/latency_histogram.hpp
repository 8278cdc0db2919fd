// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/engine/counter.hpp"

namespace bellpull::netdrv {

/// What is mostly asked of a LatencyHistogram, in nanoseconds, with its errors; all 0 without
/// values.
struct LatencySummary {
  std::uint64_t count = 0;  ///< how many values there are
  std::uint64_t p50 = 0;    ///< the median
  std::uint64_t p99 = 0;    ///< 99 of 100 are not above it
  std::uint64_t p999 = 0;   ///< 999 of 1000 are not above it
  std::uint64_t max = 0;    ///< the largest value
};

/// Counts of durations in nanoseconds, from 0 to 2^64 - 1. Log-linear: exact up to 127, above that
/// each power of two has 64 buckets of equal width, so that a quantile is at most 1/64 above what
/// was added, and never below.
///
/// 30 KB on the heap. Only making and copying one and bands() allocate. One thread adds; others may
/// copy it meanwhile, each value of the copy being exact. One that was moved from can only be
/// destroyed or assigned to.
class LatencyHistogram {
 public:
  /// Without values. Throws std::bad_alloc.
  LatencyHistogram();
  /// What `other` has at this moment. Throws std::bad_alloc.
  LatencyHistogram(const LatencyHistogram& other);
  /// The same. Throws std::bad_alloc.
  LatencyHistogram& operator=(const LatencyHistogram& other);
  /// Takes the values over.
  LatencyHistogram(LatencyHistogram&& other) noexcept = default;
  /// The same.
  LatencyHistogram& operator=(LatencyHistogram&& other) noexcept = default;
  ~LatencyHistogram() = default;

  /// Adds `count` values of `value` nanoseconds. Takes a few nanoseconds, however many they are:
  /// frames that arrived together need one call.
  void add(std::uint64_t value, std::uint64_t count = 1) noexcept;

  /// Adds all that `other` has.
  void merge(const LatencyHistogram& other) noexcept;

  /// What was added since `earlier`, which is a copy of this one from before. Its max() is exact if
  /// the largest value of all is among the new ones; else it has the error of a quantile. Throws
  /// std::bad_alloc.
  [[nodiscard]] LatencyHistogram since(const LatencyHistogram& earlier) const;

  /// Forgets all values.
  void clear() noexcept;

  /// How many values there are.
  [[nodiscard]] std::uint64_t count() const noexcept { return at(kCount); }

  /// What they come to in nanoseconds, exact, modulo 2^64.
  [[nodiscard]] std::uint64_t sum() const noexcept { return at(kSum); }

  /// The largest value in nanoseconds, exact; 0 when there is none.
  [[nodiscard]] std::uint64_t max() const noexcept { return at(kMax); }

  /// The smallest value in nanoseconds that `share` (0 to 1) of all are not above, with the error
  /// that is said above; 0 when there is none. Looks at 3776 buckets.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept;

  /// The quantiles that are mostly asked for.
  [[nodiscard]] LatencySummary summary() const noexcept;

  /// How many lie between two powers of two.
  struct Band {
    std::uint64_t up_to;  ///< largest value that belongs to it: one less than a power of two
    std::uint64_t count;  ///< how many, not 0
  };
  /// The bands that have any, in order: exact, they have no quantile's error. Throws
  /// std::bad_alloc.
  [[nodiscard]] std::vector<Band> bands() const;

 private:
  // Where in values_ what is no bucket is.
  static constexpr std::size_t kCount = 0;
  static constexpr std::size_t kSum = 1;
  static constexpr std::size_t kMax = 2;
  static constexpr std::size_t kFirstBucket = 3;

  [[nodiscard]] std::uint64_t at(std::size_t value) const noexcept {
    return values_[value].value();
  }
  [[nodiscard]] std::uint64_t bucket(std::size_t number) const noexcept {
    return at(kFirstBucket + number);
  }
  void raise_max(std::uint64_t value) noexcept;

  std::vector<engine::Counter> values_;
};

}  // namespace bellpull::netdrv
