// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <vector>

#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/sim_link.hpp"
#include "traffic.hpp"

namespace bellpull::tools::compare {

/// Arrivals on simulated devices, one for each rate of the trial.
class SimTraffic final : public Traffic {
 public:
  /// The trial outlives it.
  explicit SimTraffic(const Trial& trial) : trial_(trial) {}

  // The contract of these is traffic.hpp's.
  void attach(netdrv::Nic& nic, engine::Engine& engine) override;
  void begin() override;
  void read(Outcome& outcome, const netdrv::NicStats& stats) const override;
  void end() override;
  [[nodiscard]] std::int64_t unexplained(const netdrv::NicStats& stats) override;

 private:
  const Trial& trial_;
  std::vector<std::unique_ptr<netdrv::SimLink>> links_;
  std::vector<std::unique_ptr<netdrv::PacketPool>> pools_;  // of ports of other styles
};

}  // namespace bellpull::tools::compare
