// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <random>

#include "bellpull/ring/doorbell.hpp"
#include "long_run.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {

/// A sleep of so many milliseconds is a lost wake-up.
inline constexpr int kTooLong = 20'000;

/// How often a case sleeps: often with BELLPULL_LONG=1 in the environment.
inline std::uint64_t sleeps(std::uint64_t with_long, std::uint64_t usual) {
  return engine::test::scaled(engine::test::long_run() ? with_long : usual);
}

/// Delays of random length, mostly short, the longest about as long as a wake-up takes.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : random_(seed) {}
  void spin() {
    const std::uint64_t bits = random_();
    const std::uint64_t most = std::uint64_t{1} << (bits % 13);
    for (std::uint64_t left = (bits >> 8U) % most; left != 0; --left) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
  }
  std::uint32_t up_to(std::uint32_t most) {
    return 1 + static_cast<std::uint32_t>(random_() % most);
  }

 private:
  std::mt19937_64 random_;
};

/// Keeps the thread on one of the processors that it may use, until the end of the scope or
/// leave(). Two that wake each other come to share a processor otherwise, and then hardly ever
/// race; but two that may not share one wait long where others are busy. With a single processor
/// there is no choice.
class OnProcessor {
 public:
  explicit OnProcessor(int number) {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) CPU_ZERO(&before_);
    if (CPU_COUNT(&before_) == 0) return;
    int left = number % CPU_COUNT(&before_);
    int processor = 0;
    while (!CPU_ISSET(processor, &before_) || left-- != 0) ++processor;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one);  // without it there are fewer races, and no harm
  }
  OnProcessor(const OnProcessor&) = delete;
  OnProcessor& operator=(const OnProcessor&) = delete;
  ~OnProcessor() { leave(); }

  void leave() {
    if (CPU_COUNT(&before_) != 0) sched_setaffinity(0, sizeof before_, &before_);
    CPU_ZERO(&before_);
  }

 private:
  cpu_set_t before_;
};

/// One half's way to its sleep.
struct Sleeper {
  /// Sleeps on `bell` unless arm() says not to. Whether all is well.
  template <class Half>
  bool sleep_unless_work(Half& half, Doorbell& bell) {
    if (half.arm()) {
      ++met;
      return true;
    }
    ++slept;
    const Wake wake = bell.wait(kTooLong);
    half.disarm();
    return wake == Wake::rang;
  }

  std::uint64_t slept = 0;
  std::uint64_t met = 0;  // what arm() found at its second look
};

}  // namespace bellpull::ring::test
