// SPDX-License-Identifier: BSD-2-Clause
// Copying with vectors of any width; for the sets' files only (sets.hpp).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_limits.hpp"

namespace bellpull::engine::kernels {
namespace {

inline constexpr std::size_t kLine = 64;

/// Shorter ones are left to memcpy: it is good at them, and below the length from which it may
/// choose `rep movsb`.
inline constexpr std::size_t kLeftToLibrary = 2048;

/// How far it is to the next cache line, 1 to 64.
[[nodiscard]] inline std::size_t to_next_line(const std::byte* at) noexcept {
  return kLine - reinterpret_cast<std::uintptr_t>(at) % kLine;
}

/// Stores where `to` is at the beginning of a vector, through the cache or past it.
template <class V, bool Streaming>
inline void put(std::byte* to, typename V::Register value) noexcept {
  if constexpr (Streaming) {
    V::stream(to, value);
  } else {
    V::store(to, value);
  }
}

/// One cache line between any places.
template <class V>
inline void move_line(std::byte* to, const std::byte* from) noexcept {
  for (std::size_t i = 0; i < kLine; i += V::kSize) V::store_anywhere(to + i, V::load(from + i));
}

/// Copies at least a line. The first and the last store may overlap the aligned ones between.
template <class V, bool Streaming>
inline void move_lines(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  std::byte* const last_to = to + bytes - kLine;
  const std::byte* const last_from = from + bytes - kLine;
  const std::size_t head = to_next_line(to);
  move_line<V>(to, from);
  to += head;
  from += head;
  bytes -= head;
  constexpr std::size_t kStep = 4 * V::kSize;
  for (; bytes >= kStep; to += kStep, from += kStep, bytes -= kStep) {
    const auto a = V::load(from);
    const auto b = V::load(from + V::kSize);
    const auto c = V::load(from + 2 * V::kSize);
    const auto d = V::load(from + 3 * V::kSize);
    put<V, Streaming>(to, a);
    put<V, Streaming>(to + V::kSize, b);
    put<V, Streaming>(to + 2 * V::kSize, c);
    put<V, Streaming>(to + 3 * V::kSize, d);
  }
  for (; bytes >= V::kSize; to += V::kSize, from += V::kSize, bytes -= V::kSize) {
    put<V, Streaming>(to, V::load(from));
  }
  move_line<V>(last_to, last_from);
}

/// Kernels::copy_streaming. Without a whole line to go past the cache, a plain copy does.
template <class V>
void copy_streaming(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes >= 2 * kLine) {
    move_lines<V, true>(to, from, bytes);
  } else if (bytes != 0) {
    std::memcpy(to, from, bytes);
  }
  _mm_sfence();
}

/// Copies at least a line by the instruction for it, which wants an aligned target to be fast.
template <class V>
inline void move_string(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  const std::size_t head = to_next_line(to);
  move_line<V>(to, from);
  to += head;
  from += head;
  bytes -= head;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/// Whether the target begins less than a line behind the source, as far as the offsets in their
/// pages go. Zen 3 has FSRM, too, but is many times slower there (glibc's bug 30994).
[[nodiscard]] inline bool close_in_page(const std::byte* to, const std::byte* from) noexcept {
  const std::uintptr_t distance =
      reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from);
  return distance % 4096 - 1 < kLine - 1;
}

/// Kernels::copy.
template <class V>
void copy(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes < kLeftToLibrary) {
    if (bytes != 0) std::memcpy(to, from, bytes);
  } else if (bytes >= kCopyLimits.past_cache) {
    copy_streaming<V>(to, from, bytes);
  } else if (bytes > kCopyLimits.first_cache && kCopyLimits.fast_strings &&
             !close_in_page(to, from)) {
    move_string<V>(to, from, bytes);
  } else {
    move_lines<V, false>(to, from, bytes);
  }
}

[[nodiscard]] inline std::size_t streams_from() noexcept {
  return kCopyLimits.past_cache;
}

}  // namespace
}  // namespace bellpull::engine::kernels
