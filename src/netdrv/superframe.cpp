// SPDX-License-Identifier: BSD-2-Clause
#include "superframe.hpp"

#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "frame_limits.hpp"
#include "kernel_uapi.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr unsigned kMaxTags = 2;
constexpr std::uint32_t kTag = 4;
constexpr unsigned kMaxExtensions = 8;
constexpr std::uint32_t kExtensionUnit = 8;    // bytes in which extension headers are counted
constexpr std::uint16_t kGsoByFrags = 0xffff;  // means something else within the kernel

class Finder {
 public:
  Finder(std::span<const std::byte> head, std::uint32_t size, SuperframeLayout& layout) noexcept
      : head_(head), size_(size), at_(layout) {}

  OffloadFault find(std::uint8_t gso_type) noexcept {
    const std::uint8_t plain = gso_type & static_cast<std::uint8_t>(~kVnetGsoEcn);
    at_.tcp = plain == kVnetGsoTcp4 || plain == kVnetGsoTcp6;
    if (!at_.tcp && gso_type != kVnetGsoUdpL4) return OffloadFault::gso_type;
    std::uint16_t type = 0;
    if (const OffloadFault fault = find_network(type); fault != OffloadFault::none) return fault;
    const bool ipv6 = type == ETH_P_IPV6;
    if (!ipv6 && type != ETH_P_IP) return OffloadFault::protocol;
    if (at_.tcp && ipv6 != (plain == kVnetGsoTcp6)) return OffloadFault::protocol;
    const OffloadFault fault = ipv6 ? find_in_ipv6() : find_in_ipv4();
    return fault != OffloadFault::none ? fault : find_payload();
  }

 private:
  // What is wrong when the headers at `offset` are not where they can be read.
  OffloadFault need(std::uint32_t offset, std::uint32_t bytes, OffloadFault fault) const noexcept {
    if (offset <= head_.size() && bytes <= head_.size() - offset) return OffloadFault::none;
    return bytes <= size_ - offset ? OffloadFault::headers_split : fault;
  }

  template <class T>
  [[nodiscard]] T read(std::uint32_t offset) const noexcept {
    return read_at<T>(head_.data() + offset);
  }

  OffloadFault find_network(std::uint16_t& type) noexcept {
    at_.network = kEthernetHeader;
    if (head_.size() < kEthernetHeader) return OffloadFault::headers_split;
    for (unsigned tags = 0;; ++tags) {
      type = wire16(read<std::uint16_t>(at_.network - 2));
      if (type != ETH_P_8021Q && type != ETH_P_8021AD) return OffloadFault::none;
      if (tags == kMaxTags) return OffloadFault::vlan_stack;
      const OffloadFault fault = need(at_.network, kTag, OffloadFault::protocol);
      if (fault != OffloadFault::none) return fault;
      at_.network += kTag;
    }
  }

  OffloadFault find_in_ipv4() noexcept {
    OffloadFault fault = need(at_.network, sizeof(iphdr), OffloadFault::ip_header);
    if (fault != OffloadFault::none) return fault;
    const auto ip = read<iphdr>(at_.network);
    const std::uint32_t bytes = ip.ihl * 4U;
    if (ip.version != IPVERSION || bytes < sizeof(iphdr)) return OffloadFault::ip_header;
    fault = need(at_.network, bytes, OffloadFault::ip_header);
    if (fault != OffloadFault::none) return fault;
    if (wire16(ip.tot_len) != size_ - at_.network) return OffloadFault::ip_length;
    if ((wire16(ip.frag_off) & (IP_MF | IP_OFFMASK)) != 0) return OffloadFault::fragment;
    at_.transport = at_.network + bytes;
    return check_protocol(ip.protocol);
  }

  OffloadFault find_in_ipv6() noexcept {
    OffloadFault fault = need(at_.network, sizeof(ip6_hdr), OffloadFault::ip_header);
    if (fault != OffloadFault::none) return fault;
    const auto ip = read<ip6_hdr>(at_.network);
    if (ip.ip6_vfc >> 4 != 6) return OffloadFault::ip_header;
    at_.transport = at_.network + static_cast<std::uint32_t>(sizeof ip);
    if (wire16(ip.ip6_plen) != size_ - at_.transport) return OffloadFault::ip_length;
    std::uint8_t protocol = ip.ip6_nxt;
    for (unsigned count = 0;
         protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS;
         ++count) {
      if (count == kMaxExtensions) return OffloadFault::extension_headers;
      fault = need(at_.transport, sizeof(ip6_ext), OffloadFault::extension_headers);
      if (fault != OffloadFault::none) return fault;
      const auto extension = read<ip6_ext>(at_.transport);
      const std::uint32_t bytes = (extension.ip6e_len + 1U) * kExtensionUnit;
      fault = need(at_.transport, bytes, OffloadFault::extension_headers);
      if (fault != OffloadFault::none) return fault;
      protocol = extension.ip6e_nxt;
      at_.transport += bytes;
    }
    return check_protocol(protocol);
  }

  [[nodiscard]] OffloadFault check_protocol(std::uint8_t protocol) const noexcept {
    if (protocol == IPPROTO_FRAGMENT) return OffloadFault::fragment;
    return protocol == (at_.tcp ? IPPROTO_TCP : IPPROTO_UDP) ? OffloadFault::none
                                                             : OffloadFault::protocol;
  }

  OffloadFault find_payload() noexcept {
    std::uint32_t bytes = at_.tcp ? sizeof(tcphdr) : sizeof(udphdr);
    OffloadFault fault = need(at_.transport, bytes, OffloadFault::transport_header);
    if (fault != OffloadFault::none) return fault;
    if (at_.tcp) {
      bytes = read<tcphdr>(at_.transport).doff * 4U;
      if (bytes < sizeof(tcphdr)) return OffloadFault::transport_header;
      fault = need(at_.transport, bytes, OffloadFault::transport_header);
      if (fault != OffloadFault::none) return fault;
    } else if (wire16(read<udphdr>(at_.transport).len) != size_ - at_.transport) {
      return OffloadFault::ip_length;
    }
    at_.payload = at_.transport + bytes;
    return OffloadFault::none;
  }

  std::span<const std::byte> head_;
  std::uint32_t size_;
  SuperframeLayout& at_;
};

}  // namespace

OffloadFault find_superframe(std::span<const std::byte> head, std::uint32_t size,
                             const Offload& offload, SuperframeLayout& layout) noexcept {
  if (size < kEthernetHeader) return OffloadFault::runt;
  const OffloadFault fault = Finder(head, size, layout).find(offload.gso_type);
  if (fault != OffloadFault::none) return fault;
  if ((offload.flags & kVnetNeedsCsum) == 0) return OffloadFault::gso_without_csum;
  const std::size_t field = layout.tcp ? offsetof(tcphdr, check) : offsetof(udphdr, check);
  if (offload.csum_start != layout.transport || offload.csum_offset != field) {
    return OffloadFault::csum_place;
  }
  // They have to fit into the first buffer of each segment as well.
  if (layout.payload > kHeadData) return OffloadFault::headers_split;
  const std::uint32_t headers = layout.payload - layout.network;
  const std::uint32_t smallest = layout.tcp ? kMinTcpGsoSize : 1;
  if (offload.gso_size < smallest || offload.gso_size == kGsoByFrags ||
      headers + offload.gso_size > kMaxIpPacket) {
    return OffloadFault::gso_size;
  }
  if (!layout.tcp && size - layout.payload > kMaxUdpSegments * offload.gso_size) {
    return OffloadFault::segments;
  }
  return OffloadFault::none;
}

std::uint32_t segments_in(const Packet& packet) noexcept {
  const Offload& offload = packet.offload();
  SuperframeLayout layout;
  if (find_superframe(packet.head(), packet.size(), offload, layout) != OffloadFault::none) {
    return 1;
  }
  const std::uint32_t bytes = packet.size() - layout.payload;
  return std::max(1U, (bytes + offload.gso_size - 1) / offload.gso_size);
}

}  // namespace bellpull::netdrv
