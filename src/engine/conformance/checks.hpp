// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "driver.hpp"

namespace bellpull::engine::conformance {

/// What is declared. False when nothing else can be checked.
bool check_capabilities(const Capabilities& first, Backend& again, Findings& findings);
/// Window, and what happens to transfers that are not taken.
void check_window(Lab& lab);
/// Every operation, one at a time and many in flight.
void check_outcomes(Lab& lab);
/// A long transfer, step by step.
void check_progress(Lab& lab);
/// Some of those under way are cancelled.
void check_cancel(Lab& lab);
/// All is stopped, then the memory is watched.
void check_stop(Lab& lab);
/// Nothing moves while it is paused.
void check_pause(Lab& lab);
/// What is said of transfers that fail.
void check_failures(Lab& lab);
/// Bytes to the peer, or from it.
void check_stream(Lab& lab);

}  // namespace bellpull::engine::conformance
