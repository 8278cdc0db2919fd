// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>

#include "bellpull/netdrv/apps.hpp"

namespace bellpull::tools {

/// An IP address of a host and the length of its network's prefix.
struct Cidr {
  netdrv::IpAddress address;  ///< with the host's bits
  unsigned prefix = 0;        ///< bits, 0 to 32 or 128
};

/// Reads "10.99.0.1/24" or "fd00::1/64". `subject` is what it belongs to, for the message. Throws
/// UsageError for anything else, and for addresses that a single host cannot have.
[[nodiscard]] Cidr parse_cidr(std::string_view subject, std::string_view text);

/// Whether both are the same address.
[[nodiscard]] bool same_address(const netdrv::IpAddress& a, const netdrv::IpAddress& b) noexcept;

/// As it is written, without prefix.
[[nodiscard]] std::string to_string(const netdrv::IpAddress& address);

/// As it is written, with prefix.
[[nodiscard]] std::string to_string(const Cidr& cidr);

}  // namespace bellpull::tools
