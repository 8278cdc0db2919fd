// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace bellpull::ring::test {

/// Bytes as the text that a failing comparison prints.
inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x ", std::to_integer<unsigned>(byte));
    text += digits.data();
  }
  return text;
}

/// An image written by hand, one number per byte.
using Image = std::initializer_list<unsigned>;

inline std::string hex(Image image) {
  std::vector<std::byte> bytes;
  for (const unsigned byte : image) bytes.push_back(static_cast<std::byte>(byte));
  return hex(std::span<const std::byte>(bytes));
}

inline void put(std::span<std::byte> memory, Image image) {
  REQUIRE(memory.size() == image.size());
  std::size_t at = 0;
  for (const unsigned byte : image) memory[at++] = static_cast<std::byte>(byte);
}

/// A structure of the kernel's header, read out of memory at a byte offset.
template <class Structure>
[[nodiscard]] Structure read_as(std::span<const std::byte> memory, std::size_t offset) {
  Structure structure;
  REQUIRE(offset + sizeof structure <= memory.size());
  std::memcpy(&structure, memory.data() + offset, sizeof structure);
  return structure;
}

}  // namespace bellpull::ring::test
