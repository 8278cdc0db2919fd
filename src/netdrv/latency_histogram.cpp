// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

namespace bellpull::netdrv {

namespace {

constexpr unsigned kBits = 7;  // of a value that are kept
constexpr unsigned kHalf = 1U << (kBits - 1);
constexpr unsigned kMostShift = std::numeric_limits<std::uint64_t>::digits - kBits;
constexpr std::size_t kBuckets = (kMostShift + 2) * std::size_t{kHalf};

[[nodiscard]] unsigned shift_of(std::uint64_t value) noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  return width <= kBits ? 0 : width - kBits;
}

[[nodiscard]] std::size_t bucket_of(std::uint64_t value) noexcept {
  const unsigned shift = shift_of(value);
  return shift * std::size_t{kHalf} + static_cast<std::size_t>(value >> shift);
}

// The largest value that is counted there.
[[nodiscard]] std::uint64_t top_of(std::size_t bucket) noexcept {
  if (bucket < std::size_t{2} * kHalf) return bucket;
  const std::size_t shift = bucket / kHalf - 1;
  const std::uint64_t first = kHalf + bucket % kHalf;
  return (first << shift) + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::add(std::uint64_t value, std::uint64_t count) noexcept {
  if (count == 0) return;  // the value was not seen and is no maximum
  buckets_[bucket_of(value)] += count;
  count_ += count;
  sum_ += value * count;
  max_ = std::max(max_, value);
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

LatencyHistogram LatencyHistogram::since(const LatencyHistogram& earlier) const {
  LatencyHistogram difference;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    difference.buckets_[i] = buckets_[i] - earlier.buckets_[i];
    // Where the largest new value lies, max_ is an upper bound as well, and often the value itself.
    if (difference.buckets_[i] != 0) difference.max_ = std::min(max_, top_of(i));
  }
  difference.count_ = count_ - earlier.count_;
  difference.sum_ = sum_ - earlier.sum_;
  return difference;
}

void LatencyHistogram::clear() noexcept {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
  sum_ = 0;
  max_ = 0;
}

std::uint64_t LatencyHistogram::quantile(double share) const noexcept {
  if (count_ == 0 || share >= 1) return max_;
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(max_, top_of(i));
  }
  return max_;
}

LatencySummary LatencyHistogram::summary() const noexcept {
  return {.count = count_,
          .p50 = quantile(0.5),
          .p99 = quantile(0.99),
          .p999 = quantile(0.999),
          .max = max_};
}

std::vector<LatencyHistogram::Band> LatencyHistogram::bands() const {
  std::vector<Band> all;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    count += buckets_[i];
    const std::uint64_t top = top_of(i);
    if (count == 0 || (top & (top + 1)) != 0) continue;
    all.push_back({top, count});
    count = 0;
  }
  return all;
}

}  // namespace bellpull::netdrv
