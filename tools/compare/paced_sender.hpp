// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/sim_schedule.hpp"
#include "bellpull/netdrv/timed_frame.hpp"
#include "cpu_time.hpp"

namespace bellpull::tools::compare {

/// Sends timed frames through a socket when they are due, from a thread that spins on a core of its
/// own. The loop is open: whatever becomes of the frames, none is held back, left out or given
/// another time. Those that are due together go in one call.
class PacedSender {
 public:
  /// Most frames in one call, so that the last of them is not much later than the first.
  static constexpr std::size_t kBatch = 32;
  /// A frame that is sent so many nanoseconds after it was due is late: the machine kept the thread
  /// off its core, or more was due than it can send.
  static constexpr std::uint64_t kLate = 1'000'000;

  /// Of the traffic it heeds when and of what size (sizes[0]). `socket` is bound, and outlives it.
  /// Throws std::invalid_argument for traffic out of range.
  PacedSender(int socket, const netdrv::SimOptions& traffic, unsigned core);
  PacedSender(const PacedSender&) = delete;
  PacedSender& operator=(const PacedSender&) = delete;
  /// Ends it.
  ~PacedSender() { end(); }

  /// Starts the schedule at `at_ns` on CLOCK_MONOTONIC. Once. Throws std::system_error.
  void begin(std::uint64_t at_ns);

  /// Sends no more; blocks for a call to end. Does nothing the second time.
  void end();

  /// What was counted so far, in frames.
  struct Counts {
    std::uint64_t scheduled = 0;  ///< that were due at `now_ns`
    std::uint64_t late = 0;       ///< of these, late or not sent although they would be late by now
    std::uint64_t sent = 0;       ///< that the kernel was given, refused ones included
  };
  /// Reads it. The thread that called begin().
  [[nodiscard]] Counts counts(std::uint64_t now_ns) const noexcept;

  /// What the thread used so far, at most 0.1 ms ago. Any thread.
  [[nodiscard]] CpuTime cpu() const noexcept { return {user_us_.value(), system_us_.value()}; }

 private:
  void run() noexcept;
  void send(std::size_t frames) noexcept;
  void say_cpu(std::uint64_t now_ns) noexcept;

  const int socket_;
  const unsigned core_;
  const netdrv::SimSchedule schedule_;
  const netdrv::TimedFrameWriter writer_{netdrv::FrameEnds{}};
  std::uint64_t start_ = 0;
  std::vector<std::byte> bytes_;
  std::array<iovec, kBatch> parts_{};
  std::array<mmsghdr, kBatch> messages_{};
  std::uint64_t cpu_said_ = 0;
  engine::Counter sent_;
  engine::Counter late_;
  engine::Counter user_us_;
  engine::Counter system_us_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace bellpull::tools::compare
