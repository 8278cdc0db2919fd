// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace bellpull::tools {

/// Who makes a system call that the filter refuses gets SIGSYS. From now on that prints one line to
/// standard error which names the call, and ends the program with kExitFailure at once, on
/// whichever thread it was, provided that it does not block the signal. Throws std::system_error.
void explain_refused_calls();

}  // namespace bellpull::tools
