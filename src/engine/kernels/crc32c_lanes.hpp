// SPDX-License-Identifier: BSD-2-Clause
// CRC-32C with the processor's instruction for it; for the sets' files only (sets.hpp).
//
// One crc32 instruction must wait for the one before it, but the processor can have three under
// way. So three neighbouring stretches of equal length are summed up side by side and then put
// together: to put n more bits behind a checksum is to multiply it by x^n.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crc32c_polynomial.hpp"

namespace bellpull::engine::kernels {
namespace {

/// x^n modulo the polynomial. Never runs in the program: the sets want only constants of it.
[[nodiscard]] constexpr std::uint32_t power_of_x(unsigned n) {
  std::uint32_t power = 0x80000000;
  for (unsigned i = 0; i < n; ++i) power = (power >> 1) ^ ((power & 1) != 0 ? kCastagnoli : 0);
  return power;
}

inline constexpr std::size_t kWord = 8;

/// Words in the longest stretch.
inline constexpr std::size_t kMaxLane = 256;

[[nodiscard]] inline std::uint64_t load_word(const std::byte* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, kWord);
  return word;
}

/// Factors that put words of zeros behind a checksum, one for each number of words.
struct Shifts {
  std::uint32_t by_words[3 * kMaxLane + 1];
};

/// Both factors have their x^0 in bit 31, so bit 63 of the product of 64 bits is x^-1, and the
/// crc32 instruction multiplies by another x^32: 33 less than what is wanted.
constexpr Shifts make_shifts() {
  Shifts shifts{};
  std::uint32_t power = power_of_x(64 - 33);
  for (std::size_t words = 1; words <= 3 * kMaxLane; ++words) {
    shifts.by_words[words] = power;
    for (int i = 0; i < 64; ++i) power = (power >> 1) ^ ((power & 1) != 0 ? kCastagnoli : 0);
  }
  return shifts;
}

inline constexpr Shifts kShifts = make_shifts();

/// The product that becomes the checksum with `words` of zeros behind it when the crc32 instruction
/// reduces it.
[[nodiscard]] inline std::uint64_t shifted(std::uint64_t crc, std::size_t words) noexcept {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)),
                           _mm_cvtsi32_si128(static_cast<int>(kShifts.by_words[words])), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

/// Sums up the word at an offset, and copies it to the same place of `to`.
template <bool Copy>
[[nodiscard]] inline std::uint64_t take_word(std::uint64_t crc, std::byte* to,
                                             const std::byte* from, std::size_t at) noexcept {
  const std::uint64_t word = load_word(from + at);
  if constexpr (Copy) std::memcpy(to + at, &word, kWord);
  return _mm_crc32_u64(crc, word);
}

/// Three checksums of neighbouring stretches, under way.
template <bool Copy>
struct Lanes {
  std::uint64_t first;
  std::uint64_t second = 0;
  std::uint64_t third = 0;

  /// Takes the word at an offset within each stretch; `lane` is their length.
  [[gnu::always_inline]] void take(std::byte* to, const std::byte* from, std::size_t lane,
                                   std::size_t at) noexcept {
    first = take_word<Copy>(first, to, from, at);
    second = take_word<Copy>(second, to, from, lane + at);
    third = take_word<Copy>(third, to, from, 2 * lane + at);
  }

  /// The checksum of all three.
  [[nodiscard]] std::uint64_t joined(std::size_t words) const noexcept {
    return third ^ _mm_crc32_u64(0, shifted(first, 2 * words) ^ shifted(second, words));
  }
};

/// The last few, one after the other.
template <bool Copy>
[[nodiscard]] std::uint32_t take_rest(std::uint64_t crc, std::byte* to, const std::byte* from,
                                      std::size_t bytes) noexcept {
  std::size_t at = 0;
  for (; bytes - at >= kWord; at += kWord) crc = take_word<Copy>(crc, to, from, at);
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; at < bytes; ++at) {
    if constexpr (Copy) to[at] = from[at];
    narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(from[at]));
  }
  return narrow;
}

/// Without the inversions. `to` is used with Copy only.
template <bool Copy>
[[nodiscard]] std::uint32_t take_lanes(std::uint32_t seed, std::byte* to, const std::byte* from,
                                       std::size_t bytes) noexcept {
  // Below that the multiplications cost more than waiting does.
  constexpr std::size_t kWorthwhile = 16;
  std::uint64_t crc = seed;
  while (bytes >= 3 * kWorthwhile * kWord) {
    const std::size_t fitting = bytes / (3 * kWord);
    const std::size_t words = fitting < kMaxLane ? fitting : kMaxLane;
    const std::size_t lane = words * kWord;
    Lanes<Copy> lanes{crc};
    for (std::size_t at = 0; at < lane; at += kWord) lanes.take(to, from, lane, at);
    crc = lanes.joined(words);
    if constexpr (Copy) to += 3 * lane;
    from += 3 * lane;
    bytes -= 3 * lane;
  }
  return take_rest<Copy>(crc, to, from, bytes);
}

}  // namespace
}  // namespace bellpull::engine::kernels
