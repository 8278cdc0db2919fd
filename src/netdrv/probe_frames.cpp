// SPDX-License-Identifier: BSD-2-Clause
#include "probe_frames.hpp"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "checksum.hpp"
#include "frame_limits.hpp"
#include "ip_lengths.hpp"
#include "kernel_uapi.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

// Addresses that are locally administered, of documentation, and nobody's.
constexpr std::array<std::uint8_t, 12> kMacs = {2, 0, 0, 0x5e, 0, 2, 2, 0, 0, 0x5e, 0, 1};
constexpr std::array<std::uint8_t, 8> kIpv4 = {192, 0, 2, 1, 192, 0, 2, 2};
constexpr std::array<std::uint8_t, 32> kIpv6 = {0x20, 1, 0xd, 0xb8, 0, 0,    0, 0,   0,    0, 0,
                                                0,    0, 0,   0,    1, 0x20, 1, 0xd, 0xb8, 0, 0,
                                                0,    0, 0,   0,    0, 0,    0, 0,   0,    2};
constexpr std::uint16_t kIdentification = 0x1234;
constexpr std::uint32_t kSequence = 0xffffff00;  // so that it goes round
constexpr std::uint16_t kDiscard = 9;            // the port of that service
constexpr unsigned kFirstPort = 20000;

// By which the frames of a test are told apart.
[[nodiscard]] std::uint16_t source_port(unsigned number) noexcept {
  return wire16(static_cast<std::uint16_t>(kFirstPort + number));
}

template <std::size_t kSize>
std::span<const std::byte> bytes(const std::array<std::uint8_t, kSize>& all) noexcept {
  return std::as_bytes(std::span(all));
}

// Returns how long it is.
std::uint32_t put_network(const ProbeFrame& frame, std::uint8_t protocol, std::uint32_t behind,
                          std::byte* at) noexcept {
  if (frame.ipv6) {
    ip6_hdr ip{};
    ip.ip6_vfc = 0x60;
    ip.ip6_nxt = protocol;
    ip.ip6_hlim = 64;
    write_at(at, ip);
    std::memcpy(at + offsetof(ip6_hdr, ip6_src), kIpv6.data(), kIpv6.size());
    set_ip_length({at, sizeof ip}, static_cast<std::uint16_t>(sizeof ip + behind), 0);
    return sizeof ip;
  }
  iphdr ip{};
  ip.version = IPVERSION;
  ip.ihl = 5;
  ip.id = wire16(kIdentification);
  ip.frag_off = wire16(IP_DF);
  ip.ttl = 64;
  ip.protocol = protocol;
  write_at(at, ip);
  std::memcpy(at + offsetof(iphdr, saddr), kIpv4.data(), kIpv4.size());
  set_ip_length({at, sizeof ip}, static_cast<std::uint16_t>(sizeof ip + behind), 0);
  return sizeof ip;
}

void put_transport(const ProbeFrame& frame, unsigned number, std::uint32_t bytes_of_it,
                   std::uint16_t partial, std::byte* at) noexcept {
  if (frame.tcp) {
    tcphdr tcp{};
    tcp.source = source_port(number);
    tcp.dest = wire16(kDiscard);
    tcp.seq = wire32(kSequence);
    tcp.doff = sizeof tcp / 4;
    tcp.ack = tcp.psh = tcp.fin = 1;
    tcp.window = wire16(1000);
    tcp.check = wire16(partial);
    write_at(at, tcp);
    if (frame.ecn) at[13] |= std::byte{0x80};  // CWR, for which <netinet/tcp.h> has no name
    return;
  }
  udphdr udp{};
  udp.source = source_port(number);
  udp.dest = wire16(kDiscard);
  udp.len = wire16(static_cast<std::uint16_t>(bytes_of_it));
  udp.check = wire16(partial);
  write_at(at, udp);
}

[[nodiscard]] std::uint8_t gso_type_of(const ProbeFrame& frame) noexcept {
  if (frame.gso_size == 0) return kVnetGsoNone;
  if (!frame.tcp) return kVnetGsoUdpL4;
  const std::uint8_t plain = frame.ipv6 ? kVnetGsoTcp6 : kVnetGsoTcp4;
  return frame.ecn ? plain | kVnetGsoEcn : plain;
}

}  // namespace

void make_probe(const ProbeFrame& frame, unsigned number, Packet& packet) noexcept {
  const std::uint8_t protocol = frame.tcp ? IPPROTO_TCP : IPPROTO_UDP;
  const std::uint32_t network = frame.ipv6 ? sizeof(ip6_hdr) : sizeof(iphdr);
  const std::uint32_t transport = frame.tcp ? sizeof(tcphdr) : sizeof(udphdr);
  const std::uint32_t headers = kEthernetHeader + network + transport;
  packet.resize(headers + frame.payload);
  std::byte* const at = packet.head().data();
  std::memcpy(at, kMacs.data(), kMacs.size());
  const std::uint16_t type = frame.ipv6 ? ETH_P_IPV6 : ETH_P_IP;
  write_at(at + kMacs.size(), wire16(type));

  const std::uint32_t behind = transport + frame.payload;
  put_network(frame, protocol, behind, at + kEthernetHeader);
  InternetSum pseudo;
  pseudo.add(frame.ipv6 ? bytes(kIpv6) : bytes(kIpv4));
  pseudo.add_word(protocol);
  pseudo.add_word(static_cast<std::uint16_t>(behind));
  put_transport(frame, number, behind, pseudo.value(), at + kEthernetHeader + network);
  std::uint32_t place = number * 7919;
  const auto fill = [&place](std::span<std::byte> part) noexcept {
    for (std::byte& byte : part) {
      byte = static_cast<std::byte>(place * 31 + (place >> 8));
      ++place;
    }
  };
  fill(packet.head().subspan(headers));
  fill(packet.tail());

  const std::size_t field = frame.tcp ? offsetof(tcphdr, check) : offsetof(udphdr, check);
  packet.offload() = {.flags = kVnetNeedsCsum,
                      .gso_type = gso_type_of(frame),
                      .hdr_len = static_cast<std::uint16_t>(headers),
                      .gso_size = frame.gso_size,
                      .csum_start = static_cast<std::uint16_t>(kEthernetHeader + network),
                      .csum_offset = static_cast<std::uint16_t>(field)};
}

bool is_probe(const Packet& packet, unsigned number) noexcept {
  const std::span<const std::byte> head = packet.head();
  if (head.size() < kEthernetHeader + sizeof(iphdr) + sizeof(udphdr) ||
      std::memcmp(head.data(), kMacs.data(), kMacs.size()) != 0) {
    return false;
  }
  const bool ipv6 = read_at<std::uint16_t>(head.data() + kMacs.size()) == wire16(ETH_P_IPV6);
  const std::size_t transport = kEthernetHeader + (ipv6 ? sizeof(ip6_hdr) : sizeof(iphdr));
  return head.size() >= transport + sizeof(udphdr) &&
         read_at<std::uint16_t>(head.data() + transport) == source_port(number);
}

}  // namespace bellpull::netdrv
