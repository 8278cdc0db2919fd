// SPDX-License-Identifier: BSD-2-Clause
#include "random.hpp"

#include <algorithm>
#include <cstring>

namespace bellpull::tools::dmatest {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

}  // namespace

std::byte RandomBytes::at(std::uint64_t offset) const noexcept {
  return static_cast<std::byte>(word(offset / kWord) >> 8 * (offset % kWord));
}

void RandomBytes::fill(std::uint64_t offset, std::span<std::byte> bytes) const noexcept {
  std::size_t i = 0;
  for (; i < bytes.size() && (offset + i) % kWord != 0; ++i) bytes[i] = at(offset + i);
  for (; bytes.size() - i >= kWord; i += kWord) {
    const std::uint64_t value = word((offset + i) / kWord);
    for (std::size_t k = 0; k < kWord; ++k) bytes[i + k] = static_cast<std::byte>(value >> 8 * k);
  }
  for (; i < bytes.size(); ++i) bytes[i] = at(offset + i);
}

std::optional<std::size_t> RandomBytes::mismatch(std::uint64_t offset,
                                                 std::span<const std::byte> bytes) const noexcept {
  constexpr std::size_t kBlock = 512;
  std::byte expected[kBlock];
  for (std::size_t i = 0; i < bytes.size(); i += kBlock) {
    const std::size_t count = std::min(kBlock, bytes.size() - i);
    fill(offset + i, std::span(expected, count));
    if (std::memcmp(expected, bytes.data() + i, count) == 0) continue;
    const auto differs = std::mismatch(expected, expected + count, bytes.data() + i);
    return i + static_cast<std::size_t>(differs.first - expected);
  }
  return std::nullopt;
}

}  // namespace bellpull::tools::dmatest
