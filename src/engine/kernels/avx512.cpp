// SPDX-License-Identifier: BSD-2-Clause
// Compiled with AVX-512 F, BW and VL, VPCLMULQDQ, BMI, SSE 4.2 and PCLMULQDQ: see sets.hpp for
// what must not be in here.
#include "crc32c_fold.hpp"
#include "sets.hpp"
#include "vector_copy.hpp"
#include "vector_fill.hpp"
#include "vector_mismatch.hpp"

namespace bellpull::engine::kernels {

namespace {

struct Zmm {
  using Register = __m512i;
  static constexpr std::size_t kSize = 64;

  static Register load(const std::byte* from) noexcept { return _mm512_loadu_si512(from); }
  static void store(std::byte* to, Register value) noexcept { _mm512_store_si512(to, value); }
  static void store_anywhere(std::byte* to, Register value) noexcept {
    _mm512_storeu_si512(to, value);
  }
  static void stream(std::byte* to, Register value) noexcept {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), value);
  }

  static Register repeat(std::uint64_t word) noexcept {
    return _mm512_set1_epi64(static_cast<long long>(word));
  }

  // A bit for each byte that differs.
  static std::uint64_t different(const std::byte* a, const std::byte* b) noexcept {
    return _mm512_cmpneq_epi8_mask(load(a), load(b));
  }
  static bool four_equal(const std::byte* a, const std::byte* b) noexcept {
    const Register first = _mm512_xor_si512(load(a), load(b));
    const Register second = _mm512_xor_si512(load(a + kSize), load(b + kSize));
    const Register third = _mm512_xor_si512(load(a + 2 * kSize), load(b + 2 * kSize));
    const Register fourth = _mm512_xor_si512(load(a + 3 * kSize), load(b + 3 * kSize));
    const Register any =
        _mm512_or_si512(_mm512_or_si512(first, second), _mm512_or_si512(third, fourth));
    return _mm512_test_epi64_mask(any, any) == 0;
  }
  // Bytes outside of the mask are not read, so they need not be mapped.
  static std::size_t mismatch_in_less(const std::byte* a, const std::byte* b,
                                      std::size_t bytes) noexcept {
    const std::uint64_t inside = (std::uint64_t{1} << bytes) - 1;
    const std::uint64_t unequal = _mm512_cmpneq_epi8_mask(_mm512_maskz_loadu_epi8(inside, a),
                                                          _mm512_maskz_loadu_epi8(inside, b));
    return unequal == 0 ? bytes : static_cast<std::size_t>(__builtin_ctzll(unequal));
  }
};

std::uint32_t crc32c(std::uint32_t seed, const std::byte* from, std::size_t bytes,
                     std::size_t whole) noexcept {
  return ~take_blocks<Also::nothing>(~seed, nullptr, from, bytes, whole);
}

std::uint32_t copy_crc32c(std::uint32_t seed, std::byte* to, const std::byte* from,
                          std::size_t bytes, std::size_t whole) noexcept {
  if (whole < kCopyLimits.past_cache)
    return ~take_blocks<Also::copy>(~seed, to, from, bytes, whole);
  const std::uint32_t crc = take_blocks<Also::copy_streaming>(~seed, to, from, bytes, whole);
  _mm_sfence();
  return ~crc;
}

}  // namespace

constinit const Kernels kAvx512 = {"avx512",  copy<Zmm>, copy_streaming<Zmm>, streams_from,
                                   fill<Zmm>, crc32c,    copy_crc32c,         mismatch<Zmm>};

}  // namespace bellpull::engine::kernels
