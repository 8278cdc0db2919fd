// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "bellpull/engine/channel.hpp"

namespace bellpull::netdrv::explorer {

/// How a round of a machine ended; as netdrv::Round.
enum class Ended : std::uint8_t { again, complete, disabled, deferred };

/// Time, as a machine asks for it.
using Time = std::uint64_t (*)(void* context) noexcept;

/// What napi_round() polls.
class Device {
 public:
  virtual unsigned poll(unsigned budget) noexcept = 0;
  virtual engine::Armed unmask() noexcept = 0;
  virtual void mask() noexcept = 0;

 protected:
  ~Device() = default;
};

/// The shipped Napi or a mutant of it, which are of different classes.
class Machine {
 public:
  virtual ~Machine() = default;
  virtual void configure(unsigned defer_hard_irqs, std::uint64_t gro_flush_timeout,
                         std::uint64_t irq_suspend_timeout, bool prefer_busy_poll) = 0;
  virtual bool schedule_prep() = 0;
  virtual bool timer_expired() = 0;
  virtual bool busy_poll_begin() = 0;
  virtual void busy_poll_end() = 0;
  virtual bool suspend() = 0;
  virtual bool enable() = 0;
  virtual bool disable() = 0;  ///< whether somebody still owns it
  virtual void wait_disabled() = 0;
  virtual bool owned() = 0;
  virtual std::uint64_t timer_due() = 0;
  virtual Ended round(Device& device, unsigned budget) = 0;
  virtual Ended busy_round(Device& device, unsigned budget) = 0;
};

/// A machine that is told the time.
using MakeMachine = std::unique_ptr<Machine> (*)(Time time, void* context);

/// A machine to explore.
struct Subject {
  std::string_view name;
  std::string_view why;  ///< what is wrong with it
  MakeMachine make;
};

/// The shipped one.
[[nodiscard]] const Subject& shipped();
/// The shipped one with one mistake each.
[[nodiscard]] std::span<const Subject> mutants();

}  // namespace bellpull::netdrv::explorer
