// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::netdrv {

/// Nanoseconds on some clock that never goes back, as the owner reads it.
struct Clock {
  std::uint64_t (*now)(void* context) noexcept = nullptr;  ///< null: time stands still at 0
  void* context = nullptr;                                 ///< handed to now()
};

/// The time of CLOCK_MONOTONIC in nanoseconds; fits Clock::now. Any thread.
[[nodiscard]] std::uint64_t monotonic_ns(void* context = nullptr) noexcept;

/// The time of CLOCK_REALTIME in nanoseconds since 1970, which may go back; fits Clock::now. Any
/// thread.
[[nodiscard]] std::uint64_t realtime_ns(void* context = nullptr) noexcept;

}  // namespace bellpull::netdrv
