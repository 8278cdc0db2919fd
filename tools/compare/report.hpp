// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "machine.hpp"
#include "metrics.hpp"
#include "statistics.hpp"

namespace bellpull::tools::compare {

/// All that was measured.
struct Results {
  Options options;                        ///< what was asked for
  Machine machine;                        ///< where
  std::vector<double> capacities;         ///< frames per second, each time it was measured
  std::vector<Measurement> measurements;  ///< in the order in which they were made
  /// The median of the capacities; 0 without any.
  [[nodiscard]] double capacity() const;
  /// The frames of all measurements that nobody can account for; see Outcome::unexplained.
  [[nodiscard]] std::uint64_t unexplained() const;
  /// Whether it was ended before everything was measured.
  [[nodiscard]] bool partial() const { return measurements.size() < planned(options); }
};

/// What the repetitions of a point come to. Those in which the device was late have no part in it.
struct Summary {
  Contender contender;                          ///< see Contender
  std::size_t valid = 0;                        ///< repetitions that count
  std::size_t invalid = 0;                      ///< those that do not
  std::vector<std::optional<Estimate>> values;  ///< per metric
  /// Per metric, to kBase at the same load and mode in the same repetition; none of kBase itself,
  /// and for metrics that are not compared.
  std::vector<std::optional<Estimate>> ratios;

  /// What a number came to, if it did.
  [[nodiscard]] const std::optional<Estimate>& value(Quantity quantity) const {
    return values[static_cast<std::size_t>(quantity)];
  }
  /// Its ratio, if there is one.
  [[nodiscard]] const std::optional<Estimate>& ratio(Quantity quantity) const {
    return ratios[static_cast<std::size_t>(quantity)];
  }
};

/// The contenders side by side.
struct Scene {
  netdrv::Mode mode = netdrv::Mode::interrupt;  ///< see netdrv::Mode
  double load = 0;                              ///< as a share of the capacity
  std::vector<Summary> summaries;               ///< in the order of contenders()
};

/// A scene for each mode and load, in their order.
[[nodiscard]] std::vector<Scene> scenes_of(const Results& results);

/// The report for people.
[[nodiscard]] std::string to_table(const Results& results);

/// The same, and every measurement, as one JSON object on one line.
[[nodiscard]] std::string to_json(const Results& results);

}  // namespace bellpull::tools::compare
