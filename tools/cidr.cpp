// SPDX-License-Identifier: BSD-2-Clause
#include "cidr.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "error.hpp"
#include "number.hpp"

namespace bellpull::tools {

namespace {

std::span<const std::uint8_t> octets(const netdrv::IpAddress& address) noexcept {
  return std::span(address.bytes).first(address.family == 4 ? 4 : 16);
}

// Unspecified, loopback, multicast and broadcast addresses cannot stand on a link for one host.
bool is_host_address(const netdrv::IpAddress& address) noexcept {
  const auto bytes = octets(address);
  if (address.family == 4) return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
  const bool front_is_zero =
      std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
  return bytes[0] != 0xff && !(front_is_zero && bytes[15] <= 1);
}

}  // namespace

Cidr parse_cidr(std::string_view subject, std::string_view text) {
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  Cidr cidr;
  cidr.address.family = host.find(':') == std::string::npos ? 4 : 6;
  const bool is_ipv4 = cidr.address.family == 4;
  if (::inet_pton(is_ipv4 ? AF_INET : AF_INET6, host.c_str(), cidr.address.bytes.data()) != 1 ||
      host.find('\0') != std::string::npos) {
    throw UsageError(fmt::format(
        "{}: '{}' is no IP address: write ADDRESS/PREFIX, such as 10.99.0.2/24 or fd99::2/64",
        subject, text));
  }
  if (slash == std::string_view::npos) {
    throw UsageError(fmt::format("{}: '{}' has no prefix length: write {}/{}", subject, text, text,
                                 is_ipv4 ? 24 : 64));
  }
  if (!is_host_address(cidr.address)) {
    throw UsageError(fmt::format(
        "{}: {} is no address that one host can have on a network: choose another", subject, host));
  }
  cidr.prefix = static_cast<unsigned>(parse_number(fmt::format("{}: prefix length", subject),
                                                   text.substr(slash + 1), 0, is_ipv4 ? 32 : 128));
  return cidr;
}

bool same_address(const netdrv::IpAddress& a, const netdrv::IpAddress& b) noexcept {
  return a.family == b.family && std::ranges::equal(octets(a), octets(b));
}

std::string to_string(const netdrv::IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes.data(), text.data(),
              static_cast<socklen_t>(text.size()));
  return text.data();
}

std::string to_string(const Cidr& cidr) {
  return fmt::format("{}/{}", to_string(cidr.address), cidr.prefix);
}

}  // namespace bellpull::tools
