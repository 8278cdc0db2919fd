// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/setup_error.hpp"

namespace bellpull::ring {

static_assert(std::endian::native == std::endian::little,
              "virtio 1.4 rings are little-endian; conversion is not written yet");

/// The largest queue of either layout (virtio 1.4 section 2.6).
inline constexpr std::uint32_t kMaxQueueSize = 32768;

/// One part of a queue's memory, for the checks that both layouts share.
struct QueuePart {
  const void* data = nullptr;  ///< its first byte
  std::size_t bytes = 0;       ///< its length
  std::size_t alignment = 1;   ///< what its address must be a multiple of
};

/// Checks that the three parts are there, aligned, do not wrap around the end of the address space
/// and do not share bytes.
[[nodiscard]] inline SetupError check_parts(const std::array<QueuePart, 3>& parts) noexcept {
  for (const QueuePart& part : parts) {
    if (part.data == nullptr) return SetupError::null_part;
  }
  for (const QueuePart& part : parts) {
    const auto at = reinterpret_cast<std::uintptr_t>(part.data);
    if (at % part.alignment != 0) return SetupError::misaligned_part;
    if (at + part.bytes < at) return SetupError::part_wraps;
  }
  const auto apart = [](const QueuePart& one, const QueuePart& other) {
    const auto a = reinterpret_cast<std::uintptr_t>(one.data);
    const auto b = reinterpret_cast<std::uintptr_t>(other.data);
    return a < b ? b - a >= one.bytes : a - b >= other.bytes;
  };
  if (!apart(parts[0], parts[1]) || !apart(parts[0], parts[2]) || !apart(parts[1], parts[2])) {
    return SetupError::overlapping_parts;
  }
  return SetupError::none;
}

/// The next multiple of kCacheLine.
[[nodiscard]] constexpr std::size_t round_to_line(std::size_t bytes) noexcept {
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace bellpull::ring
