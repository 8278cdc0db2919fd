// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

namespace bellpull::netdrv::test {

/// Random delays that move two threads against each other: mostly none, often a few instructions,
/// sometimes the rest of a time slice, now and then 10 to 100 us. One thread.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : random_(static_cast<std::mt19937::result_type>(seed)) {}

  /// Waits, or not.
  void operator()() noexcept {
    const std::uint32_t drawn = draw();
    if ((drawn & 7) != 0) return;
    const unsigned turns = (drawn >> 3) & 127;
    for (unsigned i = 0; i < turns; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    if ((drawn >> 10 & 31) == 0) ::sched_yield();
    if ((drawn >> 15 & 1023) == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(10 + (drawn >> 25) * 90 / 127));
    }
  }

  /// 32 random bits.
  std::uint32_t draw() noexcept { return static_cast<std::uint32_t>(random_()); }

  /// True once in so many times.
  bool once_in(unsigned times) noexcept { return draw() % times == 0; }

 private:
  std::mt19937 random_;
};

}  // namespace bellpull::netdrv::test
