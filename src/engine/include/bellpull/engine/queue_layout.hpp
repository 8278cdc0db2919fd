// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine {

/// The layout of a channel's virtqueue. What a channel does is the same over either.
enum class QueueLayout : std::uint8_t {
  split,   ///< virtio 1.4 section 2.7; sizes are powers of two
  packed,  ///< virtio 1.4 section 2.8; any size
};

}  // namespace bellpull::engine
