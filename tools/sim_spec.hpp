// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>

#include "bellpull/netdrv/sim_nic.hpp"

namespace bellpull::tools {

/// A PORT that is a simulated NIC: `sim[:key=value...]`, with a comma between two keys.
struct SimSpec {
  std::string text;            ///< as typed
  netdrv::SimOptions options;  ///< what it says; the name is empty where it says none
};

/// Reads a PORT that begins with `sim`. Looks at the text, and at the file of a trace. Throws
/// UsageError, and std::system_error when the file cannot be read.
[[nodiscard]] SimSpec parse_sim(std::string_view text);

}  // namespace bellpull::tools
