// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>

namespace bellpull::tools::generate {

/// Says when the next burst is due. It is open loop: what one burst took is made up for by the next
/// ones, unless it was so long that these would overflow the interface's queue, and what is
/// measured were the sender's own stall. Then the schedule moves, and that is counted.
class Pacer {
 public:
  /// `rate`: frames per second, above 0. `burst`: frames. `start_ns`: when the first one is due.
  Pacer(double rate, std::uint64_t burst, std::uint64_t start_ns) noexcept
      : gap_ns_(1e9 * static_cast<double>(burst) / rate), start_ns_(start_ns) {}

  /// When the next burst is due, in ns of the clock of `start_ns`.
  [[nodiscard]] std::uint64_t due_ns() const noexcept {
    return start_ns_ + static_cast<std::uint64_t>(gap_ns_ * static_cast<double>(bursts_));
  }

  /// The burst that was due is about to be sent.
  void begin(std::uint64_t now_ns) noexcept {
    ++bursts_;
    const std::uint64_t behind = now_ns - std::min(now_ns, due_ns());
    if (behind <= kCatchUpNs) return;
    start_ns_ += behind;
    ++stalls_;
    stalled_ns_ += behind;
  }

  /// How often the schedule was moved.
  [[nodiscard]] std::uint64_t stalls() const noexcept { return stalls_; }

  /// By how much, in all.
  [[nodiscard]] std::uint64_t stalled_ns() const noexcept { return stalled_ns_; }

 private:
  // A TAP has room for 500 frames: what is due in this time fits up to 250 thousand per second.
  static constexpr std::uint64_t kCatchUpNs = 2'000'000;

  double gap_ns_;
  std::uint64_t start_ns_;
  std::uint64_t bursts_ = 0;
  std::uint64_t stalls_ = 0;
  std::uint64_t stalled_ns_ = 0;
};

}  // namespace bellpull::tools::generate
