// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <linux/capability.h>

#include <span>
#include <string>

namespace bellpull::tools {

/// Gives up all capabilities for good, but for those of `kept` (CAP_NET_ADMIN ...) that it has: in
/// the effective, permitted, inheritable and ambient sets, and in the bounding set as far as
/// CAP_SETPCAP allows; and sets no_new_privs, so that nothing that is executed later can have more
/// (capabilities(7), prctl(2)). Of the calling thread and those that it starts: call it while there
/// is no other. Throws std::system_error.
void give_up_capabilities(std::span<const unsigned> kept = {});

/// Whether the calling thread may do what needs that capability (CAP_NET_ADMIN ...).
[[nodiscard]] bool has_capability(unsigned capability) noexcept;

/// Whether files in that directory can be removed without a capability: root can do so in everybody
/// else's with one. The effective set of the calling thread is another one meanwhile. Throws
/// std::system_error when capabilities cannot be looked at.
[[nodiscard]] bool may_remove_in(const std::string& directory);

}  // namespace bellpull::tools
