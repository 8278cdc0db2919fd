// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// Where a device half stands: what stop() returns and attach() starts from, in this process or in
/// another. A position is the free-running index of the split layout (0 to 65535), or the offset of
/// the packed layout with the wrap counter in bit 15, as vhost-user's VRING_BASE messages have it.
struct DeviceState {
  std::uint16_t avail = 0;  ///< the next chain to take
  std::uint16_t used = 0;   ///< the next used entry to write
};

/// A chain that a device half had taken and not given back when it stopped.
struct InFlight {
  std::uint16_t head = 0;         ///< its id
  std::uint16_t descriptors = 1;  ///< entries of the ring that it takes up
  std::uint32_t written = 0;      ///< in-order only: the length of a completion that waits its turn
  std::uint32_t writable = 0;     ///< in-order only: bytes of its writable part, saturated
  bool completed = false;         ///< in-order only: completed, behind one that is not
};

/// Where a driver half stands. The rest of it is in its slots, which are saved and given back along
/// with this: which chains are in flight, their tokens, and the free ones.
struct DriverState {
  std::uint16_t avail = 0;      ///< position of the next entry to make available; see DeviceState
  std::uint16_t used = 0;       ///< position of the next used entry to look at
  std::uint16_t free_head = 0;  ///< the slot that reserve() takes next
  std::uint16_t batch_last = 0xffff;  ///< in-order only: the last id of a batch polled in part
  std::uint32_t batch_length = 0;     ///< in-order only: and its length
};

}  // namespace bellpull::ring
