// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>

#include "bellpull/netdrv/tap_device.hpp"
#include "kernel_side.hpp"
#include "offload_trial.hpp"
#include "tap_keeper.hpp"
#include "tap_spec.hpp"

namespace bellpull::tools {

/// A TAP that was opened for a PORT, its kernel side configured. Closing the device removes the
/// interface if it is ours; before or after, the side changes back what it changed.
struct OpenPort {
  netdrv::TapDevice device;           ///< in the port's network namespace
  netdrv::OffloadSet tx;              ///< that frames can be sent with
  std::unique_ptr<KernelSide> side;   ///< of the same interface
  std::unique_ptr<TapKeeper> keeper;  ///< in its network namespace
};

/// Throws std::system_error when a PORT names an inherited descriptor that is not open. Call it
/// before the program opens any of its own, which could be taken for it.
void check_inherited(const TapSpec& port);

/// Opens and configures. Frames will be received with those offloads that were asked for, the
/// kernel knows and `app` takes, and sent with those, less what `trial` finds no good with those
/// `faults`. The thread visits the
/// port's network namespace for that and comes back. Throws std::system_error, or UsageError when
/// an inherited descriptor is of another interface than said.
[[nodiscard]] OpenPort open_port(const TapSpec& port, netdrv::OffloadSet app, OffloadTrial& trial,
                                 const netdrv::FrameFaultPlan& faults);

}  // namespace bellpull::tools
