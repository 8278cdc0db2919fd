// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine {

/// Which of the things that a rule of a fault plan concerns it hits.
struct FaultTurn {
  std::uint64_t every = 1;           ///< every so-manieth of them, not 0
  std::uint64_t offset = 0;          ///< the first so many are left alone
  std::uint32_t chance = 1'000'000;  ///< of those, so many in a million
  std::uint64_t limit = 0;           ///< at most so many; 0: no limit

  /// Whether all members are equal.
  bool operator==(const FaultTurn&) const = default;
};

/// Counts them for one rule. What it answers depends on the seed, the rule and the count alone, so
/// that asking twice gives the same. One thread.
class FaultTurns {
 public:
  /// Of rule number `rule` of a plan with that seed.
  FaultTurns(const FaultTurn& turn, std::uint64_t seed, std::uint64_t rule) noexcept
      : turn_(turn), origin_(seed + 0xD1B54A32D192ED03u * (rule + 1)) {}

  /// Whether the next one is hit.
  [[nodiscard]] bool hits() const noexcept {
    if (seen_ < turn_.offset) return false;
    if (turn_.limit != 0 && made_ >= turn_.limit) return false;
    if ((seen_ - turn_.offset) % turn_.every != turn_.every - 1) return false;
    return random(1) % 1'000'000 < turn_.chance;
  }

  /// A random number for the next one; another for each `use`, 0 to 3.
  [[nodiscard]] std::uint64_t random(std::uint64_t use) const noexcept {
    std::uint64_t x = origin_ + 0x9E3779B97F4A7C15u * (4 * seen_ + use);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }

  /// One came by.
  void saw(bool hit) noexcept {
    ++seen_;
    if (hit) ++made_;
  }

 private:
  FaultTurn turn_;
  std::uint64_t origin_;
  std::uint64_t seen_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace bellpull::engine
