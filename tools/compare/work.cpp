// SPDX-License-Identifier: BSD-2-Clause
#include "work.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace bellpull::tools::compare {

void spin(std::uint64_t turns) noexcept {
  // Each turn needs the one before, so that no processor does several at once.
  std::uint64_t value = turns;
  for (std::uint64_t i = 0; i < turns; ++i) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(value));
  }
}

double turns_per_ns() {
  static const double measured = [] {
    using Clock = std::chrono::steady_clock;
    constexpr std::uint64_t kTurns = 1'000'000;
    double best = 0;
    // The fastest of several: the others were disturbed.
    for (int i = 0; i < 16; ++i) {
      const auto start = Clock::now();
      spin(kTurns);
      const std::chrono::duration<double, std::nano> time = Clock::now() - start;
      best = std::max(best, static_cast<double>(kTurns) / time.count());
    }
    return best;
  }();
  return measured;
}

Worker::Worker(unsigned work_ns, std::optional<unsigned> onto)
    : turns_(static_cast<std::uint64_t>(turns_per_ns() * static_cast<double>(work_ns))),
      onto_(onto) {}

void Worker::receive(unsigned, std::span<netdrv::Packet> burst, netdrv::Egress& egress) noexcept {
  for (netdrv::Packet& packet : burst) {
    spin(turns_);
    if (onto_) {
      egress.send(*onto_, std::move(packet));
    } else {
      egress.consume(std::move(packet));
    }
  }
  frames_.add(burst.size());
}

}  // namespace bellpull::tools::compare
