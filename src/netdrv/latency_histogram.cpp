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

void LatencyHistogram::add(std::uint64_t value) noexcept {
  ++buckets_[bucket_of(value)];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t LatencyHistogram::quantile(double share) const noexcept {
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const std::uint64_t rank =
      std::min(count_, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank && seen != 0) return std::min(max_, top_of(i));
  }
  return 0;
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
