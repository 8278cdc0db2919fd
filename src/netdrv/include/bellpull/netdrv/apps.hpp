// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bellpull/netdrv/app.hpp"

namespace bellpull::netdrv {

/// An Ethernet address in the order of the wire.
using MacAddress = std::array<std::uint8_t, 6>;

/// An IP address in the order of the wire.
struct IpAddress {
  std::uint8_t family = 4;               ///< 4 or 6
  std::array<std::uint8_t, 16> bytes{};  ///< the first 4 or all 16
};

/// Who the `respond` application is.
struct RespondOptions {
  MacAddress mac{};                  ///< its Ethernet address, unicast
  std::vector<IpAddress> addresses;  ///< its IP addresses, at least one
};

/// Counters of the `respond` application, in frames answered.
struct RespondCounters {
  engine::Counter arp;         ///< ARP requests (RFC 826)
  engine::Counter icmp4_echo;  ///< ICMP echo requests (RFC 792)
  engine::Counter neighbour;   ///< IPv6 neighbour solicitations (RFC 4861)
  engine::Counter icmp6_echo;  ///< ICMPv6 echo requests (RFC 4443)
  engine::Counter udp_echo;    ///< UDP datagrams to port 7 (RFC 862)
};

/// A host that answers ARP, ICMP and ICMPv6 echo, IPv6 neighbour solicitation and UDP echo for its
/// addresses, in place, with correct checksums, VLAN tags carried through. Drops all else by
/// reason. Throws std::invalid_argument for no address or a group MAC. `counters` outlives it.
[[nodiscard]] std::unique_ptr<App> make_respond(const RespondOptions& options,
                                                RespondCounters& counters);

/// Two ports, joined: what arrives on one leaves on the other, untouched and not copied.
[[nodiscard]] std::unique_ptr<App> make_patch();

/// Sends each frame back where it came from, Ethernet addresses swapped. A frame with a group or a
/// zero address at either end has no such way back and is dropped as `not_for_us`.
[[nodiscard]] std::unique_ptr<App> make_reflect();

/// Consumes every frame.
[[nodiscard]] std::unique_ptr<App> make_discard();

}  // namespace bellpull::netdrv
