// SPDX-License-Identifier: BSD-2-Clause
#include "mac_address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <system_error>

#include "error.hpp"

namespace bellpull::tools {

namespace {

constexpr std::uint8_t kGroup = 0x01;
constexpr std::uint8_t kLocal = 0x02;

bool read_octets(std::string_view text, netdrv::MacAddress& mac) noexcept {
  if (text.size() != mac.size() * 3 - 1) return false;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const at = text.data() + i * 3;
    const auto [rest, error] = std::from_chars(at, at + 2, mac[i], 16);
    if (error != std::errc{} || rest != at + 2) return false;
    if (i + 1 < mac.size() && at[2] != ':') return false;
  }
  return true;
}

}  // namespace

netdrv::MacAddress parse_mac(std::string_view subject, std::string_view text) {
  netdrv::MacAddress mac{};
  if (!read_octets(text, mac)) {
    throw UsageError(
        fmt::format("{}: '{}' is no Ethernet address: write six octets, such as 02:00:00:00:00:01",
                    subject, text));
  }
  if ((mac[0] & kGroup) != 0 || mac == netdrv::MacAddress{}) {
    throw UsageError(fmt::format(
        "{}: {} is no address of a single station: choose one with an even first octet, such as "
        "02:00:00:00:00:01",
        subject, text));
  }
  return mac;
}

std::string to_string(const netdrv::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

netdrv::MacAddress mac_from(std::string_view seed) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : seed) {
    hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3;
  }
  netdrv::MacAddress mac;
  for (std::size_t i = mac.size(); i-- > 0; hash >>= 8) mac[i] = static_cast<std::uint8_t>(hash);
  mac[0] = static_cast<std::uint8_t>((mac[0] & ~kGroup) | kLocal);
  return mac;
}

}  // namespace bellpull::tools
