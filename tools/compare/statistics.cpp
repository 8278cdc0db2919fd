// SPDX-License-Identifier: BSD-2-Clause
#include "statistics.hpp"

#include <algorithm>

#include "dmatest/random.hpp"

namespace bellpull::tools::compare {

namespace {

constexpr std::size_t kResamples = 1000;
constexpr std::size_t kOutside = kResamples / 40;  // 2.5 % on either side

double median_in_place(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

Interval bootstrap(const std::vector<double>& values, std::uint64_t seed) {
  dmatest::Random dice(seed);
  std::vector<double> medians;
  std::vector<double> drawn(values.size());
  for (std::size_t i = 0; i < kResamples; ++i) {
    for (double& value : drawn) value = values[dice.below(values.size())];
    medians.push_back(median_in_place(drawn));
  }
  std::sort(medians.begin(), medians.end());
  return {medians[kOutside], medians[kResamples - 1 - kOutside]};
}

}  // namespace

double median(std::vector<double> values) {
  return median_in_place(values);
}

std::optional<Estimate> estimate(const std::vector<double>& values, std::uint64_t seed) {
  if (values.empty()) return std::nullopt;
  Estimate result{.median = median(values), .interval = {}};
  if (values.size() >= kEnough) result.interval = bootstrap(values, seed);
  return result;
}

}  // namespace bellpull::tools::compare
