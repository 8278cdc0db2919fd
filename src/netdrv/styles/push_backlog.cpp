// SPDX-License-Identifier: BSD-2-Clause
// A callback per descriptor into a bounded queue, which a NAPI instance works off: what netif_rx()
// does (net/core/dev.c, enqueue_to_backlog and process_backlog). The callback is the interrupt as
// well as the hand-over; it refills the ring, so that the device never waits for the stack, and
// what the queue has no room for was received for nothing.
#include <new>

#include "bellpull/ring/spsc_ring.hpp"
#include "pushed_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PushBacklogPort final : public PushedPort {
 public:
  explicit PushBacklogPort(const PortParts& parts)
      : PushedPort(parts, {&PushBacklogPort::received, this}, {&PushBacklogPort::sent, this}) {
    if (backlog_.make(options_.backlog) != ring::SetupError::none) throw std::bad_alloc();
  }
  ~PushBacklogPort() override { wind_down(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    const auto pull = [this](unsigned want, Burst& burst) noexcept {
      return backlog_.consumer().poll(
          want, [&burst](PacketBuffer*& buffer) noexcept { burst.add(Packet(buffer)); });
    };
    const Polled polled = poll_bursts(budget, byte_budget, pull);
    if (starved()) reclaim();  // a frame sent at once has given its buffer back
    return polled;
  }

  unsigned reclaim() noexcept override {
    finish_sending();
    return PushedPort::reclaim();
  }

  engine::Armed arm() noexcept override {
    return backlog_.consumer().arm() ? engine::Armed::work_pending : engine::Armed::armed;
  }

  void disarm() noexcept override { backlog_.consumer().disarm(); }

  [[nodiscard]] PortCounters* engine_counters() noexcept override { return &pushed_; }

  [[nodiscard]] std::uint64_t notifies() const noexcept override { return bells_.value(); }

 private:
  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushBacklogPort*>(context);
    port.adopt_pool();
    port.enqueue(port.accept(done.token, result_of(done), port.pushed_));
    port.relend();
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushBacklogPort*>(context);
    // Nobody else tells the thread that sends.
    if (port.settle(done.token, result_of(done), port.pushed_)) port.bell_.ring(port.bell_.context);
    port.refill_some();
  }

  void enqueue(Packet packet) noexcept {
    if (!packet) return;
    if (is_last_buffer()) {
      pushed_.drop_received(packet, DropReason::no_buffer);
      return;
    }
    auto place = backlog_.producer().reserve(1);
    if (!place) {
      pushed_.drop_received(packet, DropReason::backlog_full);
      return;
    }
    place.slots()[0] = packet.release();
    if (!place.commit_and_test()) return;
    bells_.add(1);
    bell_.ring(bell_.context);
  }

  ring::SpscRing<PacketBuffer*> backlog_;
  // Of the thread that runs the engine.
  PortCounters pushed_;
  engine::Counter bells_;
};

}  // namespace

std::unique_ptr<Port> make_push_backlog_port(const PortParts& parts) {
  return std::make_unique<PushBacklogPort>(parts);
}

}  // namespace bellpull::netdrv
