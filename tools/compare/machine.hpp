// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string>

namespace bellpull::tools::compare {

/// Where something was measured, and with what.
struct Machine {
  std::string processor;  ///< its model; empty if the kernel does not say
  std::size_t cores = 0;  ///< that this process may use
  std::string kernel;     ///< as in "Linux 6.1.0 x86_64"
  std::string compiler;   ///< that made this program
  std::string version;    ///< of this program
};

/// This one.
[[nodiscard]] Machine this_machine();

}  // namespace bellpull::tools::compare
