// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "held_frames.hpp"

namespace bellpull::netdrv {

/// What to sleep on for two reasons: a device, if it has something to wait for, and frames that are
/// held back. An epoll instance with both in it, level-triggered, so that whoever watches that one
/// edge-triggered hears of each edge of either.
class FaultWait {
 public:
  /// Throws std::system_error when the kernel refuses a timer or an epoll instance, or cannot watch
  /// the device.
  FaultWait(const engine::WaitSource& device, const Clock& clock);

  [[nodiscard]] engine::WaitSource source() const noexcept;
  [[nodiscard]] std::uint64_t now() const noexcept { return clock_.now(clock_.context); }

  /// Wakes when a call that failed for now may be repeated, or else when the time of a held frame
  /// has come; by the device alone if there is neither.
  void sleep(bool again, const HeldFrames& held) const noexcept;

  /// Wakes at once.
  void wake() const noexcept { wake_in(0); }

 private:
  void wake_in(std::uint64_t ns) const noexcept;

  const Clock clock_;
  const UniqueFd timer_;
  UniqueFd epoll_;
};

}  // namespace bellpull::netdrv
