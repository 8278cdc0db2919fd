// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

#include <bit>
#include <cstddef>
#include <span>

#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint32_t kIpv6Bytes = sizeof(ip6_hdr);
constexpr std::uint32_t kEcnBits = 0x0030'0000;  // in the first word of the header

// A packet on its way through here.
struct Ipv6 {
  ip6_hdr header;
  Ipv6Address source;
  Ipv6Address destination;
  std::uint8_t protocol;  // of the transport header
  bool to_group;
};

std::optional<DropReason> parse(Frame& frame, Ipv6& ip) noexcept {
  if (!frame.holds(frame.network, kIpv6Bytes)) return DropReason::bad_length;
  ip.header = frame.read<ip6_hdr>(frame.network);
  ip.source = std::bit_cast<Ipv6Address>(ip.header.ip6_src);
  ip.destination = std::bit_cast<Ipv6Address>(ip.header.ip6_dst);
  ip.protocol = ip.header.ip6_nxt;
  const std::uint32_t payload = wire16(ip.header.ip6_plen);
  frame.transport = frame.network + kIpv6Bytes;
  if (ip.header.ip6_vfc >> 4 != 6 || payload > frame.end() - frame.transport) {
    return DropReason::bad_length;
  }
  frame.end_at(frame.transport + payload);
  return {};
}

// To an address of ours in a frame to us, or to a group of ours in a frame to us (RFC 6085) or to
// the group's own Ethernet address. From somebody, or from nobody yet: see respond_neighbour.cpp.
bool concerns(const Identity& self, const Frame& frame, Ipv6& ip) noexcept {
  ip.to_group = self.listens_to(ip.destination);
  if (!ip.to_group && !self.owns(ip.destination)) return false;
  const bool to_us = frame.to == self.mac();
  if (!to_us && !(ip.to_group && frame.to == group_mac(ip.destination))) return false;
  return ip.source == Ipv6Address{} || self.answers_to(ip.source);
}

InternetSum pseudo_header(const Ipv6Address& source, const Ipv6Address& destination,
                          std::uint8_t protocol) noexcept {
  InternetSum sum;
  sum.add(std::as_bytes(std::span(&source, 1)));
  sum.add(std::as_bytes(std::span(&destination, 1)));
  sum.add_word(protocol);
  return sum;
}

void turn_header(Frame& frame, const Ipv6& ip, const Ipv6Address& source,
                 const MacAddress& mac) noexcept {
  ip6_hdr header = ip.header;
  header.ip6_flow &= wire32(~kEcnBits);
  header.ip6_plen = wire16(static_cast<std::uint16_t>(frame.end() - frame.transport));
  header.ip6_nxt = ip.protocol;
  header.ip6_hlim = kHopLimit;
  header.ip6_src = std::bit_cast<in6_addr>(source);
  header.ip6_dst = std::bit_cast<in6_addr>(ip.source);
  frame.write(frame.network, header);
  frame.address(frame.from, mac);
  frame.finish(kIpv6Bytes);
}

// A request to a group is answered too, from an address of ours (RFC 4443 section 4.2).
Verdict answer_echo(Frame& frame, const Ipv6& ip, icmp6_hdr icmp, const InternetSum& rest,
                    const Host& host) noexcept {
  if (!host.self.answers_to(ip.source)) return dropped(DropReason::not_for_us);
  const Ipv6Address& source = ip.to_group ? host.self.speaks_as(ip.source) : ip.destination;
  InternetSum sum = pseudo_header(source, ip.source, IPPROTO_ICMPV6);
  sum.add_word(static_cast<std::uint16_t>(frame.end() - frame.transport));
  sum.add_word(static_cast<std::uint16_t>(ICMP6_ECHO_REPLY << 8));
  sum.add_word(rest.value());
  icmp.icmp6_type = ICMP6_ECHO_REPLY;
  icmp.icmp6_cksum = wire16(sum.checksum());
  frame.write(frame.transport, icmp);
  turn_header(frame, ip, source, host.self.mac());
  return answered(host.counters.icmp6_echo);
}

Verdict answer_icmp(Frame& frame, const Ipv6& ip, const Host& host) noexcept {
  if (!frame.holds(frame.transport, sizeof(icmp6_hdr))) return dropped(DropReason::bad_length);
  const auto icmp = frame.read<icmp6_hdr>(frame.transport);
  InternetSum rest;  // what stays the same: all but type, code and the checksum
  frame.add_from(rest,
                 frame.transport + static_cast<std::uint32_t>(offsetof(icmp6_hdr, icmp6_dataun)));
  InternetSum all = pseudo_header(ip.source, ip.destination, IPPROTO_ICMPV6);
  all.add_word(static_cast<std::uint16_t>(frame.end() - frame.transport));
  all.add_word(static_cast<std::uint16_t>(icmp.icmp6_type << 8 | icmp.icmp6_code));
  all.add_word(wire16(icmp.icmp6_cksum));
  all.add_word(rest.value());
  if (!all.intact()) return dropped(DropReason::bad_checksum);
  if (icmp.icmp6_code != 0) return dropped(DropReason::not_for_us);
  if (icmp.icmp6_type == ICMP6_ECHO_REQUEST) return answer_echo(frame, ip, icmp, rest, host);
  if (icmp.icmp6_type == ND_NEIGHBOR_SOLICIT) return answer_solicitation(frame, host);
  return dropped(DropReason::not_for_us);
}

Verdict answer_udp(Frame& frame, const Ipv6& ip, const Host& host) noexcept {
  if (ip.to_group || !host.self.answers_to(ip.source)) return dropped(DropReason::not_for_us);
  const InternetSum pseudo = pseudo_header(ip.source, ip.destination, IPPROTO_UDP);
  if (const auto fault = turn_udp_echo(frame, pseudo, false)) return dropped(*fault);
  turn_header(frame, ip, ip.destination, host.self.mac());
  return answered(host.counters.udp_echo);
}

}  // namespace

Verdict answer_ipv6(Frame& frame, const Host& host) noexcept {
  // Most of what is not for us goes here, before its header is looked at.
  if (frame.to != host.self.mac() && !(frame.to[0] == 0x33 && frame.to[1] == 0x33)) {
    return dropped(DropReason::not_for_us);
  }
  Ipv6 ip;
  if (const auto fault = parse(frame, ip)) return dropped(*fault);
  if (!concerns(host.self, frame, ip)) return dropped(DropReason::not_for_us);
  if (const auto fault = skip_extensions(frame, ip.protocol)) return dropped(*fault);
  if (ip.protocol == IPPROTO_ICMPV6) return answer_icmp(frame, ip, host);
  if (ip.protocol == IPPROTO_UDP) return answer_udp(frame, ip, host);
  return dropped(DropReason::not_for_us);
}

}  // namespace bellpull::netdrv
