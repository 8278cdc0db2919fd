// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "napi_explorer/machine.hpp"

namespace bellpull::netdrv::explorer {

template <class Result>
[[nodiscard]] Ended ended(Result result) {
  switch (result) {
    case Result::again:
      return Ended::again;
    case Result::complete:
      return Ended::complete;
    case Result::disabled:
      return Ended::disabled;
    case Result::deferred:
      break;
  }
  return Ended::deferred;
}

/// Makes a Machine of a class that is written as the shipped one; its rounds are found beside it.
template <class Napi>
class MachineOf final : public Machine {
 public:
  MachineOf(Time time, void* context) : napi_({time, context}) {}

  void configure(unsigned defer_hard_irqs, std::uint64_t gro_flush_timeout,
                 std::uint64_t irq_suspend_timeout, bool prefer_busy_poll) override {
    napi_.configure({defer_hard_irqs, gro_flush_timeout, irq_suspend_timeout, prefer_busy_poll});
  }
  bool schedule_prep() override { return napi_.schedule_prep(); }
  bool timer_expired() override { return napi_.timer_expired(); }
  bool busy_poll_begin() override { return napi_.busy_poll_begin(); }
  void busy_poll_end() override { napi_.busy_poll_end(); }
  bool suspend() override { return napi_.suspend(); }
  bool enable() override { return napi_.enable(); }
  bool disable() override { return disable_(napi_.disable()); }
  void wait_disabled() override { napi_.wait_disabled(); }
  bool owned() override { return napi_.owned(); }
  std::uint64_t timer_due() override { return napi_.timer_due(); }
  Ended round(Device& device, unsigned budget) override {
    return ended(napi_round(napi_, device, budget));
  }
  Ended busy_round(Device& device, unsigned budget) override {
    return ended(napi_busy_round(napi_, device, budget));
  }

 private:
  template <class Disabled>
  static bool disable_(Disabled found) {
    return found == Disabled::pending;
  }

  Napi napi_;
};

}  // namespace bellpull::netdrv::explorer
