// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/tx_frames.hpp"

namespace bellpull::netdrv {

/// In the place of a port that could not be made anew: nothing comes from it, and what is sent to
/// it is dropped as `port_gone`.
class LostPort final : public Port {
 public:
  explicit LostPort(std::string_view name) : name_(name) {}

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  void start() noexcept override {}
  Polled poll(unsigned, std::uint32_t) noexcept override { return {}; }
  unsigned tx(std::span<Packet> packets) noexcept override {
    TxFrames::refuse(packets, state(), counters_);
    return static_cast<unsigned>(packets.size());
  }
  unsigned reclaim() noexcept override { return 0; }
  [[nodiscard]] unsigned tx_in_flight() const noexcept override { return 0; }
  [[nodiscard]] engine::Armed arm() noexcept override { return engine::Armed::armed; }
  void disarm() noexcept override {}
  [[nodiscard]] PortState state() const noexcept override { return PortState::gone; }
  void stop_rx() noexcept override {}
  void stop_tx() noexcept override {}
  [[nodiscard]] PortCounters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t notifies() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t border_calls() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

 private:
  const std::string name_;
  PortCounters counters_;
};

}  // namespace bellpull::netdrv
