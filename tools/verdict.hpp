// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <vector>

#include "output.hpp"

namespace bellpull::tools {

/// What a run that is over says against bellpull itself: a line for each thing that cannot be,
/// whatever the traffic. `closed`: simulated NICs are only sent what simulated NICs made.
[[nodiscard]] std::vector<std::string> verdict_on(const Snapshot& snapshot, bool closed);

}  // namespace bellpull::tools
