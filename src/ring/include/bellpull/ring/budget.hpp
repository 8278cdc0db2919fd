// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>

namespace bellpull::ring {

/// How much work one poll of a device half may do. Against a peer that refills as fast as it is
/// drained, with tiny buffers or with huge ones, one number is not enough.
///
/// A chain that fits in what is left is taken; another waits for the next poll, unless it is the
/// first one of this poll: so every poll gets on, and a single chain is bounded by the size of the
/// queue and by DeviceOptions::max_chain_bytes.
struct Budget {
  std::uint32_t chains = std::numeric_limits<std::uint32_t>::max();  ///< faulty ones included
  /// Direct ones, and all entries of each indirect table, used or not.
  std::uint32_t descriptors = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();  ///< readable and writable
  bool used = false;  ///< a chain was taken on this budget already
};

/// How a poll of a device half ended.
enum class Pull : std::uint8_t {
  chain,   ///< take() only: a chain was taken
  empty,   ///< the driver has made nothing more available
  more,    ///< the budget ends here; there may be more
  broken,  ///< the queue is broken, see fault(); or it is not attached
};

}  // namespace bellpull::ring
