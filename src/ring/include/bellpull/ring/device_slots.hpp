// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/state.hpp"

namespace bellpull::ring {

/// What the device half remembers per entry, in memory that the driver cannot see: which heads it
/// has, and, in-order, whose turn it is. The caller owns the array and gives it to attach(); the
/// fields are the device half's business.
struct DeviceSlot {
  InFlight chain;               ///< the chain with this head
  bool taken = false;           ///< whether the device half has it
  std::uint16_t turn_head = 0;  ///< in-order: the head that was taken at this turn
};

}  // namespace bellpull::ring
