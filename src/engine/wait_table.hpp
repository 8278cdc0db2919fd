// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

class ChannelDevice;

/// Which devices wait for which file descriptor. epoll knows a descriptor once, so devices that
/// share one (a TAP's reader and writer) share its entry. Changed only at set-up.
class WaitTable {
 public:
  void add(ChannelDevice& device);
  void remove(ChannelDevice& device) noexcept;

  /// One entry per descriptor, with the union of the events.
  [[nodiscard]] std::span<const WaitSource> sources() const noexcept { return sources_; }

  /// The entry of `fd`, or null.
  [[nodiscard]] const WaitSource* find(int fd) const noexcept;

  /// `fd` reported these events: its devices may go on.
  void ready(int fd, std::uint32_t events) noexcept;

 private:
  struct Waiter {
    ChannelDevice* device;
    WaitSource source;
  };

  std::vector<Waiter> waiters_;
  std::vector<WaitSource> sources_;
};

}  // namespace bellpull::engine
