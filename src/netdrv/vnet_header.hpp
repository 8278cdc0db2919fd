// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/tap_device.hpp"

namespace bellpull::netdrv {

/// The header in front of each frame of a TAP, little-endian: virtio 1.4 section 5.1.6, struct
/// virtio_net_hdr. Restated here because <linux/virtio_net.h> has a member called `class` and is no
/// C++.
struct VnetHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
  std::uint16_t num_buffers = 0;
};
static_assert(sizeof(VnetHeader) == kVnetHeader);

inline constexpr std::uint8_t kVnetNeedsCsum = 1;  ///< VIRTIO_NET_HDR_F_NEEDS_CSUM
inline constexpr std::uint8_t kVnetDataValid = 2;  ///< VIRTIO_NET_HDR_F_DATA_VALID
inline constexpr std::uint8_t kVnetGsoNone = 0;    ///< VIRTIO_NET_HDR_GSO_NONE
inline constexpr std::uint8_t kVnetGsoTcp4 = 1;    ///< VIRTIO_NET_HDR_GSO_TCPV4
inline constexpr std::uint8_t kVnetGsoTcp6 = 4;    ///< VIRTIO_NET_HDR_GSO_TCPV6
inline constexpr std::uint8_t kVnetGsoEcn = 0x80;  ///< VIRTIO_NET_HDR_GSO_ECN, beside TCPV4 or 6

/// Whether a frame asks nothing of who reads it.
[[nodiscard]] constexpr bool is_plain(const Offload& offload) noexcept {
  return offload.flags == 0 && offload.gso_type == kVnetGsoNone;
}

}  // namespace bellpull::netdrv
