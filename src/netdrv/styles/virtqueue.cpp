// SPDX-License-Identifier: BSD-2-Clause
// The driver holds the virtqueue itself: what the author of the source document ended with. Between
// it and the engine are two indices and two event words; a call crosses the border only to wake an
// engine that sleeps, or to have a frame that comes alone written at once.
#include "bellpull/ring/virtqueue.hpp"

#include <optional>
#include <system_error>
#include <vector>

#include "bellpull/netdrv/style_port.hpp"
#include "styles.hpp"

namespace bellpull::netdrv {

namespace {

// A virtqueue with its driver half.
class HeldQueue {
 public:
  HeldQueue(std::unique_ptr<engine::StreamQueue> queue, bool driven)
      : queue_(std::move(queue)), driven_(driven), slots_(queue_->split_memory().size) {
    ring::DriverOptions<ring::Split> options;
    options.slots = slots_;
    if (const auto error = driver_.attach(queue_->split_memory(), options);
        error != ring::SetupError::none) {
      throw std::system_error(
          std::make_error_code(std::errc::invalid_argument),
          std::string("attach to a port's virtqueue: ") + ring::describe(error));
    }
  }

  // False when there are too few descriptors; nothing is posted then.
  bool post(std::span<const engine::Request> batch, bool device_writes) noexcept {
    std::size_t needed = 0;
    for (const engine::Request& request : batch) needed += request.segments.size();
    if (needed > driver_.free_descriptors()) return false;
    for (const engine::Request& request : batch) {
      std::array<ring::Segment, 2> segments;
      for (std::size_t i = 0; i < request.segments.size(); ++i) {
        const engine::Segment& piece = request.segments[i];
        segments[i] = {reinterpret_cast<std::uintptr_t>(piece.data),
                       static_cast<std::uint32_t>(piece.length)};
      }
      const std::span<const ring::Segment> all(segments.data(), request.segments.size());
      const std::span<const ring::Segment> none;
      driver_.post(device_writes ? none : all, device_writes ? all : none, request.token);
    }
    return true;
  }

  void publish() noexcept {
    if (driven_) {
      driver_.publish();  // the engine runs on this very thread
    } else if (driver_.publish_and_test()) {
      kicks_.add(1);
      queue_->kick();
    }
  }

  std::optional<unsigned> run(unsigned limit) noexcept { return queue_->run(limit); }

  template <class Visit>
  unsigned poll(unsigned limit, Visit&& visit) noexcept {
    return driver_.poll(limit, [&](const ring::Used& used) noexcept {
      visit(used.token, queue_->result(used.head));
    });
  }

  // True when there is something already.
  [[nodiscard]] bool arm() noexcept { return driver_.arm() || !queue_->settled(); }
  void disarm() noexcept { driver_.disarm(); }

  void stop() noexcept {
    driver_.publish();
    queue_->stop();
  }

  [[nodiscard]] std::uint64_t notifies() const noexcept { return queue_->stats().notifies; }
  [[nodiscard]] std::uint64_t kicks() const noexcept { return kicks_.value(); }

 private:
  std::unique_ptr<engine::StreamQueue> queue_;
  const bool driven_;
  std::vector<ring::DriverSlot> slots_;
  ring::Driver<ring::Split> driver_;
  engine::Counter kicks_;
};

class VirtqueuePort final : public StylePort {
 public:
  explicit VirtqueuePort(const PortParts& parts)
      : StylePort(parts),
        rx_(engine_.open_queue({.size = rx_slots(0), .notify = bell_}, link_.make_receiver()),
            driven()),
        tx_(engine_.open_queue({.size = tx_slots(0), .notify = bell_}, link_.make_sender()),
            driven()) {
    fill();
  }
  ~VirtqueuePort() override { wind_down(); }

  void own() noexcept override { adopt_pool(); }

  void start() noexcept override { rx_.publish(); }

  Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept override {
    const auto pull = [this](unsigned want, Burst& burst) noexcept {
      const unsigned count =
          rx_.poll(want, [&](std::uint64_t token, const engine::StreamResult& result) noexcept {
            burst.add(accept(token, result, counters_));
          });
      if (!driven() || count == want) refill();  // as in poll.cpp
      return count;
    };
    const Polled polled = poll_bursts(budget, byte_budget, pull);
    refill();
    return polled;
  }

  unsigned tx(std::span<Packet> packets) noexcept override {
    if (state() != PortState::running) return refuse(packets);
    if (frames_.posted() + packets.size() > options_.tx_ring) reclaim();
    const unsigned taken = frames_.send(packets, counters_, [this](auto batch) noexcept {
      tx_.post(batch, false);  // there are two slots for each frame
    });
    tx_.publish();
    if (packets.size() == 1 && taken == 1) send_now(tx_);
    // Whoever sends may be another instance, and this one asleep since before.
    if (!driven() && frames_.may_return() && tx_.arm()) bell_.ring(bell_.context);
    return taken;
  }

  unsigned reclaim() noexcept override {
    const unsigned count =
        tx_.poll(kAll, [this](std::uint64_t token, const engine::StreamResult& result) noexcept {
          settle(token, result, counters_);
        });
    finish_sending();
    refill();
    return count;
  }

  engine::Armed arm() noexcept override {
    bool found = rx_.arm();
    if (must_hear_of_sent() && tx_.arm()) found = true;
    return found ? engine::Armed::work_pending : engine::Armed::armed;
  }

  void disarm() noexcept override {
    rx_.disarm();
    tx_.disarm();
  }

  void stop_rx() noexcept override {
    buffers_.close();
    rx_.stop();
  }

  void stop_tx() noexcept override {
    frames_.stop_resending();
    tx_.stop();
    close_frames();
    reclaim();
    set_stopped();
  }

  [[nodiscard]] std::uint64_t notifies() const noexcept override {
    return rx_.notifies() + tx_.notifies();
  }

  [[nodiscard]] std::uint64_t border_calls() const noexcept override {
    return notifies() + rx_.kicks() + tx_.kicks() + calls_.value();
  }

 private:
  static constexpr unsigned kAll = ~0U;

  unsigned fill() noexcept {
    return buffers_.refill([this](auto batch) noexcept { return rx_.post(batch, true); });
  }

  void refill() noexcept {
    if (fill() != 0) rx_.publish();
  }

  HeldQueue rx_;
  HeldQueue tx_;
};

}  // namespace

std::unique_ptr<Port> make_virtqueue_port(const PortParts& parts) {
  return std::make_unique<VirtqueuePort>(parts);
}

}  // namespace bellpull::netdrv
