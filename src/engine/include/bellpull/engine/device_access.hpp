// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::engine {

/// What devices may do with memory that is mapped for them. The client may always do both while it
/// has the memory.
enum class DeviceAccess : std::uint8_t {
  read = 1,        ///< a source: bytes that are sent, copied from, summed up
  write = 2,       ///< a destination: bytes that are received, copied to, filled
  read_write = 3,  ///< both, at a time or one after the other
};

/// Whether memory that is mapped for `mapped` may be used for `use`.
[[nodiscard]] constexpr bool allows(DeviceAccess mapped, DeviceAccess use) noexcept {
  const auto bits = static_cast<unsigned>(use);
  return (static_cast<unsigned>(mapped) & bits) == bits;
}

/// In words, for messages. Never null.
[[nodiscard]] constexpr const char* describe(DeviceAccess access) noexcept {
  switch (access) {
    case DeviceAccess::read:
      return "reading";
    case DeviceAccess::write:
      return "writing";
    case DeviceAccess::read_write:
      return "reading and writing";
  }
  return "nothing";
}

}  // namespace bellpull::engine
