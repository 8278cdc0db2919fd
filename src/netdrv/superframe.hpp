// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/netdrv/offload_check.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// Most segments that the kernel takes in a UDP superframe: UDP_MAX_SEGMENTS, include/linux/udp.h.
inline constexpr std::uint32_t kMaxUdpSegments = 128;

/// Smallest gso_size of TCP, so that one frame cannot ask for tens of thousands: what is left of
/// the smallest MSS that Linux works with when options take their most (TCP_MIN_GSO_SIZE).
inline constexpr std::uint32_t kMinTcpGsoSize = 8;

/// Most bytes of an IP packet: what the length field of IPv4 holds.
inline constexpr std::uint32_t kMaxIpPacket = 65535;

/// Where the parts of a superframe are, in bytes from its start. All headers are in its first
/// buffer.
struct SuperframeLayout {
  std::uint32_t network = 0;    ///< IP header
  std::uint32_t transport = 0;  ///< TCP or UDP header
  std::uint32_t payload = 0;    ///< what is cut
  bool tcp = false;             ///< TCP, else UDP
};

/// Finds the parts of a frame whose gso_type is not NONE, and what is wrong with it.
[[nodiscard]] OffloadFault find_superframe(std::span<const std::byte> head, std::uint32_t size,
                                           const Offload& offload,
                                           SuperframeLayout& layout) noexcept;

/// How many frames a superframe without fault is on the wire.
[[nodiscard]] std::uint32_t segments_in(const Packet& packet) noexcept;

}  // namespace bellpull::netdrv
