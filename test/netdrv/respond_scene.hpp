// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>

#include "app_rig.hpp"
#include "bellpull/netdrv/apps.hpp"

// The responder, a peer that talks to it, and what they say to each other.

namespace bellpull::netdrv::test {

inline constexpr Mac kOurMac = {0x02, 0xbe, 0x11, 0, 0, 0x02};
inline constexpr Mac kPeerMac = {0x02, 0xbe, 0x11, 0, 0, 0x01};
inline constexpr Mac kThirdMac = {0x02, 0xbe, 0x11, 0, 0, 0x03};
inline constexpr Mac kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr Mac kNoMac = {};
inline constexpr Mac kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};
inline constexpr Mac kSolicitedMac = {0x33, 0x33, 0xff, 0x99, 0, 0x02};

inline constexpr Ip4 kOur4 = {10, 99, 0, 2};
inline constexpr Ip4 kOurOther4 = {192, 0, 2, 7};
inline constexpr Ip4 kPeer4 = {10, 99, 0, 1};

inline constexpr Ip6 kOur6 = {0xfd, 0, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x99, 0, 2};
inline constexpr Ip6 kOurLocal6 = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0x11, 0, 0, 0x77, 0, 2};
inline constexpr Ip6 kPeer6 = {0xfd, 0, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x99, 0, 1};
inline constexpr Ip6 kPeerLocal6 = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0x11, 0, 0, 0, 0, 1};
inline constexpr Ip6 kNo6 = {};
inline constexpr Ip6 kAllNodes6 = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
inline constexpr Ip6 kSolicited6 = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x99, 0, 2};

inline const Link kToUs = {kOurMac, kPeerMac};
inline const Link kToPeer = {kPeerMac, kOurMac};

/// The responder under its four addresses.
struct Responder {
  static RespondOptions options() {
    RespondOptions options;
    options.mac = kOurMac;
    const auto add4 = [&options](const Ip4& ip) {
      IpAddress address{.family = 4, .bytes = {}};
      std::copy(ip.begin(), ip.end(), address.bytes.begin());
      options.addresses.push_back(address);
    };
    add4(kOur4);
    options.addresses.push_back({.family = 6, .bytes = kOur6});
    options.addresses.push_back({.family = 6, .bytes = kOurLocal6});
    add4(kOurOther4);
    return options;
  }

  RespondCounters counters;
  AppRig rig{make_respond(options(), counters)};
};

/// Without tags, one of either kind, two of all kinds.
inline const std::vector<std::vector<Tag>> kTaggings = {
    {},
    {{0x8100, 0x0001}},
    {{0x8100, 0xffff}},
    {{0x88a8, 0x6123}},
    {{0x88a8, 0x0064}, {0x8100, 0xe0c8}},
    {{0x8100, 0x2003}, {0x8100, 0x1fff}},
    {{0x8100, 0x0000}, {0x88a8, 0x0abc}},
};

inline Link tagged(Link link, const std::vector<Tag>& tags) {
  link.tags = tags;
  return link;
}

// IPv4

inline Ipv4 request4(unsigned protocol) {
  return {.from = kPeer4, .to = kOur4, .protocol = protocol};
}
inline Ipv4 reply4(unsigned protocol) {
  return {.from = kOur4, .to = kPeer4, .protocol = protocol};
}

/// An ICMP echo request, and the reply there has to be.
inline Bytes ping4(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToUs, tags), 0x0800,
                  ipv4(request4(1), icmp4(8, 0, echo_body(7, 1, data))));
}
inline Bytes pong4(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToPeer, tags), 0x0800,
                  ipv4(reply4(1), icmp4(0, 0, echo_body(7, 1, data))));
}

/// A UDP datagram to the echo port, and its answer.
inline Bytes hello4(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToUs, tags), 0x0800,
                  ipv4(request4(17), udp4(kPeer4, kOur4, {50000, 7}, data)));
}
inline Bytes echo4(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToPeer, tags), 0x0800,
                  ipv4(reply4(17), udp4(kOur4, kPeer4, {7, 50000}, data)));
}

// ARP

inline Arp arp_question() {
  return {1, kPeerMac, kPeer4, kNoMac, kOur4};
}
inline Bytes arp_request(const std::vector<Tag>& tags = {}) {
  return ethernet(tagged({kBroadcastMac, kPeerMac}, tags), 0x0806, arp(arp_question()));
}
inline Bytes arp_reply(const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToPeer, tags), 0x0806, arp({2, kOurMac, kOur4, kPeerMac, kPeer4}));
}

// IPv6

inline Ipv6 request6(unsigned next) {
  return {.from = kPeer6, .to = kOur6, .next = next};
}
inline Ipv6 reply6(unsigned next) {
  return {.from = kOur6, .to = kPeer6, .next = next};
}

inline Bytes ping6(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToUs, tags), 0x86dd,
                  ipv6(request6(58), icmp6(kPeer6, kOur6, 128, 0, echo_body(7, 1, data))));
}
inline Bytes pong6(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToPeer, tags), 0x86dd,
                  ipv6(reply6(58), icmp6(kOur6, kPeer6, 129, 0, echo_body(7, 1, data))));
}

inline Bytes hello6(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToUs, tags), 0x86dd,
                  ipv6(request6(17), udp6(kPeer6, kOur6, {50000, 7}, data)));
}
inline Bytes echo6(const Bytes& data, const std::vector<Tag>& tags = {}) {
  return ethernet(tagged(kToPeer, tags), 0x86dd,
                  ipv6(reply6(17), udp6(kOur6, kPeer6, {7, 50000}, data)));
}

/// A neighbour solicitation, every part of which can be replaced.
struct Solicitation {
  Ip6 from = kPeer6;
  Ip6 to = kSolicited6;
  Ip6 target = kOur6;
  Bytes options = link_option(1, kPeerMac);
  unsigned hop_limit = 255;
  unsigned code = 0;
  Link link = {kSolicitedMac, kPeerMac};
};

inline Bytes solicit(const Solicitation& s = {}) {
  const Bytes body = Writer().u32(0).raw(s.target).raw(s.options);
  return ethernet(s.link, 0x86dd,
                  ipv6({.from = s.from, .to = s.to, .next = 58, .hop_limit = s.hop_limit},
                       icmp6(s.from, s.to, 135, s.code, body)));
}

/// The neighbour advertisement there has to be. `flags`: 0x60 solicited and override.
inline Bytes advertise(const Ip6& target, const Ip6& to, const Link& link, unsigned flags = 0x60) {
  const Bytes body = Writer().u8(flags).u8(0).u16(0).raw(target).raw(link_option(2, kOurMac));
  return ethernet(link, 0x86dd,
                  ipv6({.from = target, .to = to, .next = 58, .hop_limit = 255},
                       icmp6(target, to, 136, 0, body)));
}

}  // namespace bellpull::netdrv::test
