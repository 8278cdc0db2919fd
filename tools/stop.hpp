// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <optional>

#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::tools {

/// What ends a run: SIGINT, SIGTERM, SIGHUP (unless it is ignored, as under nohup), or the end of
/// its duration. The signals are blocked and read from a descriptor, so that none is lost between
/// looking and sleeping, and the Nic waits for both along with its ports.
class Stop {
 public:
  /// Blocks the signals in this thread and those it starts later. Throws std::system_error.
  Stop();

  /// Registers with a Nic, which must not outlive this. Throws std::system_error.
  void watch_with(netdrv::Nic& nic);

  /// For who has no Nic: sleeps until it is time, `fd` is readable, or `milliseconds` have passed.
  /// Throws std::system_error.
  void wait(int fd, int milliseconds);

  /// Lets the run end after `duration`, counted from now. Throws std::system_error.
  void after(std::chrono::nanoseconds duration);

  /// Whether it is time.
  [[nodiscard]] bool requested() const noexcept { return requested_; }

 private:
  static void signalled(void* self) noexcept;
  static void elapsed(void* self) noexcept;

  netdrv::UniqueFd signals_;
  netdrv::UniqueFd timer_;
  bool requested_ = false;
};

}  // namespace bellpull::tools
