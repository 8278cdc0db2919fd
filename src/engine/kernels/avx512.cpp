// SPDX-License-Identifier: BSD-2-Clause
// Compiled with AVX-512 F, BW and VL, VPCLMULQDQ, BMI, SSE 4.2 and PCLMULQDQ: see vector_moves.hpp
// for what must not be in here.
#include "crc32c_lanes.hpp"
#include "sets.hpp"
#include "vector_moves.hpp"

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

/// What is done with the bytes besides.
enum class Also { nothing, copy, copy_streaming };

/// Factors that put `bits` of zeros behind the 128 bits in each quarter of a register. The first is
/// for the word that came first, which stands 64 bits higher; 33 as in crc32c_lanes.hpp.
struct Fold {
  std::uint32_t first;
  std::uint32_t second;
};
template <unsigned Bits>
constexpr Fold kFold = {power_of_x(Bits + 64 - 33), power_of_x(Bits - 33)};

[[nodiscard]] inline __m512i multiply(__m512i value, __m512i factors) noexcept {
  return _mm512_xor_si512(_mm512_clmulepi64_epi128(value, factors, 0x00),
                          _mm512_clmulepi64_epi128(value, factors, 0x11));
}

[[nodiscard]] inline __m512i fold(__m512i value, __m512i factors, __m512i next) noexcept {
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(value, factors, 0x00),
                                   _mm512_clmulepi64_epi128(value, factors, 0x11), next,
                                   kXorOfThree);
}

template <unsigned Bits>
[[nodiscard]] inline __m512i everywhere() noexcept {
  constexpr Fold f = kFold<Bits>;
  return _mm512_set_epi64(f.second, f.first, f.second, f.first, f.second, f.first, f.second,
                          f.first);
}

template <Also Work>
[[nodiscard]] inline __m512i take(std::byte* to, const std::byte* from, std::size_t at) noexcept {
  const __m512i value = Zmm::load(from + at);
  if constexpr (Work == Also::copy) Zmm::store(to + at, value);
  if constexpr (Work == Also::copy_streaming) Zmm::stream(to + at, value);
  return value;
}

/// 128 bits of a register. Masked, because g++ 12 warns of what is left undefined otherwise.
template <int Which>
[[nodiscard]] inline __m128i quarter(__m512i value) noexcept {
  return _mm512_maskz_extracti32x4_epi32(0xF, value, Which);
}

/// What is left of 512 bits, as a checksum without inversions.
[[nodiscard]] inline std::uint32_t reduce(__m512i value) noexcept {
  constexpr Fold a = kFold<384>;
  constexpr Fold b = kFold<256>;
  constexpr Fold c = kFold<128>;
  const __m512i factors =
      _mm512_set_epi64(0, 0, c.second, c.first, b.second, b.first, a.second, a.first);
  const __m512i products = multiply(value, factors);
  const __m128i sum = _mm_xor_si128(_mm_xor_si128(quarter<0>(products), quarter<1>(products)),
                                    _mm_xor_si128(quarter<2>(products), quarter<3>(value)));
  const std::uint64_t first =
      _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_extract_epi64(sum, 0)));
  return static_cast<std::uint32_t>(
      _mm_crc32_u64(first, static_cast<std::uint64_t>(_mm_extract_epi64(sum, 1))));
}

/// Without the inversions. Each register carries every fourth line: in a step its checksum so far
/// moves up by four lines and the next line is added.
template <Also Work>
[[nodiscard]] std::uint32_t take_registers(std::uint32_t crc, std::byte* to, const std::byte* from,
                                           std::size_t bytes) noexcept {
  constexpr std::size_t kStep = 4 * kLine;
  if (bytes < 2 * kStep) return take_lanes<Work != Also::nothing>(crc, to, from, bytes);
  if constexpr (Work != Also::nothing) {
    const std::size_t head = to_next_line(to) % kLine;
    crc = take_lanes<true>(crc, to, from, head);
    to += head;
    from += head;
    bytes -= head;
  }
  __m512i a = _mm512_xor_si512(take<Work>(to, from, 0),
                               _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))));
  __m512i b = take<Work>(to, from, kLine);
  __m512i c = take<Work>(to, from, 2 * kLine);
  __m512i d = take<Work>(to, from, 3 * kLine);
  std::size_t at = kStep;
  const __m512i four_lines = everywhere<2048>();
  for (; bytes - at >= kStep; at += kStep) {
    a = fold(a, four_lines, take<Work>(to, from, at));
    b = fold(b, four_lines, take<Work>(to, from, at + kLine));
    c = fold(c, four_lines, take<Work>(to, from, at + 2 * kLine));
    d = fold(d, four_lines, take<Work>(to, from, at + 3 * kLine));
  }
  const __m512i one_line = everywhere<512>();
  b = fold(a, one_line, b);
  c = fold(b, one_line, c);
  d = fold(c, one_line, d);
  for (; bytes - at >= kLine; at += kLine) d = fold(d, one_line, take<Work>(to, from, at));
  if constexpr (Work != Also::nothing) to += at;
  return take_lanes<Work != Also::nothing>(reduce(d), to, from + at, bytes - at);
}

std::uint32_t crc32c(std::uint32_t seed, const std::byte* from, std::size_t bytes) noexcept {
  return ~take_registers<Also::nothing>(~seed, nullptr, from, bytes);
}

std::uint32_t copy_crc32c(std::uint32_t seed, std::byte* to, const std::byte* from,
                          std::size_t bytes) noexcept {
  if (bytes < kCopyLimits.past_cache) return ~take_registers<Also::copy>(~seed, to, from, bytes);
  const std::uint32_t crc = take_registers<Also::copy_streaming>(~seed, to, from, bytes);
  _mm_sfence();
  return ~crc;
}

}  // namespace

constinit const Kernels kAvx512 = {"avx512", copy<Zmm>,   copy_streaming<Zmm>, fill<Zmm>,
                                   crc32c,   copy_crc32c, mismatch<Zmm>};

}  // namespace bellpull::engine::kernels
