// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

/// How a copy back-end is made.
struct CopyOptions {
  unsigned window = 64;  ///< transfers it holds, 1 to 1024
  std::uint32_t slice =
      512u * 1024;  ///< bytes moved between two looks at what else is wanted, not 0
};

/// Memory to memory, by the processor: the reference of what a back-end is. All memory operations,
/// in the order in which they were started. It moves bytes only inside of reap(), a slice per call,
/// or Op::burst bytes of a transfer that asks for less, so that a large transfer can be paused,
/// terminated and asked how far it is. Never fails; memory that is not there ends the program, as
/// it does for memcpy(). Source and destination of one transfer must not overlap. Throws
/// std::invalid_argument for a number out of range.
[[nodiscard]] std::unique_ptr<Backend> make_copy_backend(const CopyOptions& options = {});

}  // namespace bellpull::engine
