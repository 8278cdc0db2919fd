// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/rx_buffers.hpp"
#include "bellpull/netdrv/style.hpp"
#include "bellpull/netdrv/tx_frames.hpp"

namespace bellpull::netdrv {

/// What ports of all styles have in common, for whoever writes one: buffers, frames, counters,
/// state. What is left to the style is how it hears of the ends of transfers.
class StylePort : public Port {
 public:
  StylePort(const StylePort&) = delete;
  StylePort& operator=(const StylePort&) = delete;

  // The contract of these is port.hpp's.
  [[nodiscard]] std::string_view name() const noexcept final { return link_.name(); }
  [[nodiscard]] bool starved() const noexcept override {
    return buffers_.starved() || frames_.unfinished();
  }
  [[nodiscard]] unsigned tx_in_flight() const noexcept final { return frames_.in_flight(); }
  [[nodiscard]] PortState state() const noexcept final {
    return state_.load(std::memory_order_relaxed);  // says no more than itself
  }
  [[nodiscard]] PortCounters& counters() noexcept final { return counters_; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept final { return link_.system_calls(); }

 protected:
  /// A burst under way to the stack.
  class Burst {
   public:
    /// Takes a frame in, unless it is empty.
    void add(Packet packet) noexcept {
      if (!packet) return;
      bytes_ += packet.size();
      longest_ = std::max(longest_, packet.size());
      packets_[count_++] = std::move(packet);
    }

   private:
    friend class StylePort;
    std::array<Packet, kBurst> packets_;
    unsigned count_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint32_t longest_ = 1;
  };

  /// Keeps references to the parts.
  explicit StylePort(const PortParts& parts);

  /// A NAPI poll, burst by burst: `pull(want, Burst&)` adds the frames of at most `want` ended
  /// transfers and returns how many had ended; each burst is handed to the stack.
  template <class Pull>
  Polled poll_bursts(unsigned budget, std::uint32_t byte_budget, Pull&& pull) noexcept {
    Polled polled;
    std::uint64_t bytes = 0;
    while (polled.work < budget) {
      if (bytes >= byte_budget) {
        polled.more = true;
        break;
      }
      const unsigned want = burst_limit(budget - polled.work, byte_budget - bytes);
      const unsigned ended = pull(want, burst_);
      polled.work += ended;
      bytes += hand_over();
      if (ended < want) break;
    }
    return polled;
  }

  /// Takes a frame as received; empty when there is none. For the thread that posts buffers.
  [[nodiscard]] Packet accept(std::uint64_t token, const engine::StreamResult& result,
                              PortCounters& counters) noexcept {
    return buffers_.accept(token, result, counters, state_);
  }

  /// Notes the end of a frame's sending. True: finish_sending() goes on with it.
  bool settle(std::uint64_t token, const engine::StreamResult& result,
              PortCounters& counters) noexcept {
    return frames_.settle(token, result, counters, state_);
  }

  /// Whether ends of sending have to ring the bell: a sender could starve, or a frame that the
  /// device refuses would wait for the next one. Otherwise they wait for the next poll.
  [[nodiscard]] bool must_hear_of_sent() const noexcept {
    return frames_.getting_full() || frames_.may_return();
  }

  /// Drops all of `packets`, because the port is not running. Returns how many.
  unsigned refuse(std::span<Packet> packets) noexcept {
    close_frames();
    TxFrames::refuse(packets, state(), counters_);
    return static_cast<unsigned>(packets.size());
  }

  /// Has a frame that came alone written before tx() returns: who sends one waits for an answer,
  /// and a burst is better served by the engine's next round. `transmit.run(limit)` gives a turn,
  /// as engine::Channel::run() does; nothing happens when there is none to give.
  template <class Transmit>
  void send_now(Transmit& transmit) noexcept {
    const auto ended = transmit.run(1);
    if (!ended) return;
    calls_.add(1);
    if (*ended != 0) reclaim();  // the round that would have done so may not come now
  }

  /// Goes on with frames that were taken and could not be posted. For reclaim(), or wherever ends
  /// of sending are heard of on the thread that sends.
  void finish_sending() noexcept {
    if (frames_.unfinished() && !frames_.closed()) static_cast<void>(tx({}));
  }

  /// Drops such frames: the port sends no more. The thread that sends.
  void close_frames() noexcept {
    frames_.close(state() == PortState::gone ? DropReason::port_gone : DropReason::shutdown,
                  counters_);
  }

  /// Hands frames to the stack, or, once the port is being destroyed, back to their pool.
  void deliver(std::span<Packet> packets) noexcept;

  /// Whether callbacks come on the owner's thread.
  [[nodiscard]] bool driven() const noexcept {
    return engine_.placement() == engine::Placement::driven;
  }

  /// Makes the calling thread the owner of the pool. Cheap where it is already.
  void adopt_pool() noexcept { pool_.adopt(); }

  /// Leaves the pool to the thread that runs the engine, which adopts it.
  void disown_pool() noexcept { pool_.disown(); }

  /// For the destructor of a style: stops the port and drops what was received.
  void wind_down() noexcept;

  /// From running to stopped; a port that is gone stays so.
  void set_stopped() noexcept {
    if (state() == PortState::running) state_.store(PortState::stopped, std::memory_order_relaxed);
  }

  /// Opens a stream over the link's receiver, with slots for all buffers and `spare` more of them.
  [[nodiscard]] std::unique_ptr<engine::StreamChannel> open_rx(unsigned spare,
                                                               const engine::Notify& bell,
                                                               const engine::CompletionSink& sink);
  /// Opens a stream over the link's sender, with slots for all frames and `spare` more of them.
  [[nodiscard]] std::unique_ptr<engine::StreamChannel> open_tx(unsigned spare,
                                                               const engine::Notify& bell,
                                                               const engine::CompletionSink& sink);
  /// Slots for a receive ring.
  [[nodiscard]] std::uint32_t rx_slots(unsigned spare) const noexcept;
  /// Slots for a transmit ring.
  [[nodiscard]] std::uint32_t tx_slots(unsigned spare) const noexcept;

  engine::Engine& engine_;     ///< from the parts
  PacketPool& pool_;           ///< from the parts
  Link& link_;                 ///< from the parts
  const engine::Notify bell_;  ///< from the parts
  Receiver& stack_;            ///< from the parts
  const PortOptions options_;  ///< from the parts
  RxBuffers buffers_;          ///< what is posted for receiving
  TxFrames frames_;            ///< what is posted for sending
  PortCounters counters_;      ///< of the owner thread
  engine::Counter calls_;      ///< into the engine, by the owner thread

 private:
  [[nodiscard]] unsigned burst_limit(unsigned budget, std::uint64_t bytes) const noexcept;
  std::uint64_t hand_over() noexcept;

  std::atomic<PortState> state_{PortState::running};
  bool winding_down_ = false;
  Burst burst_;
  std::uint32_t longest_;  // bytes: of the frames of the last burst
};

/// A completion as the ports look at it.
[[nodiscard]] inline engine::StreamResult result_of(const engine::Completion& done) noexcept {
  return {.bytes = done.bytes, .error = done.error, .status = done.status};
}

}  // namespace bellpull::netdrv
