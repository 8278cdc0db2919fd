// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bellpull::tools::dmatest {

/// A number that looks random and depends on every bit of `value`.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
  // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9U;
  value = (value ^ value >> 27) * 0x94D049BB133111EBU;
  return value ^ value >> 31;
}

/// Numbers in a row, the same on every machine and with every standard library.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}

  /// The next number.
  constexpr std::uint64_t next() noexcept { return mixed(state_ += kStep); }
  /// One below `limit`, which is not 0.
  constexpr std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }
  /// True once in `times`.
  constexpr bool once_in(std::uint64_t times) noexcept { return below(times) == 0; }

  /// What the state moves on by: SplitMix64's.
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;

 private:
  std::uint64_t state_;
};

/// An endless row of random bytes of which any part can be made again, so that nobody has to keep a
/// copy to compare with. Rows of different keys have nothing in common, and none has a period that
/// a misplaced byte could hide behind.
class RandomBytes {
 public:
  explicit constexpr RandomBytes(std::uint64_t key) noexcept : key_(mixed(key + Random::kStep)) {}

  /// The byte at `offset`.
  [[nodiscard]] std::byte at(std::uint64_t offset) const noexcept;
  /// Writes those from `offset` on.
  void fill(std::uint64_t offset, std::span<std::byte> bytes) const noexcept;
  /// Where `bytes` first differ from those from `offset` on, if they do.
  [[nodiscard]] std::optional<std::size_t> mismatch(
      std::uint64_t offset, std::span<const std::byte> bytes) const noexcept;

 private:
  [[nodiscard]] std::uint64_t word(std::uint64_t index) const noexcept {
    return mixed(key_ + index * Random::kStep);
  }

  std::uint64_t key_;
};

}  // namespace bellpull::tools::dmatest
