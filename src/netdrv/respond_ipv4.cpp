// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#include <cstddef>
#include <span>
#include <utility>

#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint8_t kDscp = 0xfc;
constexpr std::uint32_t kIpv4Bytes = sizeof(iphdr);

// The lengths and the checksum of the header. Ends the frame where the packet ends.
std::optional<DropReason> check_header(Frame& frame) noexcept {
  if (!frame.holds(frame.network, kIpv4Bytes)) return DropReason::bad_length;
  const auto ip = frame.read<iphdr>(frame.network);
  const std::uint32_t header = ip.ihl * 4U;
  const std::uint32_t total = wire16(ip.tot_len);
  if (ip.version != 4 || header < kIpv4Bytes || total < header ||
      total > frame.end() - frame.network) {
    return DropReason::bad_length;
  }
  frame.transport = frame.network + header;
  InternetSum sum;
  frame.add_header(sum, frame.network, header);
  if (!sum.intact()) return DropReason::bad_checksum;
  frame.end_at(frame.network + total);
  return {};
}

// The options of a packet for us: they have to be in order, and it must not want to travel on. None
// of them comes back in the answer.
std::optional<DropReason> check_options(const Frame& frame) noexcept {
  std::uint32_t at = frame.network + kIpv4Bytes;
  while (at < frame.transport) {
    const auto kind = frame.read<std::uint8_t>(at);
    if (kind == IPOPT_EOL) return {};
    if (kind == IPOPT_NOP) {
      ++at;
      continue;
    }
    if (frame.transport - at < 2) return DropReason::bad_length;
    const auto length = frame.read<std::uint8_t>(at + 1);
    if (length < 2 || length > frame.transport - at) return DropReason::bad_length;
    // A source route: refused wherever it stands, as is the custom (RFC 7126 section 4.3).
    if (kind == IPOPT_LSRR || kind == IPOPT_SSRR) return DropReason::not_for_us;
    at += length;
  }
  return {};
}

std::optional<DropReason> turn_icmp_echo(Frame& frame) noexcept {
  if (!frame.holds(frame.transport, sizeof(icmphdr))) return DropReason::bad_length;
  auto icmp = frame.read<icmphdr>(frame.transport);
  InternetSum rest;  // what stays the same: all but type, code and the checksum
  frame.add_from(rest, frame.transport + static_cast<std::uint32_t>(offsetof(icmphdr, un)));
  InternetSum all = rest;
  all.add_word(static_cast<std::uint16_t>(icmp.type << 8 | icmp.code));
  all.add_word(wire16(icmp.checksum));
  if (!all.intact()) return DropReason::bad_checksum;
  if (icmp.type != ICMP_ECHO || icmp.code != 0) return DropReason::not_for_us;
  icmp.type = ICMP_ECHOREPLY;
  icmp.checksum = wire16(rest.checksum());
  frame.write(frame.transport, icmp);
  return {};
}

InternetSum pseudo_header(const iphdr& ip) noexcept {
  InternetSum sum;
  sum.add(std::as_bytes(std::span(&ip.saddr, 1)));
  sum.add(std::as_bytes(std::span(&ip.daddr, 1)));
  sum.add_word(ip.protocol);
  return sum;
}

// Identification and DF stay: what is unique one way is unique the other way.
void turn_header(Frame& frame, iphdr ip, const MacAddress& mac) noexcept {
  ip.ihl = kIpv4Bytes / 4;
  ip.tos &= kDscp;
  ip.tot_len = wire16(static_cast<std::uint16_t>(kIpv4Bytes + frame.end() - frame.transport));
  ip.frag_off &= wire16(IP_DF);
  ip.ttl = kHopLimit;
  std::swap(ip.saddr, ip.daddr);
  ip.check = 0;
  InternetSum sum;
  sum.add(std::as_bytes(std::span(&ip, 1)));
  ip.check = wire16(sum.checksum());
  frame.write(frame.network, ip);
  frame.address(frame.from, mac);
  frame.finish(kIpv4Bytes);
}

}  // namespace

Verdict answer_ipv4(Frame& frame, const Host& host) noexcept {
  const Identity& self = host.self;
  if (frame.to != self.mac()) return dropped(DropReason::not_for_us);
  if (const auto fault = check_header(frame)) return dropped(*fault);
  const auto ip = frame.read<iphdr>(frame.network);
  if (!self.owns(ip.daddr) || !self.answers_to(ip.saddr)) return dropped(DropReason::not_for_us);
  if ((wire16(ip.frag_off) & (IP_MF | IP_OFFMASK)) != 0) return dropped(DropReason::fragment);
  if (const auto fault = check_options(frame)) return dropped(*fault);
  std::optional<DropReason> fault = DropReason::not_for_us;
  engine::Counter* counter = nullptr;
  if (ip.protocol == IPPROTO_ICMP) {
    fault = turn_icmp_echo(frame);
    counter = &host.counters.icmp4_echo;
  } else if (ip.protocol == IPPROTO_UDP) {
    fault = turn_udp_echo(frame, pseudo_header(ip), true);
    counter = &host.counters.udp_echo;
  }
  if (fault) return dropped(*fault);
  turn_header(frame, ip, self.mac());
  return answered(*counter);
}

}  // namespace bellpull::netdrv
