// SPDX-License-Identifier: BSD-2-Clause
#include "identity.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "wire.hpp"

namespace bellpull::netdrv {

namespace {

constexpr auto kLoopback6 =
    std::bit_cast<Ipv6Address>(Ipv6Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

bool is_host(Ipv4Address address) noexcept {
  const std::uint32_t number = wire32(address);
  const std::uint32_t net = number >> 24;
  const bool group = net >= 224 && net < 240;
  return net != 0 && net != 127 && !group && number != 0xffff'ffff;
}

bool is_host(const Ipv6Address& address) noexcept {
  return address[0] != 0xff && address != Ipv6Address{} && address != kLoopback6;
}

bool is_link_local(const Ipv6Address& address) noexcept {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

[[noreturn]] void refuse(const std::string& fault) {
  throw std::invalid_argument("respond: " + fault);
}

}  // namespace

Identity::Identity(const RespondOptions& options) : mac_(options.mac) {
  if (!is_station(mac_)) {
    refuse("its Ethernet address is zero or a group address: give it that of a single station");
  }
  if (options.addresses.empty()) refuse("no address to answer for: give it at least one");
  for (std::size_t i = 0; i < options.addresses.size(); ++i) {
    const IpAddress& address = options.addresses[i];
    bool usable = false;
    if (address.family == 4) {
      ipv4_.push_back(read_at<Ipv4Address>(reinterpret_cast<const std::byte*>(&address.bytes)));
      usable = is_host(ipv4_.back());
    } else if (address.family == 6) {
      ipv6_.push_back(std::bit_cast<Ipv6Address>(address.bytes));
      usable = is_host(ipv6_.back());
    }
    if (!usable) {
      refuse("address number " + std::to_string(i + 1) +
             " is not that of a single host on a network: give it a unicast IPv4 or IPv6 address");
    }
  }
}

bool Identity::owns(Ipv4Address address) const noexcept {
  return std::find(ipv4_.begin(), ipv4_.end(), address) != ipv4_.end();
}

bool Identity::owns(const Ipv6Address& address) const noexcept {
  return std::find(ipv6_.begin(), ipv6_.end(), address) != ipv6_.end();
}

bool Identity::listens_to(const Ipv6Address& group) const noexcept {
  return std::any_of(ipv6_.begin(), ipv6_.end(), [&group](const Ipv6Address& address) {
    return group == kAllNodes || group == solicited_node(address);
  });
}

bool Identity::answers_to(Ipv4Address peer) const noexcept {
  return is_host(peer) && !owns(peer);
}

bool Identity::answers_to(const Ipv6Address& peer) const noexcept {
  return is_host(peer) && !owns(peer);
}

const Ipv6Address& Identity::speaks_as(const Ipv6Address& peer) const noexcept {
  const bool local = is_link_local(peer);
  for (const Ipv6Address& address : ipv6_) {
    if (is_link_local(address) == local) return address;
  }
  return ipv6_.front();
}

}  // namespace bellpull::netdrv
