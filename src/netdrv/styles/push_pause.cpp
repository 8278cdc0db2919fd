// SPDX-License-Identifier: BSD-2-Clause
// A callback per descriptor, throttled with pause and resume: the first thing tried on dmaengine.
// The callback has two purposes, which no argument of it tells apart: it is the interrupt that
// schedules the instance, and it hands a descriptor over within the poll's budget.
//
//   listening --callback--> polled                       the interrupt: rings, once
//   polled --callback that fills a budget--> paused      the engine reports no more
//   paused --poll has taken everything--> polled         the engine goes on
//   polled --arm, and nothing is waiting--> listening
//
// The callback may run beside the poll, on the engine's thread. It pauses before it shows the
// descriptor that fills the budget: a poll that takes this one then knows that it has to resume,
// and no order of the two leaves the engine paused with nobody to undo it. Buffers are posted by
// the poll, so that there are never more descriptors waiting than the queue has room for.
#include <atomic>
#include <new>

#include "bellpull/ring/spsc_ring.hpp"
#include "channel_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

class PushPausePort final : public ChannelPort {
 public:
  explicit PushPausePort(const PortParts& parts)
      : ChannelPort(parts, {.received = {&PushPausePort::received, this},
                            .sent = {&PushPausePort::sent, this}}) {
    if (waiting_.make(options_.rx_ring) != ring::SetupError::none) throw std::bad_alloc();
  }
  ~PushPausePort() override { wind_down(); }

  void own() noexcept override { adopt_pool(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    const auto pull = [this](unsigned want, Burst& burst) noexcept {
      const unsigned count =
          waiting_.consumer().poll(want, [this, &burst](const engine::Completion& done) noexcept {
            burst.add(accept(done.token, result_of(done), counters_));
          });
      taken_.add(count);
      refill(calls_);
      // Acquire pairs with the release in received(), by way of the queue: what fills a budget was
      // taken, so that it paused is seen. Undone here, so that the engine goes on while the stack
      // works on the burst.
      if (paused_.load(std::memory_order_acquire) && taken_.value() == shown_.value()) resume();
      return count;
    };
    const Polled polled = poll_bursts(budget, byte_budget, pull);
    refill(calls_);  // a frame sent at once has given its buffer back
    return polled;
  }

  // Slots come back by posting.
  unsigned reclaim() noexcept override {
    finish_sending();
    refill(calls_);
    return 0;
  }

  engine::Armed arm() noexcept override {
    return waiting_.consumer().arm() ? engine::Armed::work_pending : engine::Armed::armed;
  }

  void disarm() noexcept override { waiting_.consumer().disarm(); }

  [[nodiscard]] PortCounters* engine_counters() noexcept override { return &pushed_; }

  [[nodiscard]] std::uint64_t notifies() const noexcept override { return bells_.value(); }

  [[nodiscard]] std::uint64_t border_calls() const noexcept override {
    return calls_.value() + pauses_.value() + rx_->stats().completed + tx_->stats().completed;
  }

 private:
  static void received(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPausePort*>(context);
    if (port.shown_.value() + 1 - port.taken_.value() == kBurst) port.pause();
    auto place = port.waiting_.producer().reserve(1);
    place.slots()[0] = done;
    port.shown_.add(1);
    if (!place.commit_and_test()) return;
    port.bells_.add(1);
    port.bell_.ring(port.bell_.context);
  }

  static void sent(void* context, const engine::Completion& done) noexcept {
    auto& port = *static_cast<PushPausePort*>(context);
    // Nobody else tells the thread that sends.
    if (port.settle(done.token, result_of(done), port.pushed_)) port.bell_.ring(port.bell_.context);
  }

  void pause() noexcept {
    rx_->pause();
    pauses_.add(1);
    paused_.store(true, std::memory_order_release);  // pairs with the acquire in poll()
  }

  void resume() noexcept {
    paused_.store(false, std::memory_order_relaxed);  // resume() below releases it
    rx_->resume();
    calls_.add(1);
  }

  ring::SpscRing<engine::Completion> waiting_;
  engine::Counter taken_;  // out of it, by the poll
  std::atomic<bool> paused_{false};
  // Of the thread that runs the engine.
  engine::Counter shown_;  // put into it
  engine::Counter pauses_;
  engine::Counter bells_;
  PortCounters pushed_;
};

}  // namespace

std::unique_ptr<Port> make_push_pause_port(const PortParts& parts) {
  return std::make_unique<PushPausePort>(parts);
}

}  // namespace bellpull::netdrv
