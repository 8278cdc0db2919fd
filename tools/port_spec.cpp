// SPDX-License-Identifier: BSD-2-Clause
#include "port_spec.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <climits>

#include "choice.hpp"
#include "error.hpp"
#include "mac_address.hpp"
#include "netns.hpp"
#include "number.hpp"

namespace bellpull::tools {

namespace {

constexpr std::array kKinds = {Word{"tap"}, Word{"sim", false}, Word{"vhost-user", false},
                               Word{"udp", false}};

enum Key : std::size_t { ip, mtu, mac, netns, fd, offload };
constexpr std::array kKeys = {Word{"ip"}, Word{"mtu"},     Word{"mac"},          Word{"netns"},
                              Word{"fd"}, Word{"offload"}, Word{"queues", false}};

// With `auto` there are none yet: they are off until the NIC can use them.
constexpr std::array kOffloads = {Word{"auto"}, Word{"off"}};

constexpr std::uint32_t kLeastIpv6Mtu = 1280;
constexpr std::uint64_t kFirstInherited = 3;

void check_name(const std::string& subject, const std::string& name) {
  if (name.size() >= IFNAMSIZ) {
    throw UsageError(fmt::format("{}: the interface name has {} bytes, at most {} fit: shorten it",
                                 subject, name.size(), IFNAMSIZ - 1));
  }
  const bool odd = std::any_of(name.begin(), name.end(), [](unsigned char c) {
    return c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%';
  });
  if (odd || name == "." || name == "..") {
    throw UsageError(fmt::format(
        "{}: '{}' is no interface name: use letters and digits, such as bp0", subject, name));
  }
}

void set_key(PortSpec& port, std::size_t key, const std::string& subject, std::string_view value) {
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
      static_cast<void>(choose(subject, value, kOffloads));
      break;
    default:
      break;
  }
}

void read_pair(PortSpec& port, std::string_view pair, unsigned& seen) {
  const std::string subject = fmt::format("port {}", port.text);
  const auto equals = pair.find('=');
  const std::string_view word = pair.substr(0, equals);
  const std::size_t key = choose(fmt::format("{}: key", subject), word, kKeys);
  if (equals == std::string_view::npos || equals + 1 == pair.size()) {
    throw UsageError(fmt::format("{}: key '{}' has no value: write {}=...", subject, word, word));
  }
  if (key != Key::ip && (seen & 1u << key) != 0) {
    throw UsageError(fmt::format("{}: key '{}' is given twice: name it once", subject, word));
  }
  seen |= 1u << key;
  set_key(port, key, fmt::format("{}: {}", subject, word), pair.substr(equals + 1));
}

void check_together(const PortSpec& port) {
  const std::string subject = fmt::format("port {}", port.text);
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

PortSpec parse_port(std::string_view text) {
  PortSpec port;
  port.text = text;
  const auto colon = text.find(':');
  const std::string_view kind = text.substr(0, std::min(colon, text.find(',')));
  static_cast<void>(choose(fmt::format("port {}: kind of port", text), kind, kKinds));
  if (colon == std::string_view::npos) {
    throw UsageError(fmt::format("port {}: no interface: write tap:NAME, such as tap:bp0", text));
  }
  std::string_view rest = text.substr(colon + 1);
  port.name = rest.substr(0, rest.find(','));
  check_name(fmt::format("port {}", text), port.name);
  unsigned seen = 0;
  for (auto comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
    rest.remove_prefix(comma + 1);
    read_pair(port, rest.substr(0, rest.find(',')), seen);
  }
  check_together(port);
  return port;
}

void refuse_duplicates(std::span<const PortSpec> ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (const PortSpec& other : ports.first(i)) {
      const bool same_interface = !ports[i].name.empty() && ports[i].name == other.name &&
                                  netns_path(ports[i].netns) == netns_path(other.netns);
      if (same_interface || (ports[i].fd && ports[i].fd == other.fd)) {
        throw UsageError(fmt::format("port {}: the same interface as {}: name each once",
                                     ports[i].text, other.text));
      }
    }
  }
}

}  // namespace bellpull::tools
