// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine::kernels {

/// Castagnoli's polynomial with its bits reversed (RFC 3720, appendix B.4, has it the other way
/// round): bit 31 is the coefficient of x^0. All polynomials here are written so.
inline constexpr std::uint32_t kCastagnoli = 0x82F63B78;

}  // namespace bellpull::engine::kernels
