// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// A frame of the offload self-test.
struct ProbeFrame {
  OffloadFeature feature = OffloadFeature::csum;  ///< what it asks for; csum: its checksum only
  bool tcp = true;                                ///< else UDP
  bool ipv6 = false;                              ///< else IPv4
  bool ecn = false;                               ///< TCP with CWR set
  std::uint32_t payload = 0;                      ///< bytes behind all headers
  std::uint16_t gso_size = 0;                     ///< bytes of each segment, or 0
};

/// Makes `packet`, which is empty but for its room, that frame: headers that are right, payload
/// that depends on `number` and the place, a partial checksum. `packet` has room for it.
void make_probe(const ProbeFrame& frame, unsigned number, Packet& packet) noexcept;

/// Whether a frame is the one that make_probe() made with that number, or a segment of it.
[[nodiscard]] bool is_probe(const Packet& packet, unsigned number) noexcept;

}  // namespace bellpull::netdrv
