// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bellpull/netdrv/latency_histogram.hpp"
#include "generate/flow_ledger.hpp"
#include "output.hpp"

namespace bellpull::tools::generate {

/// A figure.
struct Figure {
  std::string_view name;                      ///< as in JSON
  std::string_view help;                      ///< one line
  std::variant<std::uint64_t, double> value;  ///< in the unit that the name ends in
  bool counts = true;                         ///< it only grows
};

/// What there is to report of either end.
struct Report {
  std::string title;                                        ///< what it did, on which interface
  std::vector<std::pair<std::string, std::string>> labels;  ///< how it did it
  std::vector<Figure> figures;                              ///< in the order they are shown
  std::vector<std::pair<std::uint16_t, FlowCounts>> flows;  ///< of a receiver
  netdrv::LatencyHistogram latency;                         ///< of a receiver
};

/// Ends in a newline. `receiver`: whether there are flows and a latency.
[[nodiscard]] std::string render(const Report& report, Format format, bool receiver);

/// Nanoseconds as seconds, the nearest there is.
[[nodiscard]] constexpr double seconds_of(std::uint64_t ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

/// A rate per second, 0 in no time.
[[nodiscard]] constexpr double per_second(std::uint64_t count, double seconds) noexcept {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace bellpull::tools::generate
