// SPDX-License-Identifier: BSD-2-Clause
#include "flow_look.hpp"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "frame_limits.hpp"
#include "superframe.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint32_t kTag = 4;
constexpr std::uint32_t kTwoTagged = kEthernetHeader + kTwoVlanTags;

// Mixes so that the upper bits depend on all of the word.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
  return (hash ^ word) * 0x9e3779b97f4a7c15;
}

// Finds the IP header. 0 if it is none, or not in the first buffer.
std::uint16_t find_type(std::span<const std::byte> head, FlowLook& look) noexcept {
  look.network = kEthernetHeader;
  while (head.size() >= look.network + kTag) {
    const std::uint16_t type = wire16(read_at<std::uint16_t>(head.data() + look.network - 2));
    if (type != ETH_P_8021Q && type != ETH_P_8021AD) return type;
    if (look.network == kTwoTagged) {
      look.kind = FlowLook::Kind::opaque;
      return 0;
    }
    look.network += kTag;
  }
  return 0;
}

// Each sets the kind, the offset of the transport header and the hash of the addresses, and returns
// the protocol; `complete` is whether the packet is exactly what the frame has.
std::uint8_t look_at_ipv4(std::span<const std::byte> head, std::uint32_t size, FlowLook& look,
                          std::uint64_t& hash, bool& complete) noexcept {
  if (head.size() < look.network + sizeof(iphdr)) return 0;
  const auto ip = read_at<iphdr>(head.data() + look.network);
  if (ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP) return 0;
  const bool whole = (ip.frag_off & wire16(IP_MF | IP_OFFMASK)) == 0;
  const bool plain = ip.version == IPVERSION && ip.ihl * 4U == sizeof ip;
  look.kind = whole && plain ? FlowLook::Kind::flow : FlowLook::Kind::opaque;
  look.transport = look.network + static_cast<std::uint32_t>(sizeof ip);
  hash = std::uint64_t{ip.saddr} << 32 | ip.daddr;
  complete = wire16(ip.tot_len) == size - look.network;
  return ip.protocol;
}

std::uint8_t look_at_ipv6(std::span<const std::byte> head, std::uint32_t size, FlowLook& look,
                          std::uint64_t& hash, bool& complete) noexcept {
  if (head.size() < look.network + sizeof(ip6_hdr)) return 0;
  const std::byte* const at = head.data() + look.network;
  const auto protocol = read_at<std::uint8_t>(at + offsetof(ip6_hdr, ip6_nxt));
  if (protocol == IPPROTO_ICMPV6) return 0;
  const bool plain =
      (at[0] >> 4) == std::byte{6} && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
  look.kind = plain ? FlowLook::Kind::flow : FlowLook::Kind::opaque;
  look.ipv6 = true;
  look.transport = look.network + static_cast<std::uint32_t>(sizeof(ip6_hdr));
  for (std::size_t word = offsetof(ip6_hdr, ip6_src); word < sizeof(ip6_hdr); word += 8) {
    hash = mix(hash, read_at<std::uint64_t>(at + word));
  }
  complete =
      wire16(read_at<std::uint16_t>(at + offsetof(ip6_hdr, ip6_plen))) == size - look.transport &&
      size - look.network <= kMaxIpPacket;
  return protocol;
}

// Whether the flags and the length allow to merge; sets where the payload is.
bool look_at_tcp(std::span<const std::byte> head, FlowLook& look) noexcept {
  if (head.size() < look.transport + sizeof(tcphdr)) return false;
  const auto tcp = read_at<tcphdr>(head.data() + look.transport);
  look.payload = look.transport + tcp.doff * 4U;
  if (tcp.doff * 4U < sizeof tcp || head.size() < look.payload) return false;
  // CWR would need another kind of superframe, and its sender has just slowed down.
  constexpr unsigned kAllowed = TH_ACK | TH_PUSH | TH_FIN | 0x40;  // 0x40: ECE
  look.last = (tcp.th_flags & (TH_PUSH | TH_FIN)) != 0;
  return (tcp.th_flags & TH_ACK) != 0 && (tcp.th_flags & ~kAllowed) == 0;
}

bool look_at_udp(std::span<const std::byte> head, std::uint32_t size, FlowLook& look) noexcept {
  if (head.size() < look.transport + sizeof(udphdr)) return false;
  const auto udp = read_at<udphdr>(head.data() + look.transport);
  look.payload = look.transport + static_cast<std::uint32_t>(sizeof udp);
  return wire16(udp.len) == size - look.transport;
}

}  // namespace

FlowLook look_at(const Packet& packet, OffloadSet accepted) noexcept {
  const std::span<const std::byte> head = packet.head();
  const std::uint32_t size = packet.size();
  FlowLook look;
  std::uint64_t hash = 0;
  bool complete = false;
  std::uint8_t protocol = 0;
  switch (find_type(head, look)) {
    case ETH_P_IP:
      protocol = look_at_ipv4(head, size, look, hash, complete);
      break;
    case ETH_P_IPV6:
      protocol = look_at_ipv6(head, size, look, hash, complete);
      break;
    default:
      break;
  }
  if (look.kind != FlowLook::Kind::flow) return look;
  if (head.size() < look.transport + 4) {
    look.kind = FlowLook::Kind::opaque;
    return look;
  }
  const auto ports = read_at<std::uint32_t>(head.data() + look.transport);
  look.hash = static_cast<std::uint32_t>(mix(mix(hash, ports), protocol) >> 32);
  look.tcp = protocol == IPPROTO_TCP;
  const OffloadFeature feature = !look.tcp   ? OffloadFeature::uso
                                 : look.ipv6 ? OffloadFeature::tso6
                                             : OffloadFeature::tso4;
  const Offload& offload = packet.offload();
  const std::size_t field = look.tcp ? offsetof(tcphdr, check) : offsetof(udphdr, check);
  const bool partial = (offload.flags & kVnetNeedsCsum) != 0;
  if (!complete || !accepted.has(feature) || offload.gso_type != kVnetGsoNone ||
      (partial && (offload.csum_start != look.transport || offload.csum_offset != field))) {
    return look;
  }
  const bool allowed = look.tcp ? look_at_tcp(head, look) : look_at_udp(head, size, look);
  if (!allowed || size <= look.payload) return look;
  look.bytes = size - look.payload;
  look.mergeable = true;
  look.may_start = !look.last && (!look.tcp || look.bytes >= kMinTcpGsoSize);
  return look;
}

}  // namespace bellpull::netdrv
