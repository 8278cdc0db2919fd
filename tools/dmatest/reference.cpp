// SPDX-License-Identifier: BSD-2-Clause
#include "reference.hpp"

#include <array>

namespace bellpull::tools::dmatest {

namespace {

// RFC 3720 section 12.1, bits reversed.
constexpr std::uint32_t kPolynomial = 0x82F63B78;

constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? value >> 1 ^ kPolynomial : value >> 1;
    }
    table[i] = value;
  }
  return table;
}();

}  // namespace

std::uint32_t reference_crc32c(std::uint32_t before, std::span<const std::byte> bytes) noexcept {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
  }
  return ~crc;
}

}  // namespace bellpull::tools::dmatest
