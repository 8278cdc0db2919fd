// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "trial.hpp"

namespace bellpull::tools::compare {

/// The ports of a trial and the frames that arrive there: on simulated devices, or on TAPs. The
/// thread of the trial calls everything.
class Traffic {
 public:
  virtual ~Traffic() = default;

  /// Adds its ports; it outlives the Nic. Throws what Nic::add_port() does.
  virtual void attach(netdrv::Nic& nic, engine::Engine& engine) = 0;

  /// From now on frames arrive by the schedule. Throws std::system_error.
  virtual void begin() = 0;

  /// Adds to an outcome what only the traffic knows, and corrects what of it is its own.
  virtual void read(Outcome& outcome, const netdrv::NicStats& stats) const = 0;

  /// No frame arrives any more.
  virtual void end() = 0;

  /// How many frames of all that were offered nobody can account for, once the Nic is drained.
  [[nodiscard]] virtual std::int64_t unexplained(const netdrv::NicStats& stats) = 0;
};

}  // namespace bellpull::tools::compare
