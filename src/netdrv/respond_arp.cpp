// SPDX-License-Identifier: BSD-2-Clause
#include <net/if_arp.h>
#include <netinet/if_ether.h>

#include <array>
#include <bit>
#include <utility>

#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

constexpr MacAddress kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// As in struct ether_arp, with addresses that can be compared.
struct ArpPacket {
  std::uint16_t hardware;
  std::uint16_t protocol;
  std::uint8_t hardware_bytes;
  std::uint8_t protocol_bytes;
  std::uint16_t operation;
  MacAddress sender_mac;
  std::array<std::uint8_t, 4> sender;
  MacAddress target_mac;
  std::array<std::uint8_t, 4> target;
};
static_assert(sizeof(ArpPacket) == sizeof(ether_arp));

Ipv4Address address_of(const std::array<std::uint8_t, 4>& bytes) noexcept {
  return std::bit_cast<Ipv4Address>(bytes);
}

// A sender without an address yet is asking whether the one it wants is taken (RFC 5227).
bool answers_to(const Identity& self, const ArpPacket& arp) noexcept {
  const Ipv4Address sender = address_of(arp.sender);
  return self.answers_to(arp.sender_mac) && (sender == 0 || self.answers_to(sender));
}

}  // namespace

Verdict answer_arp(Frame& frame, const Host& host) noexcept {
  const Identity& self = host.self;
  if (frame.to != self.mac() && frame.to != kBroadcast) return dropped(DropReason::not_for_us);
  if (!frame.holds(frame.network, sizeof(arphdr))) return dropped(DropReason::bad_length);
  const auto header = frame.read<arphdr>(frame.network);
  if (wire16(header.ar_hrd) != ARPHRD_ETHER || wire16(header.ar_pro) != ETHERTYPE_IP) {
    return dropped(DropReason::not_for_us);
  }
  if (header.ar_hln != sizeof(MacAddress) || header.ar_pln != sizeof(Ipv4Address) ||
      !frame.holds(frame.network, sizeof(ArpPacket))) {
    return dropped(DropReason::bad_length);
  }
  auto arp = frame.read<ArpPacket>(frame.network);
  if (wire16(arp.operation) != ARPOP_REQUEST || !self.owns(address_of(arp.target)) ||
      !answers_to(self, arp)) {
    return dropped(DropReason::not_for_us);
  }
  arp.operation = wire16(ARPOP_REPLY);
  arp.target_mac = arp.sender_mac;
  arp.sender_mac = self.mac();
  std::swap(arp.sender, arp.target);
  frame.write(frame.network, arp);
  frame.address(arp.target_mac, self.mac());
  frame.finish_at(frame.network + static_cast<std::uint32_t>(sizeof arp));
  return answered(host.counters.arp);
}

}  // namespace bellpull::netdrv
