// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "compare/trial.hpp"

namespace bellpull::bench {

// Registers a benchmark that runs the trial once and says what it measured, as counters.
void add_point(const std::string& name, const tools::compare::Trial& trial);

}  // namespace bellpull::bench
