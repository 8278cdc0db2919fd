// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <string_view>

#include "bellpull/netdrv/apps.hpp"

namespace bellpull::tools {

/// Reads "02:00:5e:10:00:01". `subject` is what it belongs to, for the message. Throws UsageError
/// for anything else, and for addresses that no single station can have.
[[nodiscard]] netdrv::MacAddress parse_mac(std::string_view subject, std::string_view text);

/// As it is written.
[[nodiscard]] std::string to_string(const netdrv::MacAddress& mac);

/// A locally administered unicast address that depends on `seed` alone, so that a program which is
/// started again is the same station to its neighbours. It is the low 48 bits of the 64-bit FNV-1a
/// hash of the seed, in the order of the wire, with the two bits of the first octet set to that
/// end.
[[nodiscard]] netdrv::MacAddress mac_from(std::string_view seed) noexcept;

}  // namespace bellpull::tools
