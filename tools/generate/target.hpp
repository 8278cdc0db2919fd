// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "route_socket.hpp"

namespace bellpull::tools::generate {

/// What the kernel says of the interface of that name in the network namespace of the thread, which
/// has to be Ethernet and up. Throws std::system_error and std::runtime_error.
[[nodiscard]] Link find_link(const std::string& interface);

}  // namespace bellpull::tools::generate
