// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/netdrv/frame_fault.hpp"

namespace bellpull::netdrv {

/// Frames that are held back, by the number of their slot, until their time has come or enough
/// others went by.
class HeldFrames {
 public:
  /// Nobody waits for ever to be overtaken.
  static constexpr std::uint64_t kPatienceNs = 10'000'000;

  explicit HeldFrames(unsigned most) { held_.reserve(most); }

  [[nodiscard]] bool empty() const noexcept { return held_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }

  /// Holds one back from `now` on, as the rule says.
  void hold(unsigned slot, const FrameFaultRule& rule, std::uint64_t now) noexcept {
    const bool waits_for_others = rule.kind == FrameFaultKind::reorder;
    held_.push_back(
        {.slot = slot,
         .others = waits_for_others ? rule.frames : ~std::uint32_t{0},
         .due = now + (waits_for_others ? kPatienceNs : std::uint64_t{rule.delay_us} * 1000)});
  }

  /// A frame went by. Calls `release(slot)` for those that it was the last for.
  template <class Release>
  void overtaken(Release&& release) noexcept {
    for (Held& held : held_) {
      if (held.others != ~std::uint32_t{0}) --held.others;
    }
    release_if([](const Held& held) { return held.others == 0; }, release);
  }

  /// Calls `release(slot)` for those whose time has come.
  template <class Release>
  void expire(std::uint64_t now, Release&& release) noexcept {
    release_if([now](const Held& held) { return held.due <= now; }, release);
  }

  /// When the next one's time comes. Only when it is not empty().
  [[nodiscard]] std::uint64_t next_due() const noexcept {
    return std::min_element(held_.begin(), held_.end(),
                            [](const Held& a, const Held& b) { return a.due < b.due; })
        ->due;
  }

  void clear() noexcept { held_.clear(); }

 private:
  struct Held {
    unsigned slot = 0;
    std::uint32_t others = 0;  // that have yet to go by
    std::uint64_t due = 0;
  };

  // In the order in which they came.
  template <class Condition, class Release>
  void release_if(Condition&& condition, Release& release) noexcept {
    std::size_t kept = 0;
    for (const Held held : held_) {
      if (condition(held)) {
        release(held.slot);
      } else {
        held_[kept++] = held;
      }
    }
    held_.resize(kept);
  }

  std::vector<Held> held_;
};

}  // namespace bellpull::netdrv
