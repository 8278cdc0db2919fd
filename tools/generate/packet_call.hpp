// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace bellpull::tools::generate {

/// Throws what errno says of a call on a packet socket, and what to do.
[[noreturn]] inline void fail_call(const char* call, const std::string& object,
                                   const char* remedy) {
  throw std::system_error(errno, std::generic_category(),
                          fmt::format("{} on {} ({})", call, object, remedy));
}

}  // namespace bellpull::tools::generate
