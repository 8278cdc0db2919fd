// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <span>
#include <string>

#include "bellpull/netdrv/nic.hpp"
#include "pending_changes.hpp"
#include "settings.hpp"

namespace bellpull::tools {

/// What can be changed of a running Nic, in the words of the command line. `ports` are the names of
/// its ports. `nic` and `changes` outlive it.
[[nodiscard]] SettingTable settings_of(netdrv::Nic& nic, PendingChanges& changes,
                                       std::span<const std::string> ports);

}  // namespace bellpull::tools
