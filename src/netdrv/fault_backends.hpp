// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/fault_link.hpp"

namespace bellpull::netdrv {

/// The receiving back-end `inner` with the faults of the plan. `counters` outlives it; a plan
/// without rules for received frames gives back `inner`. Throws as FaultWait does.
[[nodiscard]] std::unique_ptr<engine::Backend> make_fault_receiver(
    std::unique_ptr<engine::Backend> inner, const FrameFaultPlan& plan, const Clock& clock,
    FrameFaultCounters& counters);

/// The same for the sending one.
[[nodiscard]] std::unique_ptr<engine::Backend> make_fault_sender(
    std::unique_ptr<engine::Backend> inner, const FrameFaultPlan& plan, const Clock& clock,
    FrameFaultCounters& counters);

}  // namespace bellpull::netdrv
