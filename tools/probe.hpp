// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <vector>

namespace bellpull::tools {

/// One thing that this machine allows or does not.
struct Finding {
  std::string name;        ///< a word
  bool ok = false;         ///< it does
  std::string needed_for;  ///< what does not work without it
  std::string detail;      ///< what was seen
  std::string remedy;      ///< what to do; empty if it is ok
};

/// Kernel, processors, clock, privileges, io_uring, eBPF, memory. Changes nothing.
[[nodiscard]] std::vector<Finding> look_at_machine();

/// What there is to say of TAPs.
struct TapFindings {
  std::vector<Finding> findings;  ///< from the device node to the offloads
  bool can_run = false;           ///< a TAP could be made, here or in namespaces of its own
  bool only_unshared = false;     ///< only in a user namespace of its own
};

/// Tries TAPs out. The interface lives in a child process, in a network namespace of its own if
/// that is allowed, and goes away with it.
[[nodiscard]] TapFindings look_at_taps();

}  // namespace bellpull::tools
