// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <ctime>

namespace bellpull::netdrv {

/// As the kernel's timers have it, from nanoseconds. Any thread.
[[nodiscard]] constexpr timespec to_timespec(std::uint64_t ns) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return {.tv_sec = static_cast<time_t>(ns / kSecond), .tv_nsec = static_cast<long>(ns % kSecond)};
}

}  // namespace bellpull::netdrv
