// SPDX-License-Identifier: BSD-2-Clause
// A callback per descriptor into a bounded queue, which a NAPI instance works off: what netif_rx()
// does (net/core/dev.c, enqueue_to_backlog and process_backlog). The callback is the interrupt as
// well as the hand-over; it refills the ring, so that the device never waits for the stack, and
// what the queue has no room for was received for nothing.
#include <algorithm>
#include <new>

#include "bellpull/ring/spsc_ring.hpp"
#include "channel_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PushBacklogPort final : public ChannelPort {
 public:
  explicit PushBacklogPort(const PortParts& parts)
      : ChannelPort(parts, {.received = {&PushBacklogPort::received, this},
                            .sent = {&PushBacklogPort::sent, this}}),
        refill_at_(std::clamp(options_.rx_ring / 2, 1U, kRefill)) {
    if (backlog_.make(options_.backlog) != ring::SetupError::none) throw std::bad_alloc();
    if (!driven()) disown_pool();
  }
  ~PushBacklogPort() override { wind_down(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    return poll_bursts(budget, byte_budget, [this](unsigned want, Burst& burst) noexcept {
      return backlog_.consumer().poll(
          want, [&burst](PacketBuffer*& buffer) noexcept { burst.add(Packet(buffer)); });
    });
  }

  // Slots come back by posting, buffers by the callback, unless the pool had none at that time.
  [[nodiscard]] bool starved() const noexcept override { return driven() && buffers_.starved(); }
  unsigned reclaim() noexcept override {
    if (driven()) refill(engine_calls_);
    return 0;
  }

  engine::Armed arm() noexcept override {
    return backlog_.consumer().arm() ? engine::Armed::work_pending : engine::Armed::armed;
  }

  void disarm() noexcept override { backlog_.consumer().disarm(); }

  [[nodiscard]] const PortCounters* engine_counters() const noexcept override { return &pushed_; }

  [[nodiscard]] std::uint64_t notifies() const noexcept override { return bells_.value(); }

  [[nodiscard]] std::uint64_t border_calls() const noexcept override {
    return calls_.value() + engine_calls_.value() + rx_->stats().completed + tx_->stats().completed;
  }

 private:
  static constexpr unsigned kRefill = 32;  // buffers worth a call

  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushBacklogPort*>(context);
    port.adopt_pool();
    port.enqueue(port.accept(done.token, result_of(done), port.pushed_));
    port.refill_some();
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushBacklogPort*>(context);
    port.settle(done.token, result_of(done), port.pushed_);
    port.refill_some();
  }

  void enqueue(Packet packet) noexcept {
    if (!packet) return;
    if (is_last_buffer(engine_calls_)) {
      pushed_.rx_dropped.add(DropReason::no_buffer);
      return;
    }
    auto place = backlog_.producer().reserve(1);
    if (!place) {
      pushed_.rx_dropped.add(DropReason::backlog_full);
      return;
    }
    place.slots()[0] = packet.release();
    if (!place.commit_and_test()) return;
    bells_.add(1);
    bell_.ring(bell_.context);
  }

  void refill_some() noexcept {
    if (buffers_.missing() >= refill_at_) refill(engine_calls_);
  }

  const unsigned refill_at_;
  ring::SpscRing<PacketBuffer*> backlog_;
  // Of the thread that runs the engine.
  PortCounters pushed_;
  engine::Counter engine_calls_;
  engine::Counter bells_;
};

}  // namespace

std::unique_ptr<Port> make_push_backlog_port(const PortParts& parts) {
  return std::make_unique<PushBacklogPort>(parts);
}

}  // namespace bellpull::netdrv
