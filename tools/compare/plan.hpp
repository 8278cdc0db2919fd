// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "options.hpp"

namespace bellpull::tools::compare {

/// What is compared: a style, or the style that the others are compared to once more. What the
/// second time differs from the first is noise.
struct Contender {
  netdrv::Style style = netdrv::Style::poll;  ///< see netdrv::Style
  bool control = false;                       ///< the second time

  /// Its word: that of the style, or "poll (control)".
  [[nodiscard]] std::string_view name() const noexcept;
  /// Same style, same purpose.
  friend bool operator==(const Contender&, const Contender&) = default;
};

/// What the others are compared to.
inline constexpr Contender kBase{};

/// What is measured once per repetition.
struct Point {
  Contender contender;                          ///< see Contender
  netdrv::Mode mode = netdrv::Mode::interrupt;  ///< see netdrv::Mode
  double load = 0;                              ///< offered, as a share of the capacity
  /// The same in all.
  friend bool operator==(const Point&, const Point&) = default;
};

/// The styles in their order, and the control.
[[nodiscard]] std::vector<Contender> contenders(const Options& options);

/// Every point there is, once; in an order that depends on the seed and the repetition, so that
/// what drifts meanwhile does not favour any.
[[nodiscard]] std::vector<Point> points_of(const Options& options, unsigned repetition);

/// How many measurements there will be in all.
[[nodiscard]] std::size_t planned(const Options& options);

/// The trial that measures a point. All points of a repetition have the same arrivals at the same
/// load.
[[nodiscard]] Trial trial_of(const Options& options, const Point& point, unsigned repetition,
                             double capacity);

/// The trial that finds the capacity, the `number`-th time.
[[nodiscard]] Trial capacity_trial(const Options& options, unsigned number);

}  // namespace bellpull::tools::compare
