// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::tools {

/// Processor time in microseconds, as exact as the kernel gives it.
struct CpuTime {
  std::uint64_t user_us = 0;    ///< in the program
  std::uint64_t system_us = 0;  ///< in the kernel on its behalf

  /// What was used since `earlier`.
  [[nodiscard]] CpuTime since(const CpuTime& earlier) const noexcept {
    return {user_us - earlier.user_us, system_us - earlier.system_us};
  }
};

/// Microseconds as seconds, the nearest there is.
[[nodiscard]] constexpr double to_seconds(std::uint64_t us) noexcept {
  return static_cast<double>(us) / 1e6;
}

/// What all threads have used so far.
[[nodiscard]] CpuTime cpu_of_process() noexcept;

/// What the calling thread has used so far.
[[nodiscard]] CpuTime cpu_of_thread() noexcept;

}  // namespace bellpull::tools
