// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "value_memory.hpp"

namespace bellpull::bench {

/// Where copies come from and go to: so many slots of so many bytes each, on cache lines of their
/// own. The two ranges begin 1 KiB apart within their pages, so that loads are not held up by
/// stores that look alike in their lower bits.
class CopyMemory {
 public:
  CopyMemory(std::size_t slots, std::size_t bytes)
      : slots_(slots),
        bytes_(bytes),
        stride_((bytes + kLine - 1) / kLine * kLine),
        from_(slots * stride_),
        to_(slots * stride_ + kApart) {
    for (std::size_t i = 0; i < from_.size(); ++i) {
      from_.data()[i] = static_cast<std::byte>(i * 2654435761U >> 13);
    }
  }

  [[nodiscard]] std::size_t slots() const { return slots_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::byte* from(std::size_t slot) const { return from_.data() + slot * stride_; }
  [[nodiscard]] std::byte* to(std::size_t slot) const {
    return to_.data() + kApart + slot * stride_;
  }

  /// Whether the slots of a burst hold what they should: a contender that copies nothing is fast.
  [[nodiscard]] bool copied(std::size_t slots) const {
    for (std::size_t i = 0; i < slots; ++i) {
      if (std::memcmp(from(i), to(i), bytes_) != 0) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kApart = 1024;

  std::size_t slots_;
  std::size_t bytes_;
  std::size_t stride_;
  PageBytes from_;
  PageBytes to_;
};

}  // namespace bellpull::bench
