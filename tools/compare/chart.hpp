// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "statistics.hpp"

namespace bellpull::tools::compare {

/// A number with what it is plotted over.
struct Mark {
  double x = 0;               ///< above 0
  std::optional<Estimate> y;  ///< with a bar for its interval; none: the line has a gap there
};

/// A line of a chart.
struct Series {
  std::string name;         ///< for the legend; the same in all panels
  std::vector<Mark> marks;  ///< in the order of their x
  bool control = false;     ///< dashed and grey, for what is no equal of the others
};

/// Lines between one pair of axes.
struct Panel {
  std::string title;           ///< above it
  std::vector<Series> series;  ///< as many in every panel, at most six beside the control
};

/// Panels side by side, with the same axes and one legend.
struct Chart {
  std::string title;          ///< what it shows
  std::string subtitle;       ///< how that was found
  std::string x_title;        ///< with the unit
  std::string y_title;        ///< with the unit
  std::vector<double> x;      ///< all that is plotted over, at least one
  bool logarithmic_y = true;  ///< the other axis is always logarithmic
  std::vector<Panel> panels;  ///< at least one
};

/// The chart as an SVG picture. What a logarithmic axis has no place for is left out.
[[nodiscard]] std::string to_svg(const Chart& chart);

}  // namespace bellpull::tools::compare
