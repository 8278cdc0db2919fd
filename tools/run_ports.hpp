// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/sim_nic.hpp"
#include "kernel_side.hpp"
#include "output.hpp"
#include "port_spec.hpp"

namespace bellpull::tools {

/// Throws std::system_error when a PORT names an inherited descriptor that is not open. Call it
/// before the program opens any of its own, which could be taken for it.
void check_inherited(std::span<const PortSpec> ports);

/// What the ports of a run are attached to: interfaces, their kernel sides and simulated NICs, from
/// opening them to changing back what was changed. Outlives the Nic.
class RunPorts {
 public:
  /// Opens all of them and fills in the names of those that had none. Throws std::system_error and
  /// UsageError with everything changed back.
  explicit RunPorts(std::span<PortSpec> ports);

  /// Adds a port for each to `nic`, in their order. Throws as Nic::add_port() does.
  void add_to(netdrv::Nic& nic, netdrv::Style style, const netdrv::PortOptions& options) const;

  /// Lets simulated arrivals begin, now.
  void begin() noexcept;

  /// Ends them for good.
  void end() noexcept;

  /// What there is to say of each port besides the Nic's counters.
  [[nodiscard]] std::vector<PortEnd> ends() const;

  /// Changes the interfaces back. Returns what could not be.
  [[nodiscard]] std::vector<std::string> restore();

 private:
  struct Attached {
    std::unique_ptr<KernelSide> side;  // of a TAP
    std::unique_ptr<netdrv::Link> link;
    netdrv::SimNic* sim;  // the link's, or null
    std::string netns;
  };

  static Attached attach(TapSpec& port);
  static Attached attach(const SimSpec& port);

  std::vector<Attached> ports_;
};

}  // namespace bellpull::tools
