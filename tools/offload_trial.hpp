// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/netdrv/frame_fault.hpp"
#include "bellpull/netdrv/offload_self_test.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "tap_spec.hpp"

namespace bellpull::tools {

/// Tries out on a pair of TAPs of its own what this kernel's offloads do, once for each plan of
/// faults, and says which of them a port must not use.
class OffloadTrial {
 public:
  /// Frames of the trial are moved that way.
  explicit OffloadTrial(netdrv::Io io) noexcept : io_(io) {}

  /// Which offloads `port`, whose frames have those faults, must not use. Of the plan's rules those
  /// for superframes alone hold in the trial as well. Nothing is tried for a port that uses none.
  /// Says on standard error which are distrusted and why, or, once, that they could not be tried
  /// and are believed in. The thread visits a network namespace of its own meanwhile; about 100 ms.
  /// Throws std::system_error when one that was asked for by name is distrusted.
  [[nodiscard]] netdrv::OffloadSet distrusted(const TapSpec& port,
                                              const netdrv::FrameFaultPlan& faults);

 private:
  using Failures = std::vector<netdrv::OffloadFailure>;

  [[nodiscard]] const Failures& failures_under(const netdrv::FrameFaultPlan& faults);

  const netdrv::Io io_;
  bool possible_ = true;
  std::vector<std::pair<netdrv::FrameFaultPlan, Failures>> done_;
};

}  // namespace bellpull::tools
