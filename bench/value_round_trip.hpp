// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>

#include "pinning.hpp"

namespace bellpull::bench {

/// How long a cache line takes from the caller's core to `other` and back, in nanoseconds: what
/// core_round_trip prints, within the program, for a millisecond or so.
[[nodiscard]] inline double round_trip_ns(unsigned other) {
  constexpr int kTrips = 1000;
  constexpr int kOver = -1;
  // Of a core that others use as well, fewer rounds say enough.
  constexpr double kEnoughNs = 2e7;
  std::array<double, 5> rounds{};
  struct alignas(128) {
    std::atomic<int> at{0};
  } ball;
  std::thread partner([&] {
    pin_to(other);
    for (int trip = 0, seen = 0;; ++trip) {
      // Pairs with the caller's stores, as the caller's loads do with the store below.
      while ((seen = ball.at.load(std::memory_order_acquire)) != 2 * trip + 1) {
        if (seen == kOver) return;
      }
      ball.at.store(2 * trip + 2, std::memory_order_release);
    }
  });
  int trip = 0;
  std::size_t done = 0;
  for (double total = 0; done < rounds.size() && total < kEnoughNs; ++done) {
    const auto start = std::chrono::steady_clock::now();
    for (const int end = trip + kTrips; trip < end; ++trip) {
      ball.at.store(2 * trip + 1, std::memory_order_release);
      while (ball.at.load(std::memory_order_acquire) != 2 * trip + 2) {
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    rounds[done] = took.count() / kTrips * 1e9;
    total += took.count() * 1e9;
  }
  ball.at.store(kOver, std::memory_order_release);  // pairs with the partner's load
  partner.join();
  std::sort(rounds.begin(), rounds.begin() + static_cast<std::ptrdiff_t>(done));
  return rounds[done / 2];
}

}  // namespace bellpull::bench
