// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// A buffer as the token of the transfer that has it.
[[nodiscard]] inline std::uint64_t token_of(PacketBuffer* buffer) noexcept {
  return reinterpret_cast<std::uintptr_t>(buffer);
}

/// The buffer of a token.
[[nodiscard]] inline PacketBuffer* buffer_of(std::uint64_t token) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a token carries the pointer as a number
  return reinterpret_cast<PacketBuffer*>(static_cast<std::uintptr_t>(token));
}

}  // namespace bellpull::netdrv
