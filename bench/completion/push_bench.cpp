// SPDX-License-Identifier: BSD-2-Clause
// What pushing costs beyond what it is: frames of a simulated NIC handed to an application one by
// one, by Style::push over a driven engine, and by a loop written by hand over the same back-end.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/rx_buffers.hpp"
#include "bellpull/netdrv/sim_link.hpp"
#include "bellpull/netdrv/style.hpp"

namespace bellpull::bench {
namespace {

using namespace netdrv;

// More than anybody can take: every buffer is full by the time the device is asked.
SimOptions flood() {
  SimOptions options;
  options.rate = 1e9;
  options.timer = false;
  return options;
}

// Drops what it gets.
struct Sink final : Receiver {
  std::uint64_t frames = 0;
  void receive(std::span<Packet> burst) noexcept override {
    for (Packet& packet : burst) packet.reset();
    frames += burst.size();
  }
};

void by_style(benchmark::State& state) {
  SimLink link(flood());
  engine::Engine engine{engine::EngineOptions{}};
  PacketPool pool(pool_for(link, {}));
  Sink sink;
  const auto port = make_port(Style::push, {engine, pool, link, {}, sink, {}});
  port->start();
  link.device().begin(link.device().now());
  for (auto _ : state) engine.run(64);
  state.SetItemsProcessed(static_cast<std::int64_t>(sink.frames));
}

// The same without an engine: buffers go to the device and come back by a call per frame, which
// takes the frame, hands it on, and gives the device new buffers now and then.
class ByHand {
 public:
  ByHand() : backend_(link_.make_receiver()), pool_(pool_for(link_, {})) {
    buffers_.refill([this](auto batch) noexcept { return start(batch); });
    link_.device().begin(link_.device().now());
  }
  ~ByHand() {
    buffers_.close();
    backend_->stop();
    for (const std::uint64_t token : tokens_) {
      if (token == 0) continue;
      const engine::StreamResult aborted{.status = engine::Status::aborted};
      buffers_.accept(token, aborted, counters_, state_);
    }
  }
  ByHand(const ByHand&) = delete;
  ByHand& operator=(const ByHand&) = delete;

  void round() noexcept {
    const engine::Reaped reaped = backend_->reap(done_);
    for (unsigned i = 0; i < reaped.count; ++i) callback_(this, done_[i]);
  }
  [[nodiscard]] std::uint64_t frames() const { return sink_.frames; }

 private:
  static constexpr unsigned kRing = 256;

  // An id is the place in the ring, from 1.
  bool start(std::span<const engine::Request> batch) noexcept {
    std::array<engine::Op, kBurst> ops;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const unsigned place = next_++ % kRing;
      segments_[place] = batch[i].segments.front();
      tokens_[place] = batch[i].token;
      ops[i].id = place + 1;
      ops[i].destination = {&segments_[place], 1};
      ops[i].operation = engine::Operation::read;
    }
    return backend_->start(std::span(ops).first(batch.size())) == batch.size();
  }

  static void received(void* self, const engine::Done& done) noexcept {
    auto& mine = *static_cast<ByHand*>(self);
    const std::uint64_t token = std::exchange(mine.tokens_[done.id - 1], 0);
    const engine::StreamResult result{.bytes = static_cast<std::uint32_t>(done.bytes)};
    Packet packet = mine.buffers_.accept(token, result, mine.counters_, mine.state_);
    if (packet) mine.stack_.receive({&packet, 1});
    if (mine.buffers_.missing() >= 32) {
      mine.buffers_.refill([&mine](auto batch) noexcept { return mine.start(batch); });
    }
  }

  SimLink link_{flood()};
  std::unique_ptr<engine::Backend> backend_;
  PacketPool pool_;
  RxBuffers buffers_{pool_, kRing, link_};
  PortCounters counters_;
  std::atomic<PortState> state_{PortState::running};
  Sink sink_;
  Receiver& stack_ = sink_;
  // Volatile, so that the compiler does not know whom it calls: a driver's callback it does not.
  void (*volatile callback_)(void*, const engine::Done&) noexcept = &ByHand::received;
  std::array<engine::Done, kBurst> done_;
  std::array<engine::Segment, kRing> segments_;
  std::array<std::uint64_t, kRing> tokens_{};
  unsigned next_ = 0;
};

void by_hand(benchmark::State& state) {
  ByHand loop;
  for (auto _ : state) loop.round();
  state.SetItemsProcessed(static_cast<std::int64_t>(loop.frames()));
}

BENCHMARK(by_style)->Name("push/style");
BENCHMARK(by_hand)->Name("push/by_hand");
BENCHMARK(by_hand)->Name("push/control");

}  // namespace
}  // namespace bellpull::bench

BENCHMARK_MAIN();
