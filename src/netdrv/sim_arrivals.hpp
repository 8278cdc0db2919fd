// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>

#include "bellpull/netdrv/sim_schedule.hpp"
#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::netdrv {

/// A schedule on a clock: which arrivals have come since somebody looked, and a timer for those who
/// would rather sleep. The members without another word are called by whoever runs the receive
/// back-end.
class SimArrivals {
 public:
  /// Throws std::invalid_argument for options out of range and std::system_error when the kernel
  /// refuses the timer.
  explicit SimArrivals(const SimOptions& options);

  /// Starts the schedule. Any thread, only the first call counts.
  void begin(std::uint64_t at_ns) noexcept;

  /// Nothing comes after now. Any thread, only the first call counts.
  void end() noexcept;

  /// Any thread.
  [[nodiscard]] std::uint64_t now() const noexcept { return clock_.now(clock_.context); }

  /// Becomes readable when an arrival comes that was waited for; or -1. Any thread.
  [[nodiscard]] int timer() const noexcept { return timer_.get(); }

  /// Arrivals first to last - 1 have come since the last look, by now.
  struct Come {
    std::uint64_t first;
    std::uint64_t last;
    std::uint64_t now;
  };

  /// Looks. Only reads the clock when none has come.
  [[nodiscard]] Come look() noexcept;

  /// When an arrival came that a look has shown.
  [[nodiscard]] std::uint64_t time_of(std::uint64_t number) const noexcept {
    return begun_ + schedule_.time_of(number);
  }

  /// How many had come by then, of which `known` are known to have.
  [[nodiscard]] std::uint64_t come_by(std::uint64_t time, std::uint64_t known) const noexcept {
    return schedule_.due(time - begun_, known);
  }

  /// Sees to it that the timer goes off at the next arrival. A system call only for another arrival
  /// than the last time.
  void wait() noexcept;

 private:
  static constexpr std::uint64_t kNever = SimSchedule::kNever;

  void arm(std::uint64_t at) const noexcept;

  const SimSchedule schedule_;
  const Clock clock_;
  const UniqueFd timer_;
  std::atomic<std::uint64_t> begin_at_{kNever};
  std::atomic<std::uint64_t> end_at_{kNever};
  std::atomic<bool> armed_by_begin_{false};
  // Of the receiving thread:
  std::uint64_t begun_ = kNever;      // begin_at_, once it is known
  std::uint64_t seen_ = 0;            // arrivals that looks have shown
  std::uint64_t next_ = kNever;       // when the next one comes
  std::uint64_t armed_for_ = kNever;  // what the timer is set to, if that is known
};

}  // namespace bellpull::netdrv
