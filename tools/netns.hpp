// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <functional>
#include <string>

namespace bellpull::tools {

/// Where a network namespace can be opened: "/run/netns/NAME" for a name, what has a slash as it
/// is, and the empty string as it is.
[[nodiscard]] std::string netns_path(const std::string& netns);

/// Calls `body` on this thread inside a network namespace and comes back, whatever `body` throws.
/// An empty `netns` is the thread's own. Sockets and interfaces made there stay there. Throws
/// std::system_error when the namespace is missing or closed to us.
void in_netns(const std::string& netns, const std::function<void()>& body);

}  // namespace bellpull::tools
