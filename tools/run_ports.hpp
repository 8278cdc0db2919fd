// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/sim_nic.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "kernel_side.hpp"
#include "offload_trial.hpp"
#include "output.hpp"
#include "port_spec.hpp"
#include "tap_keeper.hpp"

namespace bellpull::tools {

/// Throws std::system_error when a PORT names an inherited descriptor that is not open. Call it
/// before the program opens any of its own, which could be taken for it.
void check_inherited(std::span<const PortSpec> ports);

/// What is to be done with the ports of a run.
struct PortUse {
  netdrv::OffloadSet app;               ///< App::offloads() of the application
  netdrv::Io io = netdrv::Io::syscall;  ///< how the frames of TAPs are moved
};

/// What the ports of a run are attached to: interfaces, their kernel sides and simulated NICs, from
/// opening them to changing back what was changed. Outlives the Nic.
class RunPorts {
 public:
  /// Opens all of them for that use, TAPs with the offloads that stand their trial, fills in the
  /// names of those that had none, and puts the faults of each port's plan, if it has rules, in
  /// front of it. Throws std::system_error and UsageError with everything changed back.
  RunPorts(std::span<PortSpec> ports, const PortUse& use,
           std::span<const netdrv::FrameFaultPlan> faults);

  /// Adds a port for each to `nic`, in their order. Throws as Nic::add_port() does.
  void add_to(netdrv::Nic& nic, netdrv::Style style, const netdrv::PortOptions& options) const;

  /// Has itself told of changes to the interfaces. `nic` must not outlive this. Throws
  /// std::system_error.
  void watch_with(netdrv::Nic& nic);

  /// Whether an interface may have changed since the last look_over().
  [[nodiscard]] bool stirred() const noexcept { return stirred_; }

  /// Takes up interfaces that have come back, and follows their MTU: makes those ports of `nic`
  /// anew, with `limit` for what is to be sent. Returns what there is to tell. Not from inside a
  /// round; blocks as long as the kernel takes.
  [[nodiscard]] std::vector<std::string> look_over(netdrv::Nic& nic,
                                                   std::chrono::milliseconds limit);

  /// Whether some port has lost its interface and waits for it.
  [[nodiscard]] bool any_waits() const noexcept;

  /// Lets simulated arrivals begin, now.
  void begin() noexcept;

  /// Ends them for good.
  void end() noexcept;

  /// What there is to say of each port besides the Nic's counters.
  [[nodiscard]] std::vector<PortEnd> ends() const;

  /// Descriptors by which restore() talks to the kernel; none where nothing is to be changed back.
  [[nodiscard]] std::vector<int> changed() const;

  /// Leaves it to somebody else to change back what was changed so far.
  void leave_changes() noexcept;

  /// Changes the interfaces back. Returns what could not be.
  [[nodiscard]] std::vector<std::string> restore();

 private:
  struct Attached {
    std::unique_ptr<KernelSide> side;  // of a TAP
    std::unique_ptr<netdrv::Link> link;
    netdrv::SimNic* sim;  // the link's, or null
    std::string netns;
    netdrv::TapLink* tap = nullptr;                  // the link, if it is one
    std::unique_ptr<TapKeeper> keeper = {};          // of a TAP
    std::unique_ptr<netdrv::FaultLink> faults = {};  // around the link, or null
  };

  static Attached attach(TapSpec& port, const PortUse& use, OffloadTrial& trial,
                         const netdrv::FrameFaultPlan& faults);
  static Attached attach(const SimSpec& port);

  static void stir(void* self) noexcept;

  std::vector<Attached> ports_;
  bool stirred_ = false;
};

}  // namespace bellpull::tools
