// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::tools::generate {

/// Tells when a number that is to grow has stood still for too long.
class Silence {
 public:
  /// `limit_ns`: how long it may stand still, from `now_ns` on, of the clock that lasts() is told.
  Silence(std::uint64_t limit_ns, std::uint64_t now_ns) noexcept
      : limit_ns_(limit_ns), since_ns_(now_ns) {}

  /// Whether `number` stands where it stood at the last call, and has for longer than the limit.
  [[nodiscard]] bool lasts(std::uint64_t number, std::uint64_t now_ns) noexcept {
    if (number != number_) {
      number_ = number;
      since_ns_ = now_ns;
    }
    return now_ns - since_ns_ > limit_ns_;
  }

 private:
  std::uint64_t limit_ns_;
  std::uint64_t since_ns_;
  std::uint64_t number_ = 0;
};

}  // namespace bellpull::tools::generate
