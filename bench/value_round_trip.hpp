// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "pinning.hpp"

namespace bellpull::bench {

/// How long a cache line takes from the caller's core to `other` and back, in nanoseconds: what
/// core_round_trip prints, within the program, for a millisecond or so.
[[nodiscard]] inline double round_trip_ns(unsigned other) {
  constexpr int kTrips = 1000;
  std::array<double, 5> rounds{};
  struct alignas(128) {
    std::atomic<int> at{0};
  } ball;
  std::thread partner([&] {
    pin_to(other);
    for (int trip = 0; trip < kTrips * static_cast<int>(rounds.size()); ++trip) {
      // Pairs with the caller's stores, as the caller's loads do with the store below.
      while (ball.at.load(std::memory_order_acquire) != 2 * trip + 1) {
      }
      ball.at.store(2 * trip + 2, std::memory_order_release);
    }
  });
  int trip = 0;
  for (double& round : rounds) {
    const auto start = std::chrono::steady_clock::now();
    for (const int end = trip + kTrips; trip < end; ++trip) {
      ball.at.store(2 * trip + 1, std::memory_order_release);
      while (ball.at.load(std::memory_order_acquire) != 2 * trip + 2) {
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    round = took.count() / kTrips * 1e9;
  }
  partner.join();
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

}  // namespace bellpull::bench
