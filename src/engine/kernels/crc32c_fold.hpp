// SPDX-License-Identifier: BSD-2-Clause
// CRC-32C with the carry-less multiplication of AVX-512 and with the crc32 instruction at the same
// time; for avx512.cpp only (sets.hpp).
//
// A block is cut in two: its first part is summed up in four wide registers, each of which carries
// every fourth line: in a step its sum so far moves up by four lines and the next line is added.
// The second part goes through the three lanes of crc32c_lanes.hpp, whose instruction the processor
// executes beside the multiplications.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_limits.hpp"
#include "crc32c_lanes.hpp"
#include "vector_copy.hpp"

namespace bellpull::engine::kernels {
namespace {

/// Factors that put `Bits` of zeros behind the 128 bits in each quarter of a register. The first is
/// for the word that comes first, which stands 64 bits higher; 33 as in crc32c_lanes.hpp.
template <unsigned Bits>
struct Fold {
  static constexpr std::uint32_t kFirst = power_of_x(Bits + 64 - 33);
  static constexpr std::uint32_t kSecond = power_of_x(Bits - 33);
};

template <unsigned A, unsigned B, unsigned C, unsigned D>
[[nodiscard]] inline __m512i factors() noexcept {
  return _mm512_set_epi64(Fold<D>::kSecond, Fold<D>::kFirst, Fold<C>::kSecond, Fold<C>::kFirst,
                          Fold<B>::kSecond, Fold<B>::kFirst, Fold<A>::kSecond, Fold<A>::kFirst);
}

[[nodiscard]] inline __m512i fold(__m512i value, __m512i by, __m512i next) noexcept {
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(value, by, 0x00),
                                   _mm512_clmulepi64_epi128(value, by, 0x11), next, kXorOfThree);
}

/// 128 bits of a register. Masked, because g++ 12 warns of what is left undefined otherwise.
template <int Which>
[[nodiscard]] inline __m128i quarter(__m512i value) noexcept {
  return _mm512_maskz_extracti32x4_epi32(0xF, value, Which);
}

/// What is left of 512 bits, as a checksum without inversions.
[[nodiscard]] inline std::uint64_t reduce(__m512i value) noexcept {
  // The last quarter stays where it is, so its products (by whatever) are not used.
  const __m512i products = fold(value, factors<384, 256, 128, 128>(), _mm512_setzero_si512());
  const __m128i sum = _mm_xor_si128(_mm_xor_si128(quarter<0>(products), quarter<1>(products)),
                                    _mm_xor_si128(quarter<2>(products), quarter<3>(value)));
  const auto first = static_cast<std::uint64_t>(_mm_extract_epi64(sum, 0));
  const auto second = static_cast<std::uint64_t>(_mm_extract_epi64(sum, 1));
  return _mm_crc32_u64(_mm_crc32_u64(0, first), second);
}

/// What is done with the bytes besides.
enum class Also { nothing, copy, copy_streaming };

/// Loads the line at an offset, and copies it to the same place of `to`, where a line begins.
template <Also Work>
[[nodiscard]] inline __m512i take_line(std::byte* to, const std::byte* from,
                                       std::size_t at) noexcept {
  const __m512i value = _mm512_loadu_si512(from + at);
  if constexpr (Work == Also::copy) _mm512_store_si512(to + at, value);
  if constexpr (Work == Also::copy_streaming) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at), value);
  }
  return value;
}

/// What is done in one round: so many words of each lane keep the crc32 instruction busy for as
/// long as four lines keep the multiplications.
inline constexpr std::size_t kRoundLines = 4 * kLine;
inline constexpr std::size_t kRoundLane = 5 * kWord;
inline constexpr std::size_t kRound = kRoundLines + 3 * kRoundLane;

/// The most that the factors of the lanes allow, in whole cache lines.
inline constexpr std::size_t kMaxRounds = kMaxLane * kWord / kRoundLane / 8 * 8;
static_assert(kMaxRounds * kRound % kLine == 0);

/// Four sums under way, each of every fourth line.
template <Also Work>
struct Registers {
  __m512i a;
  __m512i b;
  __m512i c;
  __m512i d;

  Registers(std::uint32_t crc, std::byte* to, const std::byte* from) noexcept
      : a(_mm512_xor_si512(take_line<Work>(to, from, 0),
                           _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))))),
        b(take_line<Work>(to, from, kLine)),
        c(take_line<Work>(to, from, 2 * kLine)),
        d(take_line<Work>(to, from, 3 * kLine)) {}

  /// Takes the four lines at an offset.
  [[gnu::always_inline]] void take(std::byte* to, const std::byte* from, std::size_t at) noexcept {
    const __m512i four_lines = factors<2048, 2048, 2048, 2048>();
    a = fold(a, four_lines, take_line<Work>(to, from, at));
    b = fold(b, four_lines, take_line<Work>(to, from, at + kLine));
    c = fold(c, four_lines, take_line<Work>(to, from, at + 2 * kLine));
    d = fold(d, four_lines, take_line<Work>(to, from, at + 3 * kLine));
  }

  /// The checksum of all, and of the lines from `at` to `end`.
  [[nodiscard]] std::uint64_t joined(std::byte* to, const std::byte* from, std::size_t at,
                                     std::size_t end) const noexcept {
    const __m512i one_line = factors<512, 512, 512, 512>();
    __m512i sum = fold(fold(fold(a, one_line, b), one_line, c), one_line, d);
    for (; at < end; at += kLine) sum = fold(sum, one_line, take_line<Work>(to, from, at));
    return reduce(sum);
  }
};

/// The lanes' part of a round, which begins at `from`. Always inline, because a call between the
/// multiplications would cost more than it does.
[[gnu::always_inline]] inline void take_round(Lanes<false>& lanes, const std::byte* from,
                                              std::size_t lane) noexcept {
  lanes.take(nullptr, from, lane, 0);
  lanes.take(nullptr, from, lane, kWord);
  lanes.take(nullptr, from, lane, 2 * kWord);
  lanes.take(nullptr, from, lane, 3 * kWord);
  lanes.take(nullptr, from, lane, 4 * kWord);
}

/// Sums up whole rounds and as many lines besides. The registers' part comes first. The lanes' part
/// is copied by lines as well, in order, which is cheaper than by words.
template <Also Work>
[[nodiscard]] std::uint32_t take_block(std::uint32_t crc, std::byte* to, const std::byte* from,
                                       std::size_t rounds, std::size_t more_lines) noexcept {
  const std::size_t lane = rounds * kRoundLane;
  const std::size_t folded = rounds * kRoundLines + more_lines * kLine;
  const std::size_t block = folded + 3 * lane;
  const std::byte* lanes_from = from + folded;
  const std::byte* const lanes_end = lanes_from + lane;
  Lanes<false> lanes{0};
  Registers<Work> registers(crc, to, from);
  std::size_t at = kRoundLines;
  std::size_t copied = folded;
  for (;;) {
    take_round(lanes, lanes_from, lane);
    lanes_from += kRoundLane;
    if constexpr (Work != Also::nothing) {
      // Two lines are a little more than a round, so that only in the last ones none are left.
      if (block - copied >= 2 * kLine) {
        static_cast<void>(take_line<Work>(to, from, copied));
        static_cast<void>(take_line<Work>(to, from, copied + kLine));
        copied += 2 * kLine;
      }
    }
    if (lanes_from == lanes_end) break;
    registers.take(to, from, at);
    at += kRoundLines;
  }
  if constexpr (Work != Also::nothing) {
    for (; block - copied >= kLine; copied += kLine) {
      static_cast<void>(take_line<Work>(to, from, copied));
    }
    std::memcpy(to + copied, from + copied, block - copied);
  }
  const std::size_t words = lane / kWord;
  const std::uint64_t sum = registers.joined(to, from, at, folded);
  return static_cast<std::uint32_t>(_mm_crc32_u64(0, shifted(sum, 3 * words)) ^
                                    lanes.joined(words));
}

/// Sums up lines, at least four, with the registers alone: in order, as the processor expects it
/// when it fetches from memory ahead of the program.
template <Also Work>
[[nodiscard]] std::uint32_t take_lines(std::uint32_t crc, std::byte* to, const std::byte* from,
                                       std::size_t lines) noexcept {
  const std::size_t end = lines * kLine;
  Registers<Work> registers(crc, to, from);
  std::size_t at = kRoundLines;
  for (; end - at >= kRoundLines; at += kRoundLines) registers.take(to, from, at);
  return static_cast<std::uint32_t>(registers.joined(to, from, at, end));
}

/// Without the inversions. `to` is used with copies only; `whole` is the range that this is of.
template <Also Work>
[[nodiscard]] std::uint32_t take_blocks(std::uint32_t crc, std::byte* to, const std::byte* from,
                                        std::size_t bytes, std::size_t whole) noexcept {
  constexpr bool kCopies = Work != Also::nothing;
  if (bytes < 2 * kRound) return take_lanes<kCopies>(crc, to, from, bytes);
  if constexpr (kCopies) {
    const std::size_t head = to_next_line(to) % kLine;
    crc = take_rest<true>(crc, to, from, head);
    to += head;
    from += head;
    bytes -= head;
  }
  const bool from_memory = whole > kCopyLimits.second_cache;
  while (bytes >= kRound) {
    std::size_t block = bytes / kLine * kLine;
    if (from_memory) {
      crc = take_lines<Work>(crc, to, from, block / kLine);
    } else {
      const std::size_t fitting = bytes / kRound;
      const std::size_t rounds = fitting < kMaxRounds ? fitting : kMaxRounds;
      const std::size_t left = bytes - rounds * kRound;
      const std::size_t lines = left < kRound ? left / kLine : 0;
      block = rounds * kRound + lines * kLine;
      crc = take_block<Work>(crc, to, from, rounds, lines);
    }
    if constexpr (kCopies) to += block;
    from += block;
    bytes -= block;
  }
  return take_rest<kCopies>(crc, to, from, bytes);
}

}  // namespace
}  // namespace bellpull::engine::kernels
