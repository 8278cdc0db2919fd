// SPDX-License-Identifier: BSD-2-Clause
// The bell, then poll(budget): the call that dmaengine lacks. The bell may only wake; who was woken
// takes as many completions as it wants, when it wants them.
#include <array>

#include "bell_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PollPort final : public BellPort {
 public:
  explicit PollPort(const PortParts& parts) : BellPort(parts) {}
  ~PollPort() override { wind_down(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    const auto pull = [this](unsigned want, Burst& burst) noexcept {
      const unsigned count = rx_->poll(std::span(done_).first(want));
      calls_.add(1);
      for (const engine::Completion& done : std::span(done_).first(count)) {
        burst.add(accept(done.token, result_of(done), counters_));
      }
      // An engine of its own goes on while the stack works; another may be asked for more.
      if (!driven() || count == want) refill(calls_);
      return count;
    };
    const Polled polled = poll_bursts(budget, byte_budget, pull);
    refill(calls_);  // last: who sent a lone frame waits for the answer to it
    return polled;
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
    finish_sending();
    refill(calls_);
    return total;
  }

 private:
  std::array<engine::Completion, kBurst> done_;
};

}  // namespace

std::unique_ptr<Port> make_poll_port(const PortParts& parts) {
  return std::make_unique<PollPort>(parts);
}

}  // namespace bellpull::netdrv
