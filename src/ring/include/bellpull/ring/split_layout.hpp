// SPDX-License-Identifier: BSD-2-Clause
#pragma once

// The inline helper of this header is not valid C++, and we place the parts ourselves.
#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/virtio_ring.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "bellpull/ring/layout_check.hpp"
#include "bellpull/ring/setup_error.hpp"

namespace bellpull::ring {

static_assert(sizeof(vring_desc) == 16 && sizeof(vring_used_elem) == 8);

/// Where the three parts of a split virtqueue are (virtio 1.4 section 2.7). Plain pointers into
/// memory that the caller owns and keeps for as long as a half is attached to it.
struct SplitMemory {
  std::uint32_t size = 0;        ///< entries, a power of two, 1 to 32768
  vring_desc* desc = nullptr;    ///< descriptor table, 16 bytes per entry, 16-aligned
  vring_avail* avail = nullptr;  ///< available ring, 6 + 2 bytes per entry, 2-aligned
  vring_used* used = nullptr;    ///< used ring, 6 + 8 bytes per entry, 4-aligned
};

/// Bytes of each part (virtio 1.4 section 2.7, table of sizes), event words included.
[[nodiscard]] constexpr std::size_t split_desc_bytes(std::uint32_t size) noexcept {
  return std::size_t{16} * size;
}
/// See split_desc_bytes().
[[nodiscard]] constexpr std::size_t split_avail_bytes(std::uint32_t size) noexcept {
  return 6 + std::size_t{2} * size;
}
/// See split_desc_bytes().
[[nodiscard]] constexpr std::size_t split_used_bytes(std::uint32_t size) noexcept {
  return 6 + std::size_t{8} * size;
}

/// Offsets of the parts when they lie in one region one after the other, the two rings on cache
/// lines of their own, because different threads write them.
struct SplitOffsets {
  std::size_t avail = 0;  ///< bytes from the start of the region
  std::size_t used = 0;   ///< bytes from the start of the region
  std::size_t end = 0;    ///< bytes that the region needs
};

/// Computes the offsets for a queue of `size` entries.
[[nodiscard]] constexpr SplitOffsets split_offsets(std::uint32_t size) noexcept {
  SplitOffsets offsets;
  offsets.avail = round_to_line(split_desc_bytes(size));
  offsets.used = round_to_line(offsets.avail + split_avail_bytes(size));
  offsets.end = round_to_line(offsets.used + split_used_bytes(size));
  return offsets;
}

/// Checks the rules for a size. Returns `none` when it is allowed for the split layout.
[[nodiscard]] constexpr SetupError check_split_size(std::uint32_t size) noexcept {
  if (size == 0) return SetupError::size_zero;
  if (size > kMaxQueueSize) return SetupError::size_too_large;
  if (!std::has_single_bit(size)) return SetupError::size_not_power_of_two;
  return SetupError::none;
}

/// Lays a queue of `size` entries into `bytes` bytes at `region`, which the caller owns. Writes
/// `memory` only on success; touches no byte of the region.
[[nodiscard]] inline SetupError place_split(std::byte* region, std::size_t bytes,
                                            std::uint32_t size, SplitMemory& memory) noexcept {
  if (const SetupError error = check_split_size(size); error != SetupError::none) return error;
  if (region == nullptr) return SetupError::null_part;
  if (reinterpret_cast<std::uintptr_t>(region) % VRING_DESC_ALIGN_SIZE != 0) {
    return SetupError::misaligned_part;
  }
  const SplitOffsets offsets = split_offsets(size);
  if (bytes < offsets.end) return SetupError::memory_too_short;
  memory.size = size;
  memory.desc = reinterpret_cast<vring_desc*>(region);
  memory.avail = reinterpret_cast<vring_avail*>(region + offsets.avail);
  memory.used = reinterpret_cast<vring_used*>(region + offsets.used);
  return SetupError::none;
}

/// Checks every rule that the parts of a split queue must keep: size, presence, alignment, that
/// none wraps around the end of the address space and that no two of them share bytes.
[[nodiscard]] inline SetupError check_split(const SplitMemory& memory) noexcept {
  if (const SetupError error = check_split_size(memory.size); error != SetupError::none) {
    return error;
  }
  return check_parts({{{memory.desc, split_desc_bytes(memory.size), VRING_DESC_ALIGN_SIZE},
                       {memory.avail, split_avail_bytes(memory.size), VRING_AVAIL_ALIGN_SIZE},
                       {memory.used, split_used_bytes(memory.size), VRING_USED_ALIGN_SIZE}}});
}

/// A descriptor of two whole words. Written so, it can be read back as two words by the same
/// processor without waiting for four smaller stores to leave its store buffer.
[[nodiscard]] constexpr vring_desc make_desc(std::uint64_t address, std::uint32_t length,
                                             std::uint16_t flags, std::uint16_t next) noexcept {
  const std::array<std::uint64_t, 2> words{
      address, std::uint64_t{length} | std::uint64_t{flags} << 32 | std::uint64_t{next} << 48};
  return std::bit_cast<vring_desc>(words);
}

/// A used element of one whole word; see make_desc().
[[nodiscard]] constexpr vring_used_elem make_used(std::uint32_t id, std::uint32_t length) noexcept {
  return std::bit_cast<vring_used_elem>(std::uint64_t{id} | std::uint64_t{length} << 32);
}

/// The word with which the driver asks for used-buffer notifications, at the end of the available
/// ring (virtio 1.4 section 2.7.6).
[[nodiscard]] inline __virtio16& used_event_word(const SplitMemory& memory) noexcept {
  return memory.avail->ring[memory.size];
}

/// The word with which the device asks for available-buffer notifications, at the end of the used
/// ring (virtio 1.4 section 2.7.8).
[[nodiscard]] inline __virtio16& avail_event_word(const SplitMemory& memory) noexcept {
  auto* const used = reinterpret_cast<std::byte*>(memory.used);
  return *reinterpret_cast<__virtio16*>(used + split_used_bytes(memory.size) - sizeof(__virtio16));
}

}  // namespace bellpull::ring
