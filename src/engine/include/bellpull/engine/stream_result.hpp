// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/engine/completion.hpp"

namespace bellpull::engine {

/// How a transfer of a stream ended: an element of an array beside the ring, one per head. The
/// engine writes it before it publishes the used entry of that head; whoever polled the entry reads
/// it, until the head is made available again.
struct StreamResult {
  std::uint32_t bytes = 0;     ///< moved before it ended
  std::int32_t error = 0;      ///< errno value when `failed`, otherwise 0
  Status status = Status::ok;  ///< how it ended
};

}  // namespace bellpull::engine
