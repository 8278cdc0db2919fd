// SPDX-License-Identifier: BSD-2-Clause
#include "respond.hpp"

#include <net/ethernet.h>

#include <memory>
#include <utility>

#include "bellpull/netdrv/app.hpp"

namespace bellpull::netdrv {

namespace {

constexpr unsigned kMaxTags = 2;
constexpr std::uint32_t kTagBytes = 4;
constexpr std::uint32_t kTypeBytes = 2;
constexpr std::uint16_t kServiceTag = 0x88a8;  // IEEE 802.1ad; not in <net/ethernet.h>

// The type of what is behind the tags.
std::optional<DropReason> parse_link(Frame& frame, std::uint16_t& type) noexcept {
  if (!frame.holds(0, sizeof(ether_header))) return DropReason::runt;
  frame.to = frame.read<MacAddress>(0);
  frame.from = frame.read<MacAddress>(sizeof(MacAddress));
  frame.network = sizeof(ether_header);
  const auto type_before = [&frame] {
    return wire16(frame.read<std::uint16_t>(frame.network - kTypeBytes));
  };
  type = type_before();
  for (unsigned tags = 0; type == ETHERTYPE_VLAN || type == kServiceTag; ++tags) {
    if (tags == kMaxTags) return DropReason::not_for_us;
    if (!frame.holds(frame.network, kTagBytes)) return DropReason::bad_length;
    frame.network += kTagBytes;
    type = type_before();
  }
  return {};
}

Verdict answer(Packet& packet, const Host& host) noexcept {
  Frame frame(packet);
  std::uint16_t type = 0;
  if (const auto fault = parse_link(frame, type)) return dropped(*fault);
  if (!host.self.answers_to(frame.from)) return dropped(DropReason::not_for_us);
  switch (type) {
    case ETHERTYPE_ARP:
      return answer_arp(frame, host);
    case ETHERTYPE_IP:
      return answer_ipv4(frame, host);
    case ETHERTYPE_IPV6:
      return answer_ipv6(frame, host);
    default:
      return dropped(DropReason::not_for_us);
  }
}

class Respond final : public App {
 public:
  Respond(const RespondOptions& options, RespondCounters& counters)
      : host_{Identity(options), counters} {}

  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    for (Packet& packet : burst) {
      const Verdict verdict = answer(packet, host_);
      if (verdict.answered == nullptr) {
        egress.drop(std::move(packet), verdict.reason);
        continue;
      }
      verdict.answered->add(1);
      egress.send(port, std::move(packet));
    }
  }

 private:
  const Host host_;
};

}  // namespace

std::unique_ptr<App> make_respond(const RespondOptions& options, RespondCounters& counters) {
  return std::make_unique<Respond>(options, counters);
}

}  // namespace bellpull::netdrv
