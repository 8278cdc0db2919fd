// SPDX-License-Identifier: BSD-2-Clause
// Compiled with AVX2, BMI, SSE 4.2 and PCLMULQDQ: see sets.hpp for what must not be in here.
#include "crc32c_lanes.hpp"
#include "sets.hpp"
#include "vector_copy.hpp"
#include "vector_fill.hpp"
#include "vector_mismatch.hpp"

namespace bellpull::engine::kernels {

namespace {

struct Ymm {
  using Register = __m256i;
  static constexpr std::size_t kSize = 32;

  static Register load(const std::byte* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void store(std::byte* to, Register value) noexcept {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), value);
  }
  static void store_anywhere(std::byte* to, Register value) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
  }
  static void stream(std::byte* to, Register value) noexcept {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), value);
  }

  static Register repeat(std::uint64_t word) noexcept {
    return _mm256_set1_epi64x(static_cast<long long>(word));
  }

  static Register equal(const std::byte* a, const std::byte* b) noexcept {
    return _mm256_cmpeq_epi8(load(a), load(b));
  }
  // A bit for each byte that differs.
  static std::uint64_t different(const std::byte* a, const std::byte* b) noexcept {
    return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(equal(a, b)));
  }
  static bool four_equal(const std::byte* a, const std::byte* b) noexcept {
    const Register first = _mm256_and_si256(equal(a, b), equal(a + kSize, b + kSize));
    const Register second =
        _mm256_and_si256(equal(a + 2 * kSize, b + 2 * kSize), equal(a + 3 * kSize, b + 3 * kSize));
    return _mm256_movemask_epi8(_mm256_and_si256(first, second)) == -1;
  }
  static std::size_t mismatch_in_less(const std::byte* a, const std::byte* b,
                                      std::size_t bytes) noexcept {
    std::size_t at = 0;
    for (; bytes - at >= kWord; at += kWord) {
      const std::uint64_t bits = load_word(a + at) ^ load_word(b + at);
      if (bits != 0) return at + static_cast<std::size_t>(__builtin_ctzll(bits)) / 8;
    }
    while (at < bytes && a[at] == b[at]) ++at;
    return at;
  }
};

std::uint32_t crc32c(std::uint32_t seed, const std::byte* from, std::size_t bytes,
                     std::size_t /*whole*/) noexcept {
  return ~take_lanes<false>(~seed, nullptr, from, bytes);
}

std::uint32_t copy_crc32c(std::uint32_t seed, std::byte* to, const std::byte* from,
                          std::size_t bytes, std::size_t whole) noexcept {
  if (whole < kCopyLimits.past_cache) return ~take_lanes<true>(~seed, to, from, bytes);
  // Stores past the cache want whole lines one after the other, and the lanes are at three places.
  // So a piece is read from memory for its checksum and from the first cache for its copy.
  constexpr std::size_t kPiece = 3 * kMaxLane * kWord;
  while (bytes != 0) {
    const std::size_t piece = bytes < kPiece ? bytes : kPiece;
    seed = crc32c(seed, from, piece, piece);
    copy_streaming<Ymm>(to, from, piece);
    to += piece;
    from += piece;
    bytes -= piece;
  }
  return seed;
}

}  // namespace

constinit const Kernels kAvx2 = {"avx2",    copy<Ymm>, copy_streaming<Ymm>, streams_from,
                                 fill<Ymm>, crc32c,    copy_crc32c,         mismatch<Ymm>};

}  // namespace bellpull::engine::kernels
