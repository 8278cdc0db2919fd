// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/netdrv/apps.hpp"

namespace bellpull::netdrv {

/// An IPv4 address as a header struct holds it: in the order of the wire.
using Ipv4Address = std::uint32_t;

/// The bytes of an IPv6 address in the order of the wire.
using Ipv6Bytes = std::array<std::uint8_t, 16>;

/// An IPv6 address as a header struct holds it, in two halves: to compare it is then two
/// instructions, and not a call that waits for bytes which were only just stored.
struct Ipv6Address {
  std::uint64_t high = 0;  ///< bytes 0 to 7 in the order of the wire
  std::uint64_t low = 0;   ///< bytes 8 to 15 in the order of the wire

  [[nodiscard]] bool operator==(const Ipv6Address&) const noexcept = default;

  /// Byte 0 to 15 in the order of the wire.
  [[nodiscard]] constexpr std::uint8_t operator[](std::size_t byte) const noexcept {
    return std::bit_cast<Ipv6Bytes>(*this)[byte];
  }
};

/// ff02::1, which every IPv6 host listens to.
inline constexpr auto kAllNodes =
    std::bit_cast<Ipv6Address>(Ipv6Bytes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

/// Whether frames to it reach more than one station.
[[nodiscard]] constexpr bool is_group(const MacAddress& mac) noexcept {
  return (mac[0] & 1) != 0;
}

/// Whether it is an address at all that a single station can have.
[[nodiscard]] constexpr bool is_station(const MacAddress& mac) noexcept {
  return !is_group(mac) && mac != MacAddress{};
}

/// The Ethernet address of an IPv6 multicast group (RFC 2464 section 7).
[[nodiscard]] constexpr MacAddress group_mac(const Ipv6Address& group) noexcept {
  return {0x33, 0x33, group[12], group[13], group[14], group[15]};
}

/// The group in which neighbours look for an address (RFC 4291 section 2.7.1).
[[nodiscard]] constexpr Ipv6Address solicited_node(const Ipv6Address& address) noexcept {
  constexpr auto kPrefix = std::bit_cast<Ipv6Address>(
      Ipv6Bytes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0});
  constexpr auto kSuffix = std::bit_cast<Ipv6Address>(
      Ipv6Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff});
  return {.high = kPrefix.high, .low = kPrefix.low | (address.low & kSuffix.low)};
}

/// The addresses of a host, and to whom it answers. Looked up one after the other: they are few.
class Identity {
 public:
  /// Throws std::invalid_argument for no address, or one that a single host cannot have.
  explicit Identity(const RespondOptions& options);

  /// Its Ethernet address.
  [[nodiscard]] const MacAddress& mac() const noexcept { return mac_; }

  /// Whether the address is its own.
  [[nodiscard]] bool owns(Ipv4Address address) const noexcept;
  /// Whether the address is its own.
  [[nodiscard]] bool owns(const Ipv6Address& address) const noexcept;

  /// Whether it listens to the group: all nodes, or the solicited-node group of an address.
  [[nodiscard]] bool listens_to(const Ipv6Address& group) const noexcept;

  /// Whether a frame from there can be answered: it is another station.
  [[nodiscard]] bool answers_to(const MacAddress& peer) const noexcept {
    return is_station(peer) && peer != mac_;
  }
  /// Whether a packet from there can be answered: it is one other host on a network. Not so group
  /// and limited broadcast addresses, 0/8, 127/8 and its own.
  [[nodiscard]] bool answers_to(Ipv4Address peer) const noexcept;
  /// Whether a packet from there can be answered: it is one other host on a network. Not so group
  /// addresses, :: and ::1 and its own.
  [[nodiscard]] bool answers_to(const Ipv6Address& peer) const noexcept;

  /// The address under which it answers what `peer` sent to a group: the first that is link-local
  /// if the peer's is, and is not if the peer's is not; if none, the first. It has one.
  [[nodiscard]] const Ipv6Address& speaks_as(const Ipv6Address& peer) const noexcept;

 private:
  MacAddress mac_;
  std::vector<Ipv4Address> ipv4_;
  std::vector<Ipv6Address> ipv6_;
};

}  // namespace bellpull::netdrv
