// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet_pool.hpp"

namespace bellpull::netdrv {

inline constexpr std::uint32_t kEthernetHeader = 14;
inline constexpr std::uint32_t kTwoVlanTags = 8;

/// Longest frame on a link of that MTU, in bytes.
[[nodiscard]] constexpr std::uint32_t longest_frame(std::uint32_t mtu) noexcept {
  return mtu + kEthernetHeader + kTwoVlanTags;
}

/// Longest frame that a reader with those features may be given, in bytes: a superframe has up to
/// 65535 bytes of IP.
[[nodiscard]] constexpr std::uint32_t longest_frame(std::uint32_t mtu,
                                                    OffloadSet features) noexcept {
  const bool superframes = features.has(OffloadFeature::tso4) ||
                           features.has(OffloadFeature::tso6) || features.has(OffloadFeature::uso);
  return superframes ? longest_frame(65535) : longest_frame(mtu);
}

/// Whether a buffer for such a frame has a second part. One byte more than the longest frame: a
/// buffer that is full to the last byte may have lost some.
[[nodiscard]] constexpr bool needs_tail(std::uint32_t max_frame) noexcept {
  return max_frame + 1 > kHeadData;
}

}  // namespace bellpull::netdrv
