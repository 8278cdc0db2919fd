// SPDX-License-Identifier: BSD-2-Clause
#include <netinet/ip6.h>

#include "respond.hpp"

namespace bellpull::netdrv {

namespace {

// Real packets have one or two; a limit is encouraged (RFC 8504 section 5.3).
constexpr unsigned kMaxExtensions = 8;
constexpr std::uint32_t kUnit = 8;  // bytes in which extension headers are counted

// Hop-by-hop or destination options: none means anything here, and each says in its upper two bits
// whether that matters (RFC 8200 section 4.2).
std::optional<DropReason> check_options(const Frame& frame, std::uint32_t at,
                                        std::uint32_t end) noexcept {
  constexpr std::uint8_t kMayBeSkipped = 0;
  while (at < end) {
    const auto type = frame.read<std::uint8_t>(at);
    if (type == IP6OPT_PAD1) {
      ++at;
      continue;
    }
    if (end - at < sizeof(ip6_opt)) return DropReason::bad_length;
    const auto option = frame.read<ip6_opt>(at);
    at += static_cast<std::uint32_t>(sizeof option);
    if (option.ip6o_len > end - at) return DropReason::bad_length;
    if (IP6OPT_TYPE(type) != kMayBeSkipped) return DropReason::not_for_us;
    at += option.ip6o_len;
  }
  return {};
}

}  // namespace

std::optional<DropReason> skip_extensions(Frame& frame, std::uint8_t& protocol) noexcept {
  for (unsigned count = 0;; ++count) {
    if (protocol == IPPROTO_FRAGMENT) return DropReason::fragment;
    const bool routing = protocol == IPPROTO_ROUTING;
    // Hop-by-hop options anywhere else but in front are an unknown protocol, says RFC 8200.
    const bool options = protocol == IPPROTO_DSTOPTS || (protocol == IPPROTO_HOPOPTS && count == 0);
    if (!routing && !options) return {};
    if (count == kMaxExtensions) return DropReason::bad_length;
    const std::uint32_t at = frame.transport;
    if (!frame.holds(at, kUnit)) return DropReason::bad_length;
    const auto header = frame.read<ip6_ext>(at);
    const std::uint32_t bytes = (header.ip6e_len + 1U) * kUnit;
    if (!frame.holds(at, bytes)) return DropReason::bad_length;
    if (routing && frame.read<ip6_rthdr>(at).ip6r_segleft != 0) return DropReason::not_for_us;
    if (options) {
      const auto fault =
          check_options(frame, at + static_cast<std::uint32_t>(sizeof header), at + bytes);
      if (fault) return fault;
    }
    protocol = header.ip6e_nxt;
    frame.transport += bytes;
  }
}

}  // namespace bellpull::netdrv
