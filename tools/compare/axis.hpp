// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <vector>

namespace bellpull::tools::compare {

/// Numbers along a line.
struct Axis {
  double low = 0;             ///< at its beginning
  double high = 1;            ///< at its end, above `low`
  bool logarithmic = false;   ///< then both are above 0
  std::vector<double> ticks;  ///< numbers worth a label, from `low` to `high`

  /// Whether it has a place for that number.
  [[nodiscard]] bool shows(double value) const noexcept;
  /// Where it is: 0 at the beginning, 1 at the end.
  [[nodiscard]] double at(double value) const noexcept;
};

/// From 0 to above all of `values`, in even steps of 1, 2 or 5 times a power of ten.
[[nodiscard]] Axis linear_axis(const std::vector<double>& values);

/// Around those of `values` that are above 0, from a power of ten to another.
[[nodiscard]] Axis decade_axis(const std::vector<double>& values);

/// Logarithmic, with a tick for each of `values`, which are above 0, and some room on either side.
[[nodiscard]] Axis tick_axis(const std::vector<double>& values);

}  // namespace bellpull::tools::compare
