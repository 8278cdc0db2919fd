// SPDX-License-Identifier: BSD-2-Clause
#include "tap_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>

#include "error.hpp"
#include "mac_address.hpp"
#include "number.hpp"
#include "port_keys.hpp"

namespace bellpull::tools {

namespace {

enum Key : std::size_t { ip, mtu, mac, netns, fd, offload };
constexpr std::array kKeys = {Word{"ip"}, Word{"mtu"},     Word{"mac"},          Word{"netns"},
                              Word{"fd"}, Word{"offload"}, Word{"queues", false}};

constexpr std::uint32_t kLeastIpv6Mtu = 1280;
constexpr std::uint64_t kFirstInherited = 3;

// Nothing for `auto`.
std::optional<netdrv::OffloadSet> parse_offloads(const std::string& subject,
                                                 std::string_view value) {
  if (value == "auto") return {};
  netdrv::OffloadSet wanted;
  if (value == "off") return wanted;
  for (std::string_view rest = value;;) {
    const auto plus = rest.find('+');
    const std::string_view name = rest.substr(0, plus);
    const auto feature = netdrv::offload_feature(name);
    if (!feature) {
      throw UsageError(
          fmt::format("{}: '{}' is unknown: use auto, off, or some of csum, tso4, tso6 and uso "
                      "with + between them",
                      subject, name));
    }
    wanted = wanted | netdrv::OffloadSet{*feature};
    if (plus == std::string_view::npos) break;
    rest.remove_prefix(plus + 1);
  }
  if (wanted.empty()) {
    throw UsageError(
        fmt::format("{}: {} without csum: who cuts frames completes their checksums: write csum+{}",
                    subject, value, value));
  }
  return wanted;
}

void set_key(TapSpec& port, std::size_t key, const std::string& subject, std::string_view value) {
  switch (key) {
    case Key::ip: {
      const Cidr cidr = parse_cidr(subject, value);
      for (const Cidr& other : port.addresses) {
        if (same_address(other.address, cidr.address)) {
          throw UsageError(fmt::format("{}: {} is given twice: name it once", subject, value));
        }
      }
      port.addresses.push_back(cidr);
      break;
    }
    case Key::mtu:
      port.mtu = static_cast<std::uint32_t>(parse_number(subject, value, kLeastMtu, kMostMtu));
      break;
    case Key::mac:
      port.mac = parse_mac(subject, value);
      break;
    case Key::netns:
      port.netns = value;
      break;
    case Key::fd:
      port.fd = static_cast<int>(parse_number(subject, value, kFirstInherited, INT_MAX));
      break;
    case Key::offload:
      port.offloads = parse_offloads(subject, value);
      break;
    default:
      break;
  }
}

void check_together(const std::string& subject, const TapSpec& port) {
  if (port.name.empty() && !port.fd) {
    throw UsageError(
        fmt::format("{}: the interface has no name: write tap:NAME, such as tap:bp0", subject));
  }
  const bool has_ipv6 = std::any_of(port.addresses.begin(), port.addresses.end(),
                                    [](const Cidr& cidr) { return cidr.address.family == 6; });
  if (has_ipv6 && port.mtu && *port.mtu < kLeastIpv6Mtu) {
    throw UsageError(
        fmt::format("{}: IPv6 needs an MTU of at least {}: raise mtu or drop the IPv6 "
                    "address",
                    subject, kLeastIpv6Mtu));
  }
}

}  // namespace

TapSpec parse_tap(std::string_view text) {
  const std::string subject = fmt::format("port {}", text);
  TapSpec port;
  port.text = text;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    throw UsageError(fmt::format("{}: no interface: write tap:NAME, such as tap:bp0", subject));
  }
  const std::string_view rest = text.substr(colon + 1);
  const auto comma = rest.find(',');
  port.name = rest.substr(0, comma);
  check_name(subject, port.name);
  if (comma != std::string_view::npos) {
    const auto take = [&port](std::size_t key, const std::string& whose, std::string_view value) {
      set_key(port, key, whose, value);
    };
    read_keys(subject, rest.substr(comma + 1), kKeys, key_bit(Key::ip), take);
  }
  check_together(subject, port);
  return port;
}

}  // namespace bellpull::tools
