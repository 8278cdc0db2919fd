// SPDX-License-Identifier: BSD-2-Clause
// A callback per descriptor, straight from the reap to the stack: what dmaengine offers. Nothing is
// masked, nothing polled, and nothing bounds what the stack is given. With an autonomous engine all
// of this, the stack included, is on the engine's thread.
#include "pushed_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PushPort final : public PushedPort {
 public:
  explicit PushPort(const PortParts& parts)
      : PushedPort(parts, {&PushPort::received, this}, {&PushPort::sent, this}) {}
  ~PushPort() override { wind_down(); }

  [[nodiscard]] bool polled() const noexcept override { return driven(); }
  Polled poll(unsigned, std::uint32_t) noexcept override { return {}; }
  engine::Armed arm() noexcept override { return engine::Armed::armed; }
  void disarm() noexcept override {}

 private:
  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPort*>(context);
    port.adopt_pool();
    Packet packet = port.accept(done.token, result_of(done), port.counters_);
    if (packet && port.is_last_buffer()) {
      port.counters_.drop_received(packet, DropReason::no_buffer);
      packet.reset();
    }
    if (packet) port.deliver(std::span(&packet, 1));
    port.finish_sending();
    port.relend();
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPort*>(context);
    port.settle(done.token, result_of(done), port.counters_);
    port.finish_sending();
    port.refill_some();  // the stack may have held so many that there were none to post
  }
};

}  // namespace

std::unique_ptr<Port> make_push_port(const PortParts& parts) {
  return std::make_unique<PushPort>(parts);
}

}  // namespace bellpull::netdrv
