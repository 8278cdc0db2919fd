// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// Why a frame cannot be what its Offload says.
enum class OffloadFault : std::uint8_t {
  none,               ///< it can
  runt,               ///< shorter than an Ethernet header
  csum_range,         ///< the checksum field or what it covers is outside of the frame
  csum_place,         ///< a superframe whose checksum field is not its transport's
  gso_without_csum,   ///< a superframe without NEEDS_CSUM
  gso_type,           ///< an unknown one, UFO, or ECN of what is not TCP
  gso_size,           ///< 0, below 8 of TCP, 0xffff, or more than an IP packet has room for
  vlan_stack,         ///< more than two VLAN tags
  protocol,           ///< the frame is not of the protocols that gso_type names
  ip_header,          ///< an IP header of the wrong version or length
  ip_length,          ///< a length field of IP or UDP is not the length of the frame
  fragment,           ///< a fragment has no transport header that could be repeated
  extension_headers,  ///< more IPv6 extension headers than 8, or cut short
  transport_header,   ///< a TCP or UDP header cut short, or of an impossible length
  headers_split,      ///< headers beyond the packet's first buffer
  segments,           ///< more than 128 UDP segments (UDP_MAX_SEGMENTS)
  oversize,           ///< its segments are longer than the link's MTU allows
};

/// How many faults there are, `none` included.
inline constexpr std::size_t kOffloadFaults = 17;

/// The fault as it appears in statistics.
[[nodiscard]] constexpr std::string_view name_of(OffloadFault fault) noexcept {
  constexpr std::array<std::string_view, kOffloadFaults> names = {
      "none",      "runt",     "csum_range",        "csum_place",       "gso_without_csum",
      "gso_type",  "gso_size", "vlan_stack",        "protocol",         "ip_header",
      "ip_length", "fragment", "extension_headers", "transport_header", "headers_split",
      "segments",  "oversize"};
  return names[static_cast<std::size_t>(fault)];
}

/// Whether a frame of `size` bytes, of which the first are in `head`, can be what `offload` says;
/// for frames and offloads from whoever is not trusted. hdr_len is not looked at, nor are flags
/// that virtio 1.4 section 5.1.6 does not know. Headers are parsed only of superframes, which must
/// have them all in `head`, at most two VLAN tags, and lengths that agree with the frame; of others
/// the checksum field must be in `head`. What a superframe covers by its partial checksum is not
/// verified: as with the kernel, a lie there makes checksums of its segments wrong, and no more.
/// Any thread; reads nothing but `head`.
[[nodiscard]] OffloadFault check_offload(std::span<const std::byte> head, std::uint32_t size,
                                         const Offload& offload) noexcept;

/// The same of a packet.
[[nodiscard]] inline OffloadFault check_offload(const Packet& packet) noexcept {
  return check_offload(packet.head(), packet.size(), packet.offload());
}

/// What a reader must take upon itself to be given a frame with that Offload as it is: nothing for
/// an ordinary frame. Of an Offload that check_offload() found no fault with.
[[nodiscard]] OffloadSet needed_for(const Offload& offload) noexcept;

/// Does what NEEDS_CSUM asks, over all buffers of the packet, and takes the flag away: what begins
/// at csum_start, the partial checksum in the field included, is summed up into the field. A UDP
/// checksum (csum_offset 6) of 0 becomes 0xffff, because 0 says that there is none (RFC 768). Does
/// nothing without NEEDS_CSUM, or to a superframe, whose segments have checksums of their own.
/// check_offload() must have found no fault. Whoever owns the packet.
void complete_checksum(Packet& packet) noexcept;

}  // namespace bellpull::netdrv
