// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// What one look at a frame tells the Coalescer.
struct FlowLook {
  /// Where the frame belongs.
  enum class Kind : std::uint8_t {
    apart,   ///< to no TCP or UDP flow
    opaque,  ///< perhaps to one, and it cannot be told to which
    flow,    ///< to the one with that hash
  };

  Kind kind = Kind::apart;
  bool mergeable = false;       ///< its headers allow to merge it into the frame before
  bool may_start = false;       ///< and the next one into it
  bool last = false;            ///< TCP: PSH or FIN is set
  bool tcp = false;             ///< TCP, else UDP
  bool ipv6 = false;            ///< IPv6, else IPv4
  std::uint32_t hash = 0;       ///< of protocol, addresses and ports; the upper bits are the best
  std::uint32_t network = 0;    ///< offset of the IP header
  std::uint32_t transport = 0;  ///< offset of the TCP or UDP header
  std::uint32_t payload = 0;    ///< offset of the payload, if mergeable
  std::uint32_t bytes = 0;      ///< of payload, if mergeable
};

/// Looks at a frame's headers for a reader that accepts those features. Reads nothing but them.
[[nodiscard]] FlowLook look_at(const Packet& packet, OffloadSet accepted) noexcept;

/// Whether the headers of two frames with that layout are the same but for what the Segmenter
/// writes anew.
[[nodiscard]] bool same_headers(const std::byte* a, const std::byte* b,
                                const FlowLook& layout) noexcept;

/// The sum of a pseudo header over `bytes` bytes of TCP or UDP: virtio's partial checksum.
[[nodiscard]] std::uint16_t pseudo_sum(const std::byte* frame, const FlowLook& layout,
                                       std::uint32_t bytes) noexcept;

/// Whether all checksums of a mergeable frame are right, and the way a Segmenter would write them;
/// of a partial one, whether it is the sum of the pseudo header.
[[nodiscard]] bool checksums_right(const Packet& packet, const FlowLook& layout) noexcept;

}  // namespace bellpull::netdrv
