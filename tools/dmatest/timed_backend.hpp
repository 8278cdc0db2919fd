// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"

namespace bellpull::tools::dmatest {

/// What a back-end is measured by. Outlives it; to be read when the channel has been stopped.
struct Timing {
  engine::Counter issued;  ///< transfers, counted by the client right after each issue()
  netdrv::LatencyHistogram
      idle_gap_ns;            ///< from the end of a transfer to the begin of the next, see below
  std::uint64_t work_ns = 0;  ///< inside of the back-end while it had a transfer
};

/// A back-end around another one, which takes the time.
///
/// It asks for one report at a time. A transfer ends when reap() has reported it, and the next one
/// begins when reap() is entered again with that one in hand, for a back-end that moves bytes
/// inside of reap(). The time between is an idle gap if by the end of the first the client had
/// issued the second; otherwise there was nothing to do.
[[nodiscard]] std::unique_ptr<engine::Backend> make_timed(std::unique_ptr<engine::Backend> inner,
                                                          Timing& timing);

}  // namespace bellpull::tools::dmatest
