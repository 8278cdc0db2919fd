// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bellpull::netdrv {

/// The sum behind the internet checksum (RFC 1071): one's complement, over 16-bit big-endian words,
/// of bytes that come in any number of pieces of any length, even or odd.
class InternetSum {
 public:
  /// Adds the bytes that follow those added before.
  void add(std::span<const std::byte> piece) noexcept;

  /// Adds one word apart from the bytes: of a pseudo header. Whether an odd number of bytes came
  /// before makes no difference.
  void add_word(std::uint16_t word) noexcept;

  /// The sum so far, as a number. 0 only if there was nothing but zeros.
  [[nodiscard]] std::uint16_t value() const noexcept;

  /// What a checksum field has to hold when the rest of what it covers was added.
  [[nodiscard]] std::uint16_t checksum() const noexcept {
    return static_cast<std::uint16_t>(~value());
  }

  /// Whether everything that was added, the checksum field included, is intact.
  [[nodiscard]] bool intact() const noexcept { return value() == 0xffff; }

 private:
  std::uint64_t sum_ = 0;  // words as the CPU reads them, not folded
  bool odd_ = false;       // the next byte is the second of its word
};

}  // namespace bellpull::netdrv
