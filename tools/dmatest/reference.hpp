// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bellpull::tools::dmatest {

/// CRC-32C of `bytes`, by a table that is made bit by bit from the polynomial: slow, and nothing of
/// what it checks is in it. `before` is the checksum of what came before, or 0.
[[nodiscard]] std::uint32_t reference_crc32c(std::uint32_t before,
                                             std::span<const std::byte> bytes) noexcept;

}  // namespace bellpull::tools::dmatest
