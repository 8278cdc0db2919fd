// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bellpull/netdrv/latency_histogram.hpp"
#include "plan.hpp"

namespace bellpull::tools::compare {

/// One point, measured once.
struct Measurement {
  unsigned repetition = 0;         ///< from 0 on
  Point point;                     ///< what was measured
  Outcome outcome;                 ///< without the histograms, which many repetitions add up to
  netdrv::LatencySummary latency;  ///< what is asked of them

  /// Takes the outcome over.
  Measurement(unsigned number, const Point& measured, Outcome&& what);
};

/// A number that a measurement comes to.
struct Metric {
  std::string_view name;  ///< in JSON; the unit is part of it
  bool compared;          ///< whether the ratio to kBase is of interest
  /// Its value; none when there was nothing to divide by, or nothing to measure.
  std::optional<double> (*value)(const Measurement&);
};

/// The numbers, for whom they matter by name.
enum class Quantity : std::uint8_t {
  goodput,        ///< frames per second that the application was done with
  cpu,            ///< ns of processor time per frame, of all threads
  loop_cpu,       ///< of these, of the loop's thread
  engine_cpu,     ///< of these, of all other threads: the engine and the device
  system_cpu,     ///< of all threads, in the kernel
  p50,            ///< ns from when a frame was due to its hand-over, median
  p99,            ///< the same, 99 of 100
  p999,           ///< the same, 999 of 1000
  notifies,       ///< bells per frame
  border_calls,   ///< between driver and engine, per frame
  largest_burst,  ///< frames handed over in one call
  missed,         ///< share of the frames that met no buffer
  dropped,        ///< share of the frames that were received and then dropped
};

/// All of them, in the order of Quantity.
[[nodiscard]] std::span<const Metric> metrics() noexcept;

/// That one.
[[nodiscard]] const Metric& metric(Quantity quantity) noexcept;

}  // namespace bellpull::tools::compare
