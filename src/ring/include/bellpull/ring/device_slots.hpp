// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// What the device half remembers per entry, in memory that the driver cannot see: which heads it
/// has, and, in-order, whose turn it is. The caller owns the array and gives it to attach(); the
/// fields are the device half's business.
struct DeviceSlot {
  std::uint32_t written = 0;      ///< in-order: the length of a completion that waits its turn
  std::uint32_t writable = 0;     ///< in-order: bytes of its writable part, saturated
  std::uint16_t descriptors = 0;  ///< of the chain with this head
  std::uint16_t turn_head = 0;    ///< in-order: the head that was taken at this turn
  bool taken = false;             ///< whether the device half has the chain with this head
  bool completed = false;         ///< in-order: completed, behind one that is not
};

}  // namespace bellpull::ring
