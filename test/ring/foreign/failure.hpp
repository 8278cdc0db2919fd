// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace bellpull::ring::test::foreign {

/// Throws std::system_error for what errno says: `what` was tried, `remedy` is what to do.
[[noreturn]] inline void fail(const std::string& what, const std::string& remedy) {
  throw std::system_error(errno, std::generic_category(), what + " (" + remedy + ")");
}

}  // namespace bellpull::ring::test::foreign
