// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <cstring>

#include "checksum.hpp"
#include "flow_look.hpp"
#include "vnet_header.hpp"
#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

bool same(const std::byte* a, const std::byte* b, std::size_t begin, std::size_t end) noexcept {
  return std::memcmp(a + begin, b + begin, end - begin) == 0;
}

bool same_ip(const std::byte* a, const std::byte* b, bool ipv6) noexcept {
  if (ipv6) {
    return same(a, b, 0, offsetof(ip6_hdr, ip6_plen)) &&
           same(a, b, offsetof(ip6_hdr, ip6_nxt), sizeof(ip6_hdr));
  }
  return same(a, b, 0, offsetof(iphdr, tot_len)) &&
         same(a, b, offsetof(iphdr, frag_off), offsetof(iphdr, check)) &&
         same(a, b, offsetof(iphdr, saddr), sizeof(iphdr));
}

bool same_tcp(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept {
  constexpr std::size_t kFlags = 13;
  constexpr std::byte kLastOnly{TH_PUSH | TH_FIN};
  return same(a, b, 0, offsetof(tcphdr, seq)) && same(a, b, offsetof(tcphdr, ack_seq), kFlags) &&
         (a[kFlags] | kLastOnly) == (b[kFlags] | kLastOnly) &&
         same(a, b, offsetof(tcphdr, window), offsetof(tcphdr, check)) &&
         same(a, b, offsetof(tcphdr, urg_ptr), bytes);
}

InternetSum add_pseudo(const std::byte* frame, const FlowLook& layout,
                       std::uint32_t bytes) noexcept {
  InternetSum sum;
  const std::byte* const ip = frame + layout.network;
  const std::size_t addresses = layout.ipv6 ? offsetof(ip6_hdr, ip6_src) : offsetof(iphdr, saddr);
  sum.add({ip + addresses, frame + layout.transport});
  sum.add_word(layout.tcp ? IPPROTO_TCP : IPPROTO_UDP);
  sum.add_word(static_cast<std::uint16_t>(bytes));
  return sum;
}

}  // namespace

bool same_headers(const std::byte* a, const std::byte* b, const FlowLook& layout) noexcept {
  if (!same(a, b, 0, layout.network)) return false;
  if (!same_ip(a + layout.network, b + layout.network, layout.ipv6)) return false;
  const std::byte* const of_a = a + layout.transport;
  const std::byte* const of_b = b + layout.transport;
  return layout.tcp ? same_tcp(of_a, of_b, layout.payload - layout.transport)
                    : same(of_a, of_b, 0, offsetof(udphdr, len));
}

std::uint16_t pseudo_sum(const std::byte* frame, const FlowLook& layout,
                         std::uint32_t bytes) noexcept {
  return add_pseudo(frame, layout, bytes).value();
}

bool checksums_right(const Packet& packet, const FlowLook& layout) noexcept {
  const std::span<const std::byte> head = packet.head();
  const std::byte* const frame = head.data();
  if (!layout.ipv6) {
    InternetSum header;
    header.add(head.subspan(layout.network, sizeof(iphdr)));
    const auto ip = read_at<iphdr>(frame + layout.network);
    if (!header.intact() || ip.check == 0xffff) return false;
  }
  const std::size_t offset = layout.tcp ? offsetof(tcphdr, check) : offsetof(udphdr, check);
  const std::uint16_t field = wire16(read_at<std::uint16_t>(frame + layout.transport + offset));
  InternetSum sum = add_pseudo(frame, layout, packet.size() - layout.transport);
  if ((packet.offload().flags & kVnetNeedsCsum) != 0) return field == sum.value();
  // Of the two zeros of the sum a Segmenter writes 0 into TCP and 0xffff into UDP, where 0 says
  // that there is no checksum.
  if (field == (layout.tcp ? 0xffff : 0)) return false;
  sum.add(head.subspan(layout.transport));
  sum.add(packet.tail());
  return sum.intact();
}

}  // namespace bellpull::netdrv
