// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "dmatest/worker.hpp"
#include "dmatest_options.hpp"

namespace bellpull::tools::dmatest {

/// All that there is to report of a test.
struct Report {
  Options options;                ///< what was asked for
  Totals totals;                  ///< of all workers
  std::vector<Failure> failures;  ///< at most one per worker
  bool interrupted = false;       ///< a signal ended it

  /// Seconds from the first transfer to the last.
  [[nodiscard]] double seconds() const noexcept;
  /// Seconds inside of the back-ends while they had transfers; of all channels together.
  [[nodiscard]] double work_seconds() const noexcept;
  /// Seconds that filling memory and looking at it took; of all threads together.
  [[nodiscard]] double verify_seconds() const noexcept;
  /// Transfers per second, in the whole time.
  [[nodiscard]] double transfers_per_second() const noexcept;
  /// Bytes per second, in the whole time.
  [[nodiscard]] double bytes_per_second() const noexcept;
  /// Bytes per second of one channel while its back-end is at work.
  [[nodiscard]] double bytes_per_work_second() const noexcept;
  /// "verified", "not verified", or the word of the first failure.
  [[nodiscard]] std::string_view verdict() const noexcept;
};

/// A quantile that is reported.
struct Quantile {
  std::string_view name;  ///< as in "p99"
  double share;           ///< 0 to 1
};

/// Those that are reported, beside the maximum.
inline constexpr std::array kQuantiles = {Quantile{"p50", 0.5}, Quantile{"p90", 0.9},
                                          Quantile{"p99", 0.99}, Quantile{"p99.9", 0.999}};

/// One line: what failed, with which transfer, and the command that does it again.
[[nodiscard]] std::string describe(const Options& options, const Failure& failure);

/// The report for people.
[[nodiscard]] std::string to_table(const Report& report);

/// The same as one JSON object on one line.
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace bellpull::tools::dmatest
