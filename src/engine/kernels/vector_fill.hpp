// SPDX-License-Identifier: BSD-2-Clause
// Filling with vectors of any width; for the sets' files only (sets.hpp).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_limits.hpp"
#include "kernels.hpp"
#include "vector_copy.hpp"

namespace bellpull::engine::kernels {
namespace {

/// The pattern from `phase` on, for 8 bytes.
[[nodiscard]] inline std::uint64_t word_of(const Pattern& pattern, std::size_t phase) noexcept {
  phase %= pattern.size;
  std::byte bytes[8];
  for (std::byte& byte : bytes) {
    byte = pattern.bytes[phase];
    if (++phase == pattern.size) phase = 0;
  }
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// What a word that repeats itself looks like `offset` bytes later.
[[nodiscard]] inline std::uint64_t rotated(std::uint64_t word, std::size_t offset) noexcept {
  const std::size_t bits = offset % 8 * 8;
  return (word >> bits) | (word << ((64 - bits) % 64));
}

/// One cache line of a word, anywhere.
template <class V>
void put_line(std::byte* to, std::uint64_t word) noexcept {
  for (std::size_t i = 0; i < kLine; i += V::kSize) V::store_anywhere(to + i, V::repeat(word));
}

/// Whole lines of a word, from the beginning of a line on.
template <class V, bool Streaming>
void put_lines(std::byte* to, std::size_t lines, std::uint64_t word) noexcept {
  const auto value = V::repeat(word);
  constexpr std::size_t kStep = 4 * V::kSize;
  std::size_t bytes = lines * kLine;
  for (; bytes >= kStep; to += kStep, bytes -= kStep) {
    put<V, Streaming>(to, value);
    put<V, Streaming>(to + V::kSize, value);
    put<V, Streaming>(to + 2 * V::kSize, value);
    put<V, Streaming>(to + 3 * V::kSize, value);
  }
  for (; bytes != 0; to += V::kSize, bytes -= V::kSize) put<V, Streaming>(to, value);
}

/// Fills with a pattern of 1, 2, 4 or 8 bytes, which every word repeats. Words and lines at both
/// ends may overlap what is between.
template <class V>
void fill_words(std::byte* to, std::size_t bytes, std::uint64_t word) noexcept {
  if (bytes < 8) {
    for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(rotated(word, i));
    return;
  }
  if (bytes < kLine) {
    for (std::size_t at = 0; bytes - at >= 8; at += 8) std::memcpy(to + at, &word, 8);
    const std::uint64_t last = rotated(word, bytes);
    std::memcpy(to + bytes - 8, &last, 8);
    return;
  }
  put_line<V>(to, word);
  const std::size_t head = to_next_line(to);
  const std::size_t lines = (bytes - head) / kLine;
  std::byte* const first = to + head;
  const std::uint64_t aligned = rotated(word, head);
  // One range where a copy has two.
  if (bytes / 2 >= kCopyLimits.past_cache) {
    put_lines<V, true>(first, lines, aligned);
    _mm_sfence();
  } else if (bytes > kCopyLimits.second_cache && kCopyLimits.fast_strings) {
    // Faster from there on, because it need not fetch the lines that it overwrites.
    std::byte* string = first;
    std::size_t words = lines * kLine / 8;
    asm volatile("rep stosq" : "+D"(string), "+c"(words) : "a"(aligned) : "memory");
  } else {
    put_lines<V, false>(first, lines, aligned);
  }
  put_line<V>(to + bytes - kLine, rotated(word, bytes));
}

/// As many lines of a pattern of 3, 5, 6 or 7 bytes as it takes until one begins like the first.
class OddLines {
 public:
  /// Makes what is needed for a fill of that length.
  OddLines(const Pattern& pattern, std::size_t phase, std::size_t bytes) noexcept
      : size_(pattern.size) {
    const std::uint64_t word = word_of(pattern, phase);
    // Whole periods of it, so that it can be stored again right behind them.
    const std::size_t step = size_ == 3 ? 6 : size_;
    const std::size_t end = bytes < period() + 8 ? bytes : period() + 8;
    for (std::size_t at = 0; at < end; at += step) std::memcpy(bytes_ + at, &word, 8);
  }

  /// Bytes after which the lines begin anew.
  [[nodiscard]] std::size_t period() const noexcept { return size_ * kLine; }
  /// What the fill has at `offset`; period() bytes can be read there.
  [[nodiscard]] const std::byte* at(std::size_t offset) const noexcept {
    return bytes_ + offset % size_;
  }

 private:
  alignas(kLine) std::byte bytes_[7 * kLine + 16];
  std::size_t size_;
};

/// Aligned stores of whole vectors, as many as fit in; returns their bytes.
template <class V, bool Streaming>
[[nodiscard]] std::size_t put_odd(std::byte* to, std::size_t bytes, const std::byte* lines,
                                  std::size_t period) noexcept {
  std::size_t done = 0;
  for (; bytes - done >= period; done += period) {
    for (std::size_t i = 0; i < period; i += V::kSize) {
      put<V, Streaming>(to + done + i, V::load(lines + i));
    }
  }
  for (std::size_t i = 0; bytes - done >= V::kSize; done += V::kSize, i += V::kSize) {
    put<V, Streaming>(to + done, V::load(lines + i));
  }
  return done;
}

template <class V>
void fill_odd(std::byte* to, std::size_t bytes, const Pattern& pattern,
              std::size_t phase) noexcept {
  const OddLines lines(pattern, phase, bytes);
  if (bytes < lines.period()) {
    std::memcpy(to, lines.at(0), bytes);
    return;
  }
  const std::size_t head = to_next_line(to);
  move_line<V>(to, lines.at(0));
  std::size_t done = head;
  if (bytes / 2 >= kCopyLimits.past_cache) {
    done += put_odd<V, true>(to + head, bytes - head, lines.at(head), lines.period());
    _mm_sfence();
  } else {
    done += put_odd<V, false>(to + head, bytes - head, lines.at(head), lines.period());
  }
  std::memcpy(to + done, lines.at(done), bytes - done);
}

/// Kernels::fill.
template <class V>
void fill(std::byte* to, std::size_t bytes, const Pattern& pattern, std::size_t phase) noexcept {
  if (bytes == 0) return;
  if (8 % pattern.size == 0) {
    fill_words<V>(to, bytes, word_of(pattern, phase));
  } else {
    fill_odd<V>(to, bytes, pattern, phase);
  }
}

}  // namespace
}  // namespace bellpull::engine::kernels
