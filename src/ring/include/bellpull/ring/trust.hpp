// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace bellpull::ring {

/// The other half is part of the same program, or of one that is believed: nothing is checked.
struct Trusted {
  /// Whether what the other half wrote is checked before it is used.
  static constexpr bool kChecks = false;
};

/// The other half may write anything at any time. What it wrote is copied once and checked before
/// it is used; nothing that it can do makes this half leave its memory, loop or lose a chain.
struct Untrusted {
  /// See Trusted::kChecks.
  static constexpr bool kChecks = true;
};

}  // namespace bellpull::ring
