// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>

#include "bellpull/engine/backend.hpp"
#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

/// The rule of a back-end that a segment of at least 1 byte breaks, or none. On streams and on
/// operations alike.
[[nodiscard]] inline PrepareReason broken_rule(const Segment& segment,
                                               const Capabilities& limits) noexcept {
  if (segment.data == nullptr) return PrepareReason::segment_without_memory;
  const auto address = reinterpret_cast<std::uintptr_t>(segment.data);
  if (segment.length - 1 > std::numeric_limits<std::uintptr_t>::max() - address) {
    return PrepareReason::segment_wraps;
  }
  if (((address + (segment.length - 1)) & ~limits.address_mask) != 0) {
    return PrepareReason::address_out_of_reach;
  }
  const std::uintptr_t below = limits.alignment - 1;  // a power of two, less one
  if ((address & below) != 0) return PrepareReason::address_misaligned;
  if ((segment.length & below) != 0) return PrepareReason::length_misaligned;
  return PrepareReason::none;
}

}  // namespace bellpull::engine
