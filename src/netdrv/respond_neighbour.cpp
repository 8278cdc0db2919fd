// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

#include <bit>
#include <cstddef>
#include <span>

#include "bellpull/netdrv/packet_pool.hpp"
#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

constexpr std::uint8_t kNeverForwarded = 255;  // hop limit: proof that it is from this link
constexpr std::uint32_t kUnit = 8;             // bytes in which options are counted

struct LinkOption {
  nd_opt_hdr header;
  MacAddress mac;
};
static_assert(sizeof(LinkOption) == kUnit);

struct Advertisement {
  ip6_hdr ip;
  nd_neighbor_advert advert;
  LinkOption option;
};
static_assert(sizeof(Advertisement) == sizeof(ip6_hdr) + sizeof(nd_neighbor_advert) + kUnit);
// Wherever the solicitation ends, there is room for the answer in the first buffer.
static_assert(kHeadData >= 14 + 2 * 4 + sizeof(Advertisement));

// Goes over the options; what does not fit the first buffer is a thousand times too long for a
// solicitation. `source_mac` becomes the one in the source link-layer address option.
std::optional<DropReason> parse_options(const Frame& frame,
                                        std::optional<MacAddress>& source_mac) noexcept {
  std::uint32_t at = frame.transport + static_cast<std::uint32_t>(sizeof(nd_neighbor_solicit));
  while (at < frame.end()) {
    if (!frame.holds(at, kUnit)) return DropReason::bad_length;
    const auto option = frame.read<LinkOption>(at);
    const std::uint32_t bytes = option.header.nd_opt_len * kUnit;
    if (bytes == 0 || !frame.holds(at, bytes)) return DropReason::bad_length;
    if (option.header.nd_opt_type == ND_OPT_SOURCE_LINKADDR) {
      if (bytes != kUnit) return DropReason::bad_length;
      source_mac = option.mac;
    }
    at += bytes;
  }
  return {};
}

void write_advertisement(Frame& frame, const Ipv6Address& from, const Ipv6Address& to,
                         std::uint32_t flags, const MacAddress& mac) noexcept {
  constexpr std::uint32_t kIcmpBytes = sizeof(Advertisement) - sizeof(ip6_hdr);
  Advertisement answer{};
  answer.ip.ip6_vfc = 6 << 4;
  answer.ip.ip6_plen = wire16(kIcmpBytes);
  answer.ip.ip6_nxt = IPPROTO_ICMPV6;
  answer.ip.ip6_hlim = kNeverForwarded;
  answer.ip.ip6_src = std::bit_cast<in6_addr>(from);
  answer.ip.ip6_dst = std::bit_cast<in6_addr>(to);
  answer.advert.nd_na_type = ND_NEIGHBOR_ADVERT;
  answer.advert.nd_na_flags_reserved = flags;
  answer.advert.nd_na_target = answer.ip.ip6_src;
  answer.option.header = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1};
  answer.option.mac = mac;
  InternetSum sum;
  sum.add(std::as_bytes(std::span(&answer, 1)).subspan(offsetof(ip6_hdr, ip6_src)));
  sum.add_word(kIcmpBytes);
  sum.add_word(IPPROTO_ICMPV6);
  answer.advert.nd_na_cksum = wire16(sum.checksum());
  frame.write(frame.network, answer);
  frame.finish_at(frame.network + static_cast<std::uint32_t>(sizeof answer));
}

}  // namespace

Verdict answer_solicitation(Frame& frame, const Host& host) noexcept {
  const Identity& self = host.self;
  const auto ip = frame.read<ip6_hdr>(frame.network);
  const auto source = std::bit_cast<Ipv6Address>(ip.ip6_src);
  const auto destination = std::bit_cast<Ipv6Address>(ip.ip6_dst);
  if (ip.ip6_hlim != kNeverForwarded) return dropped(DropReason::not_for_us);
  if (!frame.holds(frame.transport, sizeof(nd_neighbor_solicit))) {
    return dropped(DropReason::bad_length);
  }
  std::optional<MacAddress> source_mac;
  if (const auto fault = parse_options(frame, source_mac)) return dropped(*fault);
  const auto target =
      std::bit_cast<Ipv6Address>(frame.read<nd_neighbor_solicit>(frame.transport).nd_ns_target);
  const bool to_target_group = destination == solicited_node(target);
  if (!self.owns(target) || !(to_target_group || self.owns(destination))) {
    return dropped(DropReason::not_for_us);
  }
  // Somebody wants the address for itself (RFC 4862 section 5.4) and can only be told by a group.
  const bool probe = source == Ipv6Address{};
  if (probe && (source_mac || !to_target_group)) return dropped(DropReason::not_for_us);
  if (!self.answers_to(source_mac.value_or(frame.from))) return dropped(DropReason::not_for_us);
  frame.address(probe ? group_mac(kAllNodes) : source_mac.value_or(frame.from), self.mac());
  write_advertisement(frame, target, probe ? kAllNodes : source,
                      ND_NA_FLAG_OVERRIDE | (probe ? 0 : ND_NA_FLAG_SOLICITED), self.mac());
  return answered(host.counters.neighbour);
}

}  // namespace bellpull::netdrv
