// SPDX-License-Identifier: BSD-2-Clause
// A callback per descriptor, straight from the reap to the stack: what dmaengine offers. Nothing is
// masked, nothing polled, and nothing bounds what the stack is given. With an autonomous engine all
// of this, the stack included, is on the engine's thread.
#include <algorithm>

#include "channel_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PushPort final : public ChannelPort {
 public:
  explicit PushPort(const PortParts& parts)
      : ChannelPort(parts,
                    {.received = {&PushPort::received, this}, .sent = {&PushPort::sent, this}}),
        refill_at_(std::clamp(options_.rx_ring / 2, 1U, kRefill)) {
    if (!driven()) disown_pool();
  }
  ~PushPort() override { wind_down(); }

  [[nodiscard]] bool polled() const noexcept override { return driven(); }
  Polled poll(unsigned, std::uint32_t) noexcept override { return {}; }
  // Slots come back by posting, buffers by the callback, unless the pool had none at that time.
  [[nodiscard]] bool starved() const noexcept override { return driven() && buffers_.starved(); }
  unsigned reclaim() noexcept override {
    if (driven()) refill(calls_);
    return 0;
  }
  engine::Armed arm() noexcept override { return engine::Armed::armed; }
  void disarm() noexcept override {}

  [[nodiscard]] std::uint64_t border_calls() const noexcept override {
    return calls_.value() + rx_->stats().completed + tx_->stats().completed;
  }

 private:
  static constexpr unsigned kRefill = 32;  // buffers worth a call

  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPort*>(context);
    port.adopt_pool();
    Packet packet = port.accept(done.token, result_of(done), port.counters_);
    if (packet && port.is_last_buffer(port.calls_)) {
      packet.reset();
      port.counters_.rx_dropped.add(DropReason::no_buffer);
    }
    if (packet) port.deliver(std::span(&packet, 1));
    port.refill_some();
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPort*>(context);
    port.settle(done.token, result_of(done), port.counters_);
    port.refill_some();  // the stack may have held so many that there were none to post
  }

  void refill_some() noexcept {
    if (buffers_.missing() >= refill_at_) refill(calls_);
  }

  const unsigned refill_at_;
};

}  // namespace

std::unique_ptr<Port> make_push_port(const PortParts& parts) {
  return std::make_unique<PushPort>(parts);
}

}  // namespace bellpull::netdrv
