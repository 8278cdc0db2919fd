// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <numeric>

#include "compare/statistics.hpp"
#include "dmatest/random.hpp"

using namespace bellpull::tools;
using namespace bellpull::tools::compare;

TEST_CASE("compare: the median is the middle value, or the mean of two") {
  CHECK(median({3}) == 3);
  CHECK(median({9, 1, 5}) == 5);
  CHECK(median({4, 1, 100, 2}) == 3);
  CHECK(median({2, 2, 2, 2}) == 2);
}

TEST_CASE("compare: nothing has no estimate, and few values have no interval") {
  CHECK_FALSE(estimate({}, 1));
  const auto five = estimate({1, 2, 3, 4, 5}, 1);
  REQUIRE(five);
  CHECK(five->median == 3);
  CHECK_FALSE(five->interval);
  CHECK_FALSE(five->differs_from(1000));
  CHECK(estimate({1, 2, 3, 4, 5, 6}, 1)->interval);
}

TEST_CASE("compare: values that are the same leave no doubt") {
  const auto same = estimate({7, 7, 7, 7, 7, 7}, 1);
  REQUIRE(same);
  REQUIRE(same->interval);
  CHECK(same->interval->low == 7);
  CHECK(same->interval->high == 7);
  CHECK_FALSE(same->differs_from(7));
  CHECK(same->differs_from(7.1));
}

TEST_CASE("compare: the interval is that of all resamples") {
  // Of 99 values in order, the median of a resample is at or below number k with the probability
  // that 50 or more of 99 draws are, each with k/99: 2.5 % for k between 40 and 41, 97.5 % for k
  // between 59 and 60. 1000 resamples come within two of both.
  std::vector<double> values(99);
  std::iota(values.begin(), values.end(), 1.0);
  const auto result = estimate(values, 12345);
  REQUIRE(result);
  REQUIRE(result->interval);
  CHECK(result->median == 50);
  CHECK(result->interval->low >= 38);
  CHECK(result->interval->low <= 42);
  CHECK(result->interval->high >= 58);
  CHECK(result->interval->high <= 62);
  CHECK(estimate(values, 12345)->interval->low == result->interval->low);
}

TEST_CASE("compare: about 95 of 100 intervals hold the truth") {
  dmatest::Random dice(2026);
  unsigned held = 0;
  constexpr unsigned kTimes = 400;
  for (unsigned i = 0; i < kTimes; ++i) {
    std::vector<double> values;
    for (int k = 0; k < 9; ++k) values.push_back(static_cast<double>(dice.below(1'000'001)) / 1e6);
    held += !estimate(values, i)->differs_from(0.5);
  }
  // Percentiles of nine values are a little narrow or wide; what is far off is wrong.
  CHECK(held > kTimes * 88 / 100);
  CHECK(held < kTimes);
}
