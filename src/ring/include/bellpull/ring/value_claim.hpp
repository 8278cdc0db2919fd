// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring::detail {

// What a slot's tag is when it holds the value of `position`, or, in bit 0, none to be consumed.
// Each slot is tagged once per lap, so that a lap's tag is never mistaken for another's.
[[nodiscard]] constexpr std::uint32_t tag_of(std::uint64_t position, std::uint32_t slots,
                                             bool skip) noexcept {
  return static_cast<std::uint32_t>((position / slots + 1) << 1U) | (skip ? 1U : 0U);
}

// A note says which slots its producer claims or is about to. A claim has from 1 to kMaxClaim.
inline constexpr std::uint64_t kNoClaim = 0;
inline constexpr std::uint32_t kMaxClaim = 0xffff;
[[nodiscard]] constexpr std::uint64_t note_of(std::uint64_t start, std::uint32_t count) noexcept {
  return (start << 16U) | count;
}
// How far a note's first slot is ahead of `position`; positions count modulo 2^48 there.
[[nodiscard]] constexpr std::uint64_t note_distance(std::uint64_t note,
                                                    std::uint64_t position) noexcept {
  return ((note & ~std::uint64_t{kMaxClaim}) - (position << 16U)) >> 16U;
}
// The slots of a note that are among the `count` ones, of at most 2^30, from `from` on.
struct NoteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
[[nodiscard]] constexpr NoteRange note_within(std::uint64_t note, std::uint64_t from,
                                              std::uint64_t count) noexcept {
  const std::uint64_t ahead = note_distance(note, from);
  const std::uint64_t behind = (std::uint64_t{1} << 48U) - ahead;  // if it begins behind `from`
  const std::uint64_t noted = note & kMaxClaim;
  if (ahead < count) return {from + ahead, from + (count - ahead < noted ? count : ahead + noted)};
  if (behind >= noted) return {from, from};
  return {from, from + (count < noted - behind ? count : noted - behind)};
}
// Whether `position` is one of the slots of a note.
[[nodiscard]] constexpr bool note_covers(std::uint64_t note, std::uint64_t position) noexcept {
  return ((position << 16U) - (note & ~std::uint64_t{kMaxClaim})) >> 16U < (note & kMaxClaim);
}

}  // namespace bellpull::ring::detail
