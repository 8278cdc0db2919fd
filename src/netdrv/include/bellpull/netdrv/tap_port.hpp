// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/tap_device.hpp"

namespace bellpull::netdrv {

/// How a TAP port is made.
struct TapPortOptions {
  unsigned rx_ring = 256;  ///< receive buffers posted, a power of two, 1 to 16384
  unsigned tx_ring = 256;  ///< frames that can wait for sending, a power of two, 1 to 16384
};

/// A port on one queue of a TAP interface: a receive channel and a transmit channel over the same
/// descriptor. It makes no read or write itself; each frame is a transfer of a channel, and each
/// transfer a frame.
class TapPort final : public Port {
 public:
  /// Opens both channels on `engine` and posts the first buffers. `bell` rings on the thread that
  /// runs the engine. Engine and pool outlive the port. Throws std::system_error.
  TapPort(engine::Engine& engine, PacketPool& pool, TapDevice device, const TapPortOptions& options,
          const engine::Notify& bell);
  TapPort(const TapPort&) = delete;
  TapPort& operator=(const TapPort&) = delete;
  ~TapPort() override;

  /// The buffers that `ports` such ports with an MTU of `mtu` can hold between them, with all rings
  /// full: what their pool must have so that none can starve another.
  [[nodiscard]] static PacketPoolOptions pool_for(unsigned ports, std::uint32_t mtu,
                                                  const TapPortOptions& options) noexcept;

  // The contract of these is port.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return device_.name(); }
  Received rx(std::span<Packet> packets, std::uint32_t byte_budget) noexcept override;
  unsigned tx(std::span<Packet> packets) noexcept override;
  unsigned reclaim() noexcept override;
  [[nodiscard]] unsigned tx_in_flight() const noexcept override { return tx_waiting_; }
  [[nodiscard]] engine::Armed arm() noexcept override;
  void disarm() noexcept override;
  [[nodiscard]] PortState state() const noexcept override { return state_; }
  void stop_rx() noexcept override;
  void stop_tx() noexcept override;
  [[nodiscard]] PortCounters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t notifies() const noexcept override;
  [[nodiscard]] std::uint64_t system_calls() const noexcept override;

  /// The interface.
  [[nodiscard]] const TapDevice& device() const noexcept { return device_; }

 private:
  static constexpr unsigned kBatch = 64;

  void refill() noexcept;
  bool accept(Packet& packet, const engine::Completion& completion) noexcept;
  bool sendable(const Packet& packet) noexcept;
  void settle(const engine::Completion& completion) noexcept;

  PacketPool& pool_;
  TapDevice device_;
  const TapPortOptions options_;
  const std::uint32_t max_frame_;
  const bool with_tail_;
  PortState state_ = PortState::running;
  bool receiving_ = true;
  unsigned rx_posted_ = 0;
  unsigned tx_waiting_ = 0;
  engine::FdCounters rx_calls_;
  engine::FdCounters tx_calls_;
  PortCounters counters_;
  // Scratch of single calls, here because to make them anew would cost more than to use them.
  std::array<Packet, kBatch> fresh_;
  std::array<engine::Completion, kBatch> completions_;
  std::array<engine::Segment, std::size_t{2} * kBatch> segments_;
  std::array<engine::Request, kBatch> requests_;
  std::unique_ptr<engine::StreamChannel> rx_;
  std::unique_ptr<engine::StreamChannel> tx_;
};

}  // namespace bellpull::netdrv
