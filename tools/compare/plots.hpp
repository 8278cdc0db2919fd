// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "report.hpp"

namespace bellpull::tools::compare {

/// What the pictures are called: goodput, latency and processor time over the load.
inline constexpr std::array<std::string_view, 3> kPlotFiles = {"goodput.svg", "p99.svg", "cpu.svg"};

/// The pictures, in the order of kPlotFiles: a line per contender, a panel per mode.
[[nodiscard]] std::vector<std::string> plots_of(const Results& results);

}  // namespace bellpull::tools::compare
