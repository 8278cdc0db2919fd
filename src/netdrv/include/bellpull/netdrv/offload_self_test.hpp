// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <vector>

#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/offload_set.hpp"

namespace bellpull::netdrv {

/// A feature that does not do what it should, and how that was seen.
struct OffloadFailure {
  OffloadFeature feature = OffloadFeature::csum;  ///< the feature
  std::string why;  ///< of the first frame that went wrong, for people
};

/// What came of a test.
struct OffloadVerdict {
  OffloadSet trusted;                    ///< of those that were tested: what may be used
  std::vector<OffloadFailure> failures;  ///< the others, one entry each
};

/// Sends frames that ask for each feature of `from.tx_offloads()` through `from`, takes them from
/// `to`, and compares them byte for byte with what Segmenter makes of the same frames: TCP with and
/// without ECN, and UDP, over IPv4 and IPv6; several even and odd segment sizes, with a last
/// segment that is full, shorter, or of one byte; and frames of which only the checksum is partial.
///
/// The kernel joins both links: every frame for an address it does not know goes from one to the
/// other, and nothing else sends. If `to.rx_offloads()` is empty, the kernel cuts and completes;
/// what it leaves to the reader otherwise is cut and completed here. Test it both ways.
///
/// The first fault ends the test of its feature. A frame that is lost costs 20 ms. Nobody else uses
/// the links meanwhile; blocks the calling thread. Throws std::system_error when they cannot be
/// used at all.
[[nodiscard]] OffloadVerdict test_offloads(Link& from, Link& to);

}  // namespace bellpull::netdrv
