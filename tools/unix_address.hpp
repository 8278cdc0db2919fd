// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/un.h>

#include <string>

namespace bellpull::tools {

/// Where a UNIX socket is. Throws std::system_error when the path does not fit.
[[nodiscard]] sockaddr_un unix_address(const std::string& path);

}  // namespace bellpull::tools
