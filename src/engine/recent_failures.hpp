// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bellpull/engine/completion.hpp"

namespace bellpull::engine {

/// The last failures of a channel. One thread writes, any thread reads.
class RecentFailures {
 public:
  static constexpr std::size_t kKept = 8;

  struct Failure {
    Cookie cookie = 0;  // the low 48 bits of it; 0: there was none
    std::int32_t error = 0;
  };

  void add(Cookie cookie, std::int32_t error) noexcept {
    // Both in one word, so that no reader sees half of one. Relaxed: nothing else is read by it.
    const auto code = static_cast<std::uint16_t>(error);
    slots_[next_++ % kKept].store(cookie << kErrorBits | code, std::memory_order_relaxed);
  }

  /// The one in that place, which are in no order.
  [[nodiscard]] Failure operator[](std::size_t at) const noexcept {
    const std::uint64_t word = slots_[at].load(std::memory_order_relaxed);
    return {word >> kErrorBits, static_cast<std::int32_t>(word & 0xffff)};
  }

 private:
  static constexpr unsigned kErrorBits = 16;
  std::array<std::atomic<std::uint64_t>, kKept> slots_{};
  std::size_t next_ = 0;
};

}  // namespace bellpull::engine
