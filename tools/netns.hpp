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

/// Calls `body` on this thread inside a network namespace made for that and comes back. It vanishes
/// with what was made there; the kernel sends nothing there by itself. Needs CAP_SYS_ADMIN. Throws
/// std::system_error, and what `body` throws.
void in_own_netns(const std::function<void()>& body);

/// Moves the calling thread, and those that it starts later, into a network namespace of their own
/// for good: its interfaces are nobody else's and vanish with the program. The kernel sends nothing
/// there by itself. Without CAP_SYS_ADMIN it takes a user namespace along, which only a program of
/// one thread can. Throws std::system_error.
void enter_own_netns();

}  // namespace bellpull::tools
