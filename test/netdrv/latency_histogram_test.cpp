// SPDX-License-Identifier: BSD-2-Clause
// A program of its own, because it replaces the allocation functions of the whole program.
#include "bellpull/netdrv/latency_histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "engine/counted_allocation.hpp"
#include "seeds.hpp"

namespace bellpull::netdrv {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr double kShares[] = {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0};

std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs(const LatencyHistogram& histogram) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const LatencyHistogram::Band& band : histogram.bands()) {
    all.emplace_back(band.up_to, band.count);
  }
  return all;
}

// In all that can be seen of them.
void check_same(const LatencyHistogram& a, const LatencyHistogram& b) {
  CHECK(a.count() == b.count());
  CHECK(a.sum() == b.sum());
  CHECK(a.max() == b.max());
  CHECK(pairs(a) == pairs(b));
  for (int i = 0; i <= 1000; ++i) {
    CAPTURE(i);
    REQUIRE(a.quantile(i / 1000.0) == b.quantile(i / 1000.0));
  }
}

// Of every size there is, or mostly of one.
std::uint64_t any_value(std::mt19937_64& random, int round) {
  const std::uint64_t bits = random();
  return bits >> (round % 2 == 0 ? random() % 64 : 40);
}

}  // namespace

TEST_CASE("quantiles are at most 1/64 above those of the sorted values, and never below") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("latency_histogram quantiles", 5));
  for (int round = 0; round < 60; ++round) {
    LatencyHistogram histogram;
    std::vector<std::uint64_t> values(1 + random() % 2000);
    for (std::uint64_t& value : values) {
      value = any_value(random, round);
      histogram.add(value);
    }
    std::sort(values.begin(), values.end());
    for (const double share : kShares) {
      CAPTURE(share);
      const auto wanted = std::ceil(share * static_cast<double>(values.size()));
      const std::uint64_t exact = values[std::max<std::size_t>(1, std::size_t(wanted)) - 1];
      const std::uint64_t got = histogram.quantile(share);
      CHECK(got >= exact);
      CHECK(got - exact <= exact / 64);
    }
    CHECK(histogram.max() == values.back());
    CHECK(histogram.quantile(1) == values.back());
  }
}

TEST_CASE("a lone value at either end of every bucket is what every quantile says, within 1/64") {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (std::uint64_t step = 0; step < 64; ++step) {
      const std::uint64_t power = std::uint64_t{1} << bit;
      const std::uint64_t value = power + (bit < 6 ? 0 : step << (bit - 6));
      for (const std::uint64_t edge : {value - 1, value}) {
        LatencyHistogram histogram;
        histogram.add(edge);
        histogram.add(kMost);  // so that the maximum does not make it exact
        const std::uint64_t got = histogram.quantile(0.5);
        CAPTURE(edge);
        REQUIRE(got >= edge);
        REQUIRE(got - edge <= edge / 64);
      }
    }
  }
}

TEST_CASE("every value is in one band, between its powers of two") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("latency_histogram bands", 9));
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values = {0, 1, 2, 3, 127, 128, 255, 256, kMost};
  for (int i = 0; i < 1000; ++i) values.push_back(any_value(random, 0));
  for (const std::uint64_t value : values) histogram.add(value);
  std::uint64_t from = 0;
  std::uint64_t all = 0;
  for (const LatencyHistogram::Band& band : histogram.bands()) {
    CHECK((band.up_to & (band.up_to + 1)) == 0);
    // A band that is not there has no values.
    const auto inside = std::count_if(values.begin(), values.end(), [&](std::uint64_t value) {
      return value >= from && value <= band.up_to;
    });
    CHECK(band.count == static_cast<std::uint64_t>(inside));
    from = band.up_to + 1;
    all += band.count;
  }
  CHECK(all == values.size());
}

TEST_CASE("merged histograms are the histogram of all their values") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("latency_histogram merge", 11));
  for (int round = 0; round < 10; ++round) {
    LatencyHistogram a;
    LatencyHistogram b;
    LatencyHistogram both;
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t value = any_value(random, round);
      (random() % 3 == 0 ? a : b).add(value);
      both.add(value);
    }
    a.merge(b);
    check_same(a, both);
    a.merge(LatencyHistogram());
    check_same(a, both);
  }
}

TEST_CASE("a value added many times at once is the value added that often") {
  LatencyHistogram at_once;
  LatencyHistogram one_by_one;
  for (std::uint64_t value = 1; value < kMost / 3; value *= 3) {
    const std::uint64_t count = value % 7;
    at_once.add(value, count);
    for (std::uint64_t i = 0; i < count; ++i) one_by_one.add(value);
  }
  check_same(at_once, one_by_one);
  at_once.add(kMost, 0);
  check_same(at_once, one_by_one);
}

TEST_CASE("what came since an earlier copy is the histogram of the later values") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("latency_histogram since", 13));
  for (int round = 0; round < 20; ++round) {
    LatencyHistogram all;
    LatencyHistogram late;
    for (int i = 0; i < 1000; ++i) all.add(any_value(random, round));
    const LatencyHistogram earlier = all;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t value = any_value(random, round);
      all.add(value);
      late.add(value);
    }
    const LatencyHistogram difference = all.since(earlier);
    CHECK(difference.count() == late.count());
    CHECK(difference.sum() == late.sum());
    CHECK(pairs(difference) == pairs(late));
    CHECK(difference.quantile(0.9) == late.quantile(0.9));
    CHECK(difference.max() >= late.max());
    CHECK(difference.max() - late.max() <= late.max() / 64);
    if (late.max() >= earlier.max()) CHECK(difference.max() == late.max());
  }
}

TEST_CASE("nothing came since now, and all since the beginning") {
  LatencyHistogram histogram;
  histogram.add(5);
  histogram.add(1'000'003, 17);
  check_same(histogram.since(histogram), LatencyHistogram());
  check_same(histogram.since(LatencyHistogram()), histogram);
}

TEST_CASE("without values everything is 0, also after they were forgotten") {
  LatencyHistogram histogram;
  check_same(histogram, LatencyHistogram());
  CHECK(histogram.count() == 0);
  CHECK(histogram.sum() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.bands().empty());
  for (const double share : kShares) CHECK(histogram.quantile(share) == 0);
  histogram.add(7);
  histogram.add(kMost, 3);
  histogram.clear();
  check_same(histogram, LatencyHistogram());
}

TEST_CASE("the least and the greatest value there is are exact") {
  LatencyHistogram histogram;
  histogram.add(0);
  CHECK(histogram.quantile(0.5) == 0);
  CHECK(histogram.quantile(1) == 0);
  histogram.add(kMost, 2);
  CHECK(histogram.quantile(0.33) == 0);
  CHECK(histogram.quantile(0.34) == kMost);
  CHECK(histogram.max() == kMost);
  CHECK(histogram.sum() == kMost - 1);  // modulo 2^64
  CHECK(pairs(histogram) ==
        std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 1}, {kMost, 2}});
  LatencyHistogram full;
  full.add(9, kMost);
  for (const double share : kShares) CHECK(full.quantile(share) == 9);
}

TEST_CASE("the summary is the quantiles by their names") {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.add(value);
  const LatencySummary summary = histogram.summary();
  CHECK(summary.count == 100'000);
  CHECK(summary.p50 == histogram.quantile(0.5));
  CHECK(summary.p99 == histogram.quantile(0.99));
  CHECK(summary.p999 == histogram.quantile(0.999));
  CHECK(summary.p50 < summary.p99);
  CHECK(summary.p99 < summary.p999);
  CHECK(summary.max == 100'000);
}

TEST_CASE("only making, copying and the bands allocate") {
  LatencyHistogram histogram;
  LatencyHistogram other;
  const std::uint64_t before = engine::test::allocations();
  for (std::uint64_t value = 1; value < kMost / 3; value *= 3) histogram.add(value, 2);
  other.merge(histogram);
  const std::uint64_t seen = other.quantile(0.9) + other.summary().p99;
  other.clear();
  const std::uint64_t after = engine::test::allocations();
  CHECK(after == before);
  CHECK(seen != 0);
  CHECK_FALSE(histogram.bands().empty());
  CHECK(engine::test::allocations() > after);  // the counter counts
}

}  // namespace bellpull::netdrv
