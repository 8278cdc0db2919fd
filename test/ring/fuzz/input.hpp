// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace bellpull::ring::fuzz {

/// Ends the run when something that must hold does not.
inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// The fuzzer's bytes as a stream of decisions. At its end it yields zeros for ever, so that 0 has
/// to be the harmless decision everywhere.
class Input {
 public:
  Input() = default;
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }

  std::uint64_t word(unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  std::uint16_t word16() { return static_cast<std::uint16_t>(word(2)); }

  /// A number below `bound`, which is not 0.
  std::uint32_t below(std::uint64_t bound) {
    return static_cast<std::uint32_t>(word(bound <= 0x100 ? 1 : bound <= 0x10000 ? 2 : 4) % bound);
  }

  /// True once in `n` bytes, and never at the end.
  bool once_in(unsigned n) { return byte() % n == n - 1; }

  /// The next `bytes` bytes as a stream of their own.
  Input part(std::size_t bytes) {
    const std::size_t here = bytes < bytes_.size() ? bytes : bytes_.size();
    Input first(bytes_.first(here));
    bytes_ = bytes_.subspan(here);
    return first;
  }

  /// A number that boundary mistakes like, around 0, `edge`, and the ends of 16, 32 and 64 bits.
  std::uint64_t wild(std::uint64_t edge) {
    const std::uint64_t near = byte() % 5;
    switch (byte() % 8) {
      case 0:
        return edge + near - 2;
      case 1:
        return near - 2;
      case 2:
        return 0x10000 + near - 2;
      case 3:
        return 0x100000000 + near - 2;
      case 4:
        return 0x80000000 + near - 2;
      case 5:
        return edge * near;
      case 6:
        return word(2);
      default:
        return word(8);
    }
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace bellpull::ring::fuzz
