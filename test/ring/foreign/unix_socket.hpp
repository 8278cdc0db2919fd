// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

#include "ring/foreign/owned_fd.hpp"

namespace bellpull::ring::test::foreign {

/// A new socket at `path` that one peer can connect to. Throws std::system_error.
[[nodiscard]] OwnedFd listen_on(const std::string& path);

/// The connection of the peer that waits at `listener`, whose path was `path`. Waits no longer than
/// `seconds` for what it announced to send. Throws std::system_error.
[[nodiscard]] OwnedFd accept_from(const OwnedFd& listener, const std::string& path, int seconds);

}  // namespace bellpull::ring::test::foreign
