// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/virtio_ring.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/layout_check.hpp"
#include "bellpull/ring/setup_error.hpp"

namespace bellpull::ring {

/// A descriptor of the packed ring (virtio 1.4 section 2.8.13). Length, id and flags are one word
/// here, because the flags hand the descriptor over and the rest must not be read before them.
struct PackedDescriptor {
  std::uint64_t address = 0;  ///< of the buffer
  std::uint64_t tail = 0;     ///< length in bits 0 to 31, buffer id in 32 to 47, flags in 48 to 63
};

static_assert(sizeof(PackedDescriptor) == sizeof(vring_packed_desc) &&
              offsetof(PackedDescriptor, address) == offsetof(vring_packed_desc, addr) &&
              offsetof(PackedDescriptor, tail) == offsetof(vring_packed_desc, len) &&
              offsetof(vring_packed_desc, id) == offsetof(vring_packed_desc, len) + 4 &&
              offsetof(vring_packed_desc, flags) == offsetof(vring_packed_desc, len) + 6);

/// Makes the second word of a packed descriptor.
[[nodiscard]] constexpr std::uint64_t packed_tail(std::uint32_t length, std::uint16_t id,
                                                  std::uint16_t flags) noexcept {
  return std::uint64_t{length} | std::uint64_t{id} << 32 | std::uint64_t{flags} << 48;
}
/// The length of a packed descriptor's second word.
[[nodiscard]] constexpr std::uint32_t packed_length(std::uint64_t tail) noexcept {
  return static_cast<std::uint32_t>(tail);
}
/// The buffer id of a packed descriptor's second word.
[[nodiscard]] constexpr std::uint16_t packed_id(std::uint64_t tail) noexcept {
  return static_cast<std::uint16_t>(tail >> 32);
}
/// The flags of a packed descriptor's second word.
[[nodiscard]] constexpr std::uint16_t packed_flags(std::uint64_t tail) noexcept {
  return static_cast<std::uint16_t>(tail >> 48);
}

/// The AVAIL and the USED bit of a packed descriptor's flags (virtio 1.4 section 2.8.1).
inline constexpr std::uint16_t kPackedAvail = 1U << VRING_PACKED_DESC_F_AVAIL;
/// See kPackedAvail.
inline constexpr std::uint16_t kPackedUsed = 1U << VRING_PACKED_DESC_F_USED;
/// Both bits.
inline constexpr std::uint16_t kPackedBoth = kPackedAvail | kPackedUsed;

/// A place in a packed ring with its wrap counter. Two laps after each other have different ones;
/// the first lap has 1.
class PackedPosition {
 public:
  PackedPosition() = default;
  /// The position `at` of two laps that are numbered through, below 2 * `size`.
  constexpr PackedPosition(std::uint32_t at, std::uint32_t size) noexcept
      : offset_(at < size ? at : at - size), size_(size), second_(at < size ? 0 : kPackedBoth) {}

  /// Reads the form of a saved state: offset in bits 0 to 14, wrap counter in bit 15. An offset
  /// that is not below `size` gives a position that is not valid().
  [[nodiscard]] static constexpr PackedPosition from_wrap(std::uint16_t word,
                                                          std::uint32_t size) noexcept {
    const std::uint32_t offset = word & 0x7fffU;
    if (offset >= size) return {2 * size, size};
    return {(word & 0x8000U) != 0 ? offset : offset + size, size};
  }

  /// Whether the offset is inside of the ring.
  [[nodiscard]] constexpr bool valid() const noexcept { return offset_ < size_; }
  /// The number of the descriptor, from 0.
  [[nodiscard]] constexpr std::uint32_t offset() const noexcept { return offset_; }
  /// The wrap counter.
  [[nodiscard]] constexpr bool wrap() const noexcept { return second_ == 0; }
  /// Offset and wrap counter as a 16-bit word; see from_wrap().
  [[nodiscard]] constexpr std::uint16_t to_wrap() const noexcept {
    return static_cast<std::uint16_t>(offset_ | (wrap() ? 0x8000U : 0U));
  }
  /// The position among two laps that are numbered through.
  [[nodiscard]] constexpr std::uint32_t at() const noexcept {
    return wrap() ? offset_ : offset_ + size_;
  }

  /// Moves on by `descriptors`, at most the size of the queue.
  constexpr void advance(std::uint32_t descriptors) noexcept {
    offset_ += descriptors;
    if (offset_ < size_) [[likely]]
      return;
    offset_ -= size_;
    second_ ^= kPackedBoth;
  }
  /// The position `descriptors` further on.
  [[nodiscard]] constexpr PackedPosition plus(std::uint32_t descriptors) const noexcept {
    PackedPosition next = *this;
    next.advance(descriptors);
    return next;
  }

  /// Descriptors from `start` to here, below twice the size of the queue.
  [[nodiscard]] constexpr std::uint32_t since(const PackedPosition& start) const noexcept {
    return at() >= start.at() ? at() - start.at() : at() + 2 * size_ - start.at();
  }

  /// The AVAIL and USED bits of a descriptor that is available here.
  [[nodiscard]] constexpr std::uint16_t available() const noexcept {
    return kPackedAvail ^ second_;
  }
  /// The AVAIL and USED bits of a descriptor that was used here.
  [[nodiscard]] constexpr std::uint16_t used() const noexcept { return kPackedBoth ^ second_; }

 private:
  std::uint32_t offset_ = 0;
  std::uint32_t size_ = 0;
  std::uint16_t second_ = 0;  // in the second lap: the two bits, which mean the opposite there
};

/// An event suppression structure as one word: offset and wrap counter in bits 0 to 15, flags in 16
/// to 31 (virtio 1.4 section 2.8.14).
[[nodiscard]] constexpr std::uint32_t packed_event(std::uint16_t off_wrap,
                                                   std::uint16_t flags) noexcept {
  return std::uint32_t{off_wrap} | std::uint32_t{flags} << 16;
}

static_assert(sizeof(vring_packed_desc_event) == 4 &&
              offsetof(vring_packed_desc_event, off_wrap) == 0 &&
              offsetof(vring_packed_desc_event, flags) == 2);

/// Where the parts of a packed virtqueue are (virtio 1.4 section 2.8). Plain pointers into memory
/// that the caller owns and keeps for as long as a half is attached to it.
struct PackedMemory {
  std::uint32_t size = 0;                 ///< entries, any number from 1 to 32768
  PackedDescriptor* desc = nullptr;       ///< descriptor ring, 16 bytes per entry, 16-aligned
  std::uint32_t* driver_event = nullptr;  ///< driver event suppression, 4 bytes, 4-aligned
  std::uint32_t* device_event = nullptr;  ///< device event suppression, 4 bytes, 4-aligned
};

/// Bytes of the descriptor ring (virtio 1.4 section 2.8.10.1, table of sizes).
[[nodiscard]] constexpr std::size_t packed_desc_bytes(std::uint32_t size) noexcept {
  return std::size_t{16} * size;
}
/// Bytes of each event suppression structure.
inline constexpr std::size_t kPackedEventBytes = 4;

/// Offsets of the parts when they lie in one region one after the other, the event words on cache
/// lines of their own, because different threads write them.
struct PackedOffsets {
  std::size_t driver_event = 0;  ///< bytes from the start of the region
  std::size_t device_event = 0;  ///< bytes from the start of the region
  std::size_t end = 0;           ///< bytes that the region needs
};

/// Computes the offsets for a queue of `size` entries.
[[nodiscard]] constexpr PackedOffsets packed_offsets(std::uint32_t size) noexcept {
  PackedOffsets offsets;
  offsets.driver_event = round_to_line(packed_desc_bytes(size));
  offsets.device_event = offsets.driver_event + kCacheLine;
  offsets.end = offsets.device_event + kCacheLine;
  return offsets;
}

/// Checks the rules for a size. Returns `none` when it is allowed for the packed layout.
[[nodiscard]] constexpr SetupError check_packed_size(std::uint32_t size) noexcept {
  if (size == 0) return SetupError::size_zero;
  if (size > kMaxQueueSize) return SetupError::size_too_large;
  return SetupError::none;
}

/// Lays a queue of `size` entries into `bytes` bytes at `region`, which the caller owns. Writes
/// `memory` only on success; touches no byte of the region.
[[nodiscard]] inline SetupError place_packed(std::byte* region, std::size_t bytes,
                                             std::uint32_t size, PackedMemory& memory) noexcept {
  if (const SetupError error = check_packed_size(size); error != SetupError::none) return error;
  if (region == nullptr) return SetupError::null_part;
  if (reinterpret_cast<std::uintptr_t>(region) % 16 != 0) return SetupError::misaligned_part;
  const PackedOffsets offsets = packed_offsets(size);
  if (bytes < offsets.end) return SetupError::memory_too_short;
  memory.size = size;
  memory.desc = reinterpret_cast<PackedDescriptor*>(region);
  memory.driver_event = reinterpret_cast<std::uint32_t*>(region + offsets.driver_event);
  memory.device_event = reinterpret_cast<std::uint32_t*>(region + offsets.device_event);
  return SetupError::none;
}

/// Checks every rule that the parts of a packed queue must keep: size, presence, alignment, that
/// none wraps around the end of the address space and that no two of them share bytes.
[[nodiscard]] inline SetupError check_packed(const PackedMemory& memory) noexcept {
  if (const SetupError error = check_packed_size(memory.size); error != SetupError::none) {
    return error;
  }
  return check_parts({{{memory.desc, packed_desc_bytes(memory.size), 16},
                       {memory.driver_event, kPackedEventBytes, 4},
                       {memory.device_event, kPackedEventBytes, 4}}});
}

}  // namespace bellpull::ring
