// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>

namespace bellpull::engine::kernels {

/// Castagnoli's polynomial with its bits reversed (RFC 3720, appendix B.4, has it the other way
/// round): bit 31 is the coefficient of x^0. All polynomials here are written so.
inline constexpr std::uint32_t kCastagnoli = 0x82F63B78;

/// x^n modulo the polynomial. Never runs in the program: the sets want only constants of it.
[[nodiscard]] consteval std::uint32_t power_of_x(unsigned n) {
  std::uint32_t power = 0x80000000;
  for (unsigned i = 0; i < n; ++i) power = (power >> 1) ^ ((power & 1) != 0 ? kCastagnoli : 0);
  return power;
}

}  // namespace bellpull::engine::kernels
