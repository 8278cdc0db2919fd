// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <stdexcept>
#include <string>

namespace bellpull::tools {

/// Exit statuses of the program.
enum ExitStatus : int {
  kExitOk = 0,       ///< it did what was asked
  kExitFailure = 1,  ///< what was asked is right, but it did not work here and now
  kExitUsage = 2,    ///< what was asked cannot be right
};

/// Wrong usage: what was asked, why that cannot be, what to ask instead; one line. Ends the program
/// with kExitUsage; every other exception ends it with kExitFailure.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace bellpull::tools
