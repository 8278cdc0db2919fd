// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "cidr.hpp"

namespace bellpull::tools {

/// Limits of a TAP's MTU in bytes (drivers/net/tun.c: ETH_MIN_MTU, MAX_MTU less the header).
inline constexpr std::uint32_t kLeastMtu = 68;
inline constexpr std::uint32_t kMostMtu = 65521;

/// A PORT that is a TAP: `tap:NAME[,key=value...]`.
struct TapSpec {
  std::string text;                       ///< as typed
  std::string name;                       ///< of the interface; empty: whatever `fd` stands for
  std::vector<Cidr> addresses;            ///< `ip`, of the kernel's side
  std::optional<std::uint32_t> mtu;       ///< `mtu` in bytes, of the kernel's side
  std::optional<netdrv::MacAddress> mac;  ///< `mac`, of the kernel's side
  std::string netns;                      ///< `netns`, a name or a path; empty: the program's own
  std::optional<int> fd;                  ///< `fd`, an inherited descriptor
  /// `offload`: those asked for by name, or none of them; without a value, whatever works.
  std::optional<netdrv::OffloadSet> offloads;
};

/// Reads a PORT that begins with `tap`. Looks at the text only. Throws UsageError.
[[nodiscard]] TapSpec parse_tap(std::string_view text);

}  // namespace bellpull::tools
