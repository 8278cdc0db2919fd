// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/fault_backend.hpp"

namespace bellpull::tools::dmatest {

/// Faults put into the back-end of one worker, and what may come of them. What a transfer reports
/// honestly (an error, a timeout) is expected as often as it was put in; reports that nobody should
/// have made are for the core to refuse; changed bytes and transfers that never end are for the
/// exerciser to find.
class PlannedFaults {
 public:
  /// Of thread `thread`, which has chances of its own. A plan without rules has no faults.
  PlannedFaults(const engine::FaultPlan& plan, unsigned thread);

  /// `backend` with the faults in it; outlived by this object.
  [[nodiscard]] std::unique_ptr<engine::Backend> around(std::unique_ptr<engine::Backend> backend);

  /// Whether a transfer may end with this errno value.
  [[nodiscard]] bool expects(std::int32_t error) const noexcept;

  /// After the back-end was stopped: transfers that had to fail, and reports that had to be refused
  /// at most.
  [[nodiscard]] std::uint64_t failing() const noexcept;
  [[nodiscard]] std::uint64_t bad_reports() const noexcept;

  /// How many of a kind came to pass.
  [[nodiscard]] std::uint64_t of(engine::FaultKind kind) const noexcept {
    return counters_.of(kind);
  }

 private:
  engine::FaultPlan plan_;
  engine::FaultCounters counters_;
};

}  // namespace bellpull::tools::dmatest
