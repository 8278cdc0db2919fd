// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

/// How a pair of loopback back-ends is made.
struct LoopbackOptions {
  unsigned messages = 64;            ///< messages that can be under way, 1 to 65536
  std::uint32_t max_length = 65600;  ///< bytes of one message
  unsigned window = 64;              ///< transfers each end holds, 1 to 1024
};

/// Two back-ends joined in memory: what the first sends, the second receives, in order, message by
/// message. The in-memory twin of a file descriptor: a full pipe and an empty one would block. A
/// message longer than the room it meets is truncated to it, as a TAP does.
struct LoopbackPair {
  std::unique_ptr<Backend> sender;    ///< memory_to_device
  std::unique_ptr<Backend> receiver;  ///< device_to_memory
};

/// Makes a pair. The two may be run by different engines on different threads (a mutex joins them:
/// this is for tests, not for speed). Throws std::system_error when the kernel refuses an eventfd
/// and std::invalid_argument for a number out of range.
[[nodiscard]] LoopbackPair make_loopback(const LoopbackOptions& options);

}  // namespace bellpull::engine
