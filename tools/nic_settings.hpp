// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/netdrv/nic.hpp"
#include "settings.hpp"

namespace bellpull::tools {

/// What can be changed of a running Nic, in the words of the command line. `nic` outlives it.
[[nodiscard]] SettingTable settings_of(netdrv::Nic& nic);

}  // namespace bellpull::tools
