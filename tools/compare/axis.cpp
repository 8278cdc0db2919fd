// SPDX-License-Identifier: BSD-2-Clause
#include "axis.hpp"

#include <algorithm>
#include <cmath>

namespace bellpull::tools::compare {

bool Axis::shows(double value) const noexcept {
  return value >= low && value <= high;
}

double Axis::at(double value) const noexcept {
  if (!logarithmic) return (value - low) / (high - low);
  return std::log(value / low) / std::log(high / low);
}

Axis linear_axis(const std::vector<double>& values) {
  constexpr double kMostSteps = 6;
  double most = 0;
  for (const double value : values) most = std::max(most, value);
  if (most <= 0) return {.ticks = {0, 1}};
  double step = std::pow(10, std::floor(std::log10(most / kMostSteps)));
  for (const double more : {2.0, 2.5, 2.0}) {  // 1, 2, 5, 10
    if (most / step > kMostSteps) step *= more;
  }
  Axis axis{.high = step * std::ceil(most / step), .ticks = {}};
  const auto steps = static_cast<int>(std::lround(axis.high / step));
  for (int i = 0; i <= steps; ++i) axis.ticks.push_back(axis.high * i / steps);
  return axis;
}

Axis decade_axis(const std::vector<double>& values) {
  double least = INFINITY;
  double most = 0;
  for (const double value : values) {
    if (value <= 0) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (most == 0) least = most = 1;
  const auto first = static_cast<int>(std::floor(std::log10(least)));
  const int last = std::max(static_cast<int>(std::ceil(std::log10(most))), first + 1);
  Axis axis{
      .low = std::pow(10, first), .high = std::pow(10, last), .logarithmic = true, .ticks = {}};
  for (int decade = first; decade <= last; ++decade) axis.ticks.push_back(std::pow(10, decade));
  return axis;
}

Axis tick_axis(const std::vector<double>& values) {
  constexpr double kRoom = 1.5;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {.low = *least / kRoom, .high = *most * kRoom, .logarithmic = true, .ticks = values};
}

}  // namespace bellpull::tools::compare
