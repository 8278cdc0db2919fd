// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bellpull/netdrv/frame_fault.hpp"
#include "port_spec.hpp"

namespace bellpull::tools {

/// Reads the words of --fault, each the name of a port, `:` and a plan, and returns the plan of
/// each port; without rules for those that have none. A port in a network namespace is NAME, or
/// NAME@NETNS where there are several of that name. Throws UsageError for the first that is wrong.
[[nodiscard]] std::vector<netdrv::FrameFaultPlan> parse_faults(std::span<const std::string> words,
                                                               std::span<const PortSpec> ports);

}  // namespace bellpull::tools
