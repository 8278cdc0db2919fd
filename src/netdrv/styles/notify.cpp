// SPDX-License-Identifier: BSD-2-Clause
// The bell, then callbacks from inside the poll: the second thing tried on dmaengine. The bell says
// when to look and carries nothing, so the callback is left with one purpose, to hand a completion
// over; but there is still one per descriptor, and whoever polls can only say how many may come.
#include <limits>

#include "bell_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class NotifyPort final : public BellPort {
 public:
  explicit NotifyPort(const PortParts& parts) : BellPort(parts) {}
  ~NotifyPort() override { wind_down(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    const auto pull = [this](unsigned want, Burst& burst) noexcept {
      receiving_ = &burst;
      const unsigned count = rx_->deliver(want, {&NotifyPort::received, this});
      calls_.add(1 + count);
      if (!driven() || count == want) refill(calls_);  // as in poll.cpp
      return count;
    };
    const Polled polled = poll_bursts(budget, byte_budget, pull);
    refill(calls_);
    return polled;
  }

  unsigned reclaim() noexcept override {
    constexpr unsigned kAll = std::numeric_limits<unsigned>::max();
    unsigned count = 0;
    if (tx_in_flight() != 0) {
      count = tx_->deliver(kAll, {&NotifyPort::sent, this});
      calls_.add(1 + count);
    }
    finish_sending();
    refill(calls_);
    return count;
  }

 private:
  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<NotifyPort*>(context);
    port.receiving_->add(port.accept(done.token, result_of(done), port.counters_));
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<NotifyPort*>(context);
    port.settle(done.token, result_of(done), port.counters_);
  }

  Burst* receiving_ = nullptr;  // of the poll that is under way
};

}  // namespace

std::unique_ptr<Port> make_notify_port(const PortParts& parts) {
  return std::make_unique<NotifyPort>(parts);
}

}  // namespace bellpull::netdrv
