// SPDX-License-Identifier: BSD-2-Clause
// The bell, then callbacks from inside the poll: the second thing tried on dmaengine. The bell says
// when to look and carries nothing, so the callback is left with one purpose, to hand a completion
// over; but there is still one per descriptor, and whoever polls can only say how many may come.
#include <limits>

#include "channel_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class NotifyPort final : public ChannelPort {
 public:
  explicit NotifyPort(const PortParts& parts) : ChannelPort(parts, {.bell = parts.bell}) {}
  ~NotifyPort() override { wind_down(); }

  void own() noexcept override { adopt_pool(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    return poll_bursts(budget, byte_budget, [this](unsigned want, Burst& burst) noexcept {
      receiving_ = &burst;
      const unsigned count = rx_->deliver(want, {&NotifyPort::received, this});
      calls_.add(1 + count);
      refill(calls_);
      return count;
    });
  }

  unsigned reclaim() noexcept override {
    constexpr unsigned kAll = std::numeric_limits<unsigned>::max();
    unsigned count = 0;
    if (tx_in_flight() != 0) {
      count = tx_->deliver(kAll, {&NotifyPort::sent, this});
      calls_.add(1 + count);
    }
    refill(calls_);
    return count;
  }

  engine::Armed arm() noexcept override {
    engine::Armed armed = rx_->arm();
    calls_.add(1);
    // Sent frames wait for the next poll, unless a sender could starve.
    if (!frames_.getting_full()) return armed;
    calls_.add(1);
    if (tx_->arm() == engine::Armed::work_pending) armed = engine::Armed::work_pending;
    return armed;
  }

  void disarm() noexcept override {
    rx_->disarm();
    tx_->disarm();
    calls_.add(2);
  }

  [[nodiscard]] std::uint64_t border_calls() const noexcept override {
    return calls_.value() + notifies();
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
