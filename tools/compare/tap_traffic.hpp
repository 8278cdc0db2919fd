// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <memory>
#include <span>

#include "bellpull/netdrv/tap_link.hpp"
#include "paced_sender.hpp"
#include "tap_pair.hpp"
#include "traffic.hpp"

namespace bellpull::tools::compare {

/// The port number that frames leave by.
inline constexpr unsigned kOutwards = 1;

/// Frames sent into the kernel's side of one TAP, which leave by another.
class TapTraffic final : public Traffic {
 public:
  /// The trial, which has one rate, outlives it. The sender runs on the second of the cores. Throws
  /// std::system_error, and std::invalid_argument for fewer than two cores.
  TapTraffic(const Trial& trial, std::span<const unsigned> cores);

  // The contract of these is traffic.hpp's.
  void attach(netdrv::Nic& nic, engine::Engine& engine) override;
  void begin() override;
  void read(Outcome& outcome, const netdrv::NicStats& stats) const override;
  void end() override { sender_->end(); }
  [[nodiscard]] std::int64_t unexplained(const netdrv::NicStats& stats) override;

 private:
  const Trial& trial_;
  TapPair& taps_;
  TapPair::Counters before_;
  std::array<std::unique_ptr<netdrv::TapLink>, 2> links_;
  std::unique_ptr<PacedSender> sender_;
};

}  // namespace bellpull::tools::compare
