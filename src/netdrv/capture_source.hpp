// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include "bellpull/netdrv/capture_point.hpp"

namespace bellpull::netdrv {

/// A capture point and how far its records were read. The writer's thread.
class CaptureSource {
 public:
  explicit CaptureSource(const CapturePoint::Parts& parts) : point(parts) {}

  /// Begins with the oldest record that was not released, up to the last that is there now.
  void peek() noexcept {
    ready_ = point.ring().consumer().peek(std::numeric_limits<std::uint32_t>::max());
    next_ = 0;
    released_ = 0;
    read();
  }

  /// Whether all of them were read.
  [[nodiscard]] bool over() const noexcept { return next_ == ready_.size(); }

  /// The next one, unless it is over().
  [[nodiscard]] const CaptureRecord& record() const noexcept { return record_; }

  /// Its bytes, in two pieces where the ring ends between them.
  [[nodiscard]] std::array<std::span<const std::byte>, 2> pieces() const noexcept {
    const auto first = std::as_bytes(ready_.first);
    const auto second = std::as_bytes(ready_.second);
    const std::size_t at = next_ * sizeof(CaptureSlot) + sizeof(CaptureRecord);
    const std::size_t count = record_.captured;
    if (at >= first.size()) return {second.subspan(at - first.size(), count), second.first(0)};
    const std::size_t here = std::min(count, first.size() - at);
    return {first.subspan(at, here), second.first(count - here)};
  }

  /// Goes on to the record behind it.
  void advance() noexcept {
    next_ += slots_for(record_.captured);
    read();
  }

  /// Gives back the slots of what was read.
  void release() noexcept {
    point.ring().consumer().release(static_cast<std::uint32_t>(next_ - released_));
    released_ = next_;
  }

  CapturePoint point;

 private:
  void read() noexcept {
    if (over()) return;
    std::copy_n(ready_[next_].bytes.begin(), sizeof record_,
                std::as_writable_bytes(std::span(&record_, 1)).begin());
  }

  ring::Runs<CaptureSlot> ready_{};
  std::size_t next_ = 0;      // of these, the first that was not read
  std::size_t released_ = 0;  // of these, given back
  CaptureRecord record_;
};

}  // namespace bellpull::netdrv
