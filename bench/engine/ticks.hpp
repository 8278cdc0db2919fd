// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <cstdint>

namespace bellpull::bench {

/// The processor's clock, which runs at one speed and is the same on all cores. Cheaper than the
/// kernel's, and never later than what follows it.
[[nodiscard]] inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// From its making on, compares that clock with the kernel's.
class TickRate {
 public:
  /// The longer ago it was made, the better.
  [[nodiscard]] double nanoseconds_per_tick() const {
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - time_;
    return time.count() / static_cast<double>(ticks() - ticks_);
  }

 private:
  std::chrono::steady_clock::time_point time_ = std::chrono::steady_clock::now();
  std::uint64_t ticks_ = ticks();
};

}  // namespace bellpull::bench
