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

LatencyHistogram::LatencyHistogram() : values_(kFirstBucket + kBuckets) {}

LatencyHistogram::LatencyHistogram(const LatencyHistogram& other) : LatencyHistogram() {
  // What is being added to does not stand still: count what is in the copy.
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const std::uint64_t values = other.bucket(i);
    values_[kFirstBucket + i].add(values);
    count += values;
  }
  values_[kCount].add(count);
  values_[kSum].add(other.sum());
  raise_max(other.max());
}

LatencyHistogram& LatencyHistogram::operator=(const LatencyHistogram& other) {
  if (this != &other) *this = LatencyHistogram(other);
  return *this;
}

void LatencyHistogram::add(std::uint64_t value, std::uint64_t count) noexcept {
  if (count == 0) return;  // the value was not seen and is no maximum
  values_[kFirstBucket + bucket_of(value)].add(count);
  values_[kCount].add(count);
  values_[kSum].add(value * count);
  raise_max(value);
}

void LatencyHistogram::raise_max(std::uint64_t value) noexcept {
  if (value > max()) values_[kMax].add(value - max());
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  raise_max(other.max());
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (i != kMax) values_[i].add(other.at(i));
  }
}

LatencyHistogram LatencyHistogram::since(const LatencyHistogram& earlier) const {
  LatencyHistogram difference;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (i != kMax) difference.values_[i].add(at(i) - earlier.at(i));
  }
  // Where the largest new value lies, max() is an upper bound as well, and often the value itself.
  for (std::size_t i = kBuckets; i-- > 0;) {
    if (difference.bucket(i) == 0) continue;
    difference.raise_max(std::min(max(), top_of(i)));
    break;
  }
  return difference;
}

void LatencyHistogram::clear() noexcept {
  for (engine::Counter& value : values_) value.add(0 - value.value());
}

std::uint64_t LatencyHistogram::quantile(double share) const noexcept {
  if (count() == 0 || share >= 1) return max();
  const double wanted = std::ceil(share * static_cast<double>(count()));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += bucket(i);
    if (seen >= rank) return std::min(max(), top_of(i));
  }
  return max();
}

LatencySummary LatencyHistogram::summary() const noexcept {
  return {.count = count(),
          .p50 = quantile(0.5),
          .p99 = quantile(0.99),
          .p999 = quantile(0.999),
          .max = max()};
}

std::vector<LatencyHistogram::Band> LatencyHistogram::bands() const {
  std::vector<Band> all;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    count += bucket(i);
    const std::uint64_t top = top_of(i);
    if (count == 0 || (top & (top + 1)) != 0) continue;
    all.push_back({top, count});
    count = 0;
  }
  return all;
}

}  // namespace bellpull::netdrv
