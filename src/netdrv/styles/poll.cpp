// SPDX-License-Identifier: BSD-2-Clause
// The bell, then poll(budget): the call that dmaengine lacks. The bell may only wake; who was woken
// takes as many completions as it wants, when it wants them.
#include <array>

#include "channel_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PollPort final : public ChannelPort {
 public:
  explicit PollPort(const PortParts& parts) : ChannelPort(parts, {.bell = parts.bell}) {}
  ~PollPort() override { wind_down(); }

  void own() noexcept override { adopt_pool(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    return poll_bursts(budget, byte_budget, [this](unsigned want, Burst& burst) noexcept {
      const unsigned count = rx_->poll(std::span(done_).first(want));
      calls_.add(1);
      for (const engine::Completion& done : std::span(done_).first(count)) {
        burst.add(accept(done.token, result_of(done), counters_));
      }
      refill(calls_);
      return count;
    });
  }

  unsigned reclaim() noexcept override {
    unsigned total = 0;
    for (bool more = tx_in_flight() != 0; more;) {
      const unsigned count = tx_->poll(done_);
      calls_.add(1);
      for (const engine::Completion& done : std::span(done_).first(count)) {
        settle(done.token, result_of(done), counters_);
      }
      total += count;
      more = count == done_.size();
    }
    refill(calls_);
    return total;
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
  std::array<engine::Completion, kBurst> done_;
};

}  // namespace

std::unique_ptr<Port> make_poll_port(const PortParts& parts) {
  return std::make_unique<PollPort>(parts);
}

}  // namespace bellpull::netdrv
