// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/latency_histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "seeds.hpp"

using bellpull::netdrv::LatencyHistogram;

TEST_CASE("quantiles are at most 1/64 above those of the sorted values, and never below") {
  std::mt19937_64 random(bellpull::ring::test::announce_seed("histogram", 5));
  for (int round = 0; round < 60; ++round) {
    LatencyHistogram histogram;
    std::vector<std::uint64_t> values(1 + random() % 2000);
    for (std::uint64_t& value : values) {
      value = random() >> (round % 2 == 0 ? random() % 64 : 40);
      histogram.add(value);
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
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

TEST_CASE("every value is in one band, between its powers of two") {
  std::mt19937_64 random(9);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values = {
      0, 1, 2, 3, 127, 128, 255, 256, std::numeric_limits<std::uint64_t>::max()};
  for (int i = 0; i < 1000; ++i) values.push_back(random() >> random() % 64);
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

TEST_CASE("merged histograms are one histogram of all values") {
  LatencyHistogram a;
  LatencyHistogram b;
  LatencyHistogram both;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    (i % 3 == 0 ? a : b).add(i * i);
    both.add(i * i);
  }
  a.merge(b);
  CHECK(a.count() == both.count());
  CHECK(a.sum() == both.sum());
  CHECK(a.max() == both.max());
  for (const double share : {0.1, 0.5, 0.99}) CHECK(a.quantile(share) == both.quantile(share));
}

TEST_CASE("without values everything is 0") {
  const LatencyHistogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.quantile(0.5) == 0);
  CHECK(empty.max() == 0);
  CHECK(empty.bands().empty());
}
