// SPDX-License-Identifier: BSD-2-Clause
// Copy, fill and compare for vectors of any width, for the files that are compiled for one kind of
// processor. Such a file must not emit a function that another file emits too: the linker keeps one
// of them, perhaps the one that not every processor can run. So everything here is in an anonymous
// namespace, and nothing of the standard library is called but memcpy.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_limits.hpp"
#include "kernels.hpp"

namespace bellpull::engine::kernels {
namespace {

constexpr std::size_t kLine = 64;

/// Shorter ones are left to memcpy: it is good at them, and below the length from which it may
/// choose `rep movsb`.
constexpr std::size_t kLeftToLibrary = 2048;

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

/// Whether the target lies less than a line behind the source, within their pages: there `rep
/// movsb` is known to be slow on some processors (glibc's bug 30994).
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
  } else if (bytes > kCopyLimits.first_cache && kCopyLimits.rep_movsb && !close_in_page(to, from)) {
    move_string<V>(to, from, bytes);
  } else {
    move_lines<V, false>(to, from, bytes);
  }
}

/// What a fill stores, made once: as many vectors as it takes until one begins like the first.
class Repeated {
 public:
  /// At least `wanted` bytes of it are made, as far as there is room for them.
  Repeated(const Pattern& pattern, std::size_t phase, std::size_t wanted) noexcept
      : size_(pattern.size), lines_(8 % size_ == 0 ? 1 : size_) {
    // Whole periods in a word, so that the same word can be stored again right behind them.
    const std::size_t step = 8 / size_ * size_;
    std::byte word[8];
    phase %= size_;
    for (std::byte& byte : word) {
      byte = pattern.bytes[phase];
      if (++phase == size_) phase = 0;
    }
    const std::size_t room = period() + kSpare;
    const std::size_t end = wanted < room ? wanted : room;
    for (std::size_t at = 0; at < end; at += step) std::memcpy(bytes_ + at, word, sizeof word);
  }

  /// Bytes after which the vectors begin anew.
  [[nodiscard]] std::size_t period() const noexcept { return lines_ * kLine; }
  /// Where the pattern is `offset` bytes after its beginning; period() bytes can be read there.
  [[nodiscard]] const std::byte* at(std::size_t offset) const noexcept {
    return bytes_ + offset % size_;
  }

 private:
  static constexpr std::size_t kSpare = 8;

  std::size_t size_;
  std::size_t lines_;
  alignas(kLine) std::byte bytes_[7 * kLine + 2 * kSpare];
};

/// Aligned stores of what begins at `block` and repeats itself every `period` bytes. Ends less than
/// a vector before the end and says how much it stored.
template <class V, bool Streaming>
inline std::size_t put_repeated(std::byte* to, std::size_t bytes, const std::byte* block,
                                std::size_t period) noexcept {
  std::size_t done = 0;
  if (period == kLine) {
    const auto value = V::load(block);
    for (; bytes - done >= 4 * V::kSize; done += 4 * V::kSize) {
      put<V, Streaming>(to + done, value);
      put<V, Streaming>(to + done + V::kSize, value);
      put<V, Streaming>(to + done + 2 * V::kSize, value);
      put<V, Streaming>(to + done + 3 * V::kSize, value);
    }
    for (; bytes - done >= V::kSize; done += V::kSize) put<V, Streaming>(to + done, value);
    return done;
  }
  for (; bytes - done >= period; done += period) {
    for (std::size_t i = 0; i < period; i += V::kSize) {
      put<V, Streaming>(to + done + i, V::load(block + i));
    }
  }
  for (std::size_t i = 0; bytes - done >= V::kSize; done += V::kSize, i += V::kSize) {
    put<V, Streaming>(to + done, V::load(block + i));
  }
  return done;
}

/// Kernels::fill.
template <class V>
void fill(std::byte* to, std::size_t bytes, const Pattern& pattern, std::size_t phase) noexcept {
  const Repeated repeated(pattern, phase, bytes);
  if (bytes < repeated.period()) {
    if (bytes != 0) std::memcpy(to, repeated.at(0), bytes);
    return;
  }
  const std::size_t head = to_next_line(to);
  move_line<V>(to, repeated.at(0));
  // One range where a copy has two.
  std::size_t done = head;
  if (bytes / 2 >= kCopyLimits.past_cache) {
    done += put_repeated<V, true>(to + head, bytes - head, repeated.at(head), repeated.period());
    _mm_sfence();
  } else {
    done += put_repeated<V, false>(to + head, bytes - head, repeated.at(head), repeated.period());
  }
  std::memcpy(to + done, repeated.at(done), bytes - done);
}

/// Kernels::mismatch.
template <class V>
std::size_t mismatch(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept {
  if (bytes < V::kSize) return V::mismatch_in_less(a, b, bytes);
  constexpr std::size_t kStep = 4 * V::kSize;
  std::size_t at = 0;
  while (bytes - at >= kStep && V::four_equal(a + at, b + at)) at += kStep;
  for (; bytes - at >= V::kSize; at += V::kSize) {
    const std::uint64_t different = V::different(a + at, b + at);
    if (different != 0) return at + static_cast<std::size_t>(__builtin_ctzll(different));
  }
  // The rest, seen through a whole vector: what it sees again was equal.
  at = bytes - V::kSize;
  const std::uint64_t different = V::different(a + at, b + at);
  return different == 0 ? bytes : at + static_cast<std::size_t>(__builtin_ctzll(different));
}

}  // namespace
}  // namespace bellpull::engine::kernels
