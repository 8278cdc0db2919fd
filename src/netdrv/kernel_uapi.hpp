// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <linux/if_tun.h>

#include <cstdint>

#include "bellpull/netdrv/offload_set.hpp"

// What the kernel understands and the UAPI headers of Debian 12 (Linux 6.1) do not have yet. Names
// of our own, so that newer headers do not get in the way.

namespace bellpull::netdrv {

// include/uapi/linux/if_tun.h since Linux 6.2: TUN_F_USO4, TUN_F_USO6.
inline constexpr unsigned kTunUso4 = 0x20;
inline constexpr unsigned kTunUso6 = 0x40;

// include/uapi/linux/virtio_net.h since Linux 6.2: VIRTIO_NET_HDR_GSO_UDP_L4. In the UAPI header of
// 6.1 nothing is there by that number.
inline constexpr std::uint8_t kVnetGsoUdpL4 = 5;

/// The argument of TUNSETOFFLOAD that lets the kernel hand over frames for such a reader.
[[nodiscard]] constexpr unsigned tun_offloads(OffloadSet reader) noexcept {
  unsigned bits = 0;
  if (reader.has(OffloadFeature::csum)) bits |= TUN_F_CSUM;
  if (reader.has(OffloadFeature::tso4)) bits |= TUN_F_TSO4 | TUN_F_TSO_ECN;
  if (reader.has(OffloadFeature::tso6)) bits |= TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (reader.has(OffloadFeature::uso)) bits |= kTunUso4 | kTunUso6;
  return bits;
}

}  // namespace bellpull::netdrv
