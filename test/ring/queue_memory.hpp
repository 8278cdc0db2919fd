// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring::test {

/// Bytes at an alignment, all zero, freed at the end of life.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t bytes, std::size_t alignment = 16)
      : bytes_(bytes),
        data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment})),
              Free{alignment}) {
    std::memset(data_.get(), 0, bytes);
  }

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] std::span<std::byte> span() const { return {data_.get(), bytes_}; }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* data) const {
      ::operator delete (data, std::align_val_t{alignment});
    }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> data_;
};

template <class Layout>
inline constexpr bool kIsSplit = std::is_same_v<Layout, Split>;

/// Bytes of the three parts of a queue, restated from the tables of sizes (virtio 1.4 sections 2.7
/// and 2.8.10.1): what everybody writes first, then the driver's area, then the device's.
template <class Layout>
[[nodiscard]] constexpr std::array<std::size_t, 3> part_bytes(std::size_t size) {
  if constexpr (kIsSplit<Layout>) return {16 * size, 6 + 2 * size, 6 + 8 * size};
  return {16 * size, 4, 4};
}

/// A queue at the places of its three parts.
template <class Layout>
[[nodiscard]] typename Layout::Memory memory_at(std::uint32_t size, std::byte* first,
                                                std::byte* second, std::byte* third) {
  if constexpr (kIsSplit<Layout>) {
    return {size, reinterpret_cast<vring_desc*>(first), reinterpret_cast<vring_avail*>(second),
            reinterpret_cast<vring_used*>(third)};
  } else {
    return {size, reinterpret_cast<PackedDescriptor*>(first),
            reinterpret_cast<std::uint32_t*>(second), reinterpret_cast<std::uint32_t*>(third)};
  }
}

/// A queue whose parts are allocations of their own, each exactly as long as the specification
/// says, so that AddressSanitizer sees any access outside of a part.
template <class Layout>
class QueueMemory {
 public:
  explicit QueueMemory(std::uint32_t size)
      : parts{AlignedBytes(part_bytes<Layout>(size)[0]), AlignedBytes(part_bytes<Layout>(size)[1]),
              AlignedBytes(part_bytes<Layout>(size)[2])},
        queue(memory_at<Layout>(size, parts[0].data(), parts[1].data(), parts[2].data())) {}

  void clear() const {
    for (const AlignedBytes& part : parts) std::memset(part.data(), 0, part.size());
  }

  std::array<AlignedBytes, 3> parts;
  typename Layout::Memory queue;
};

/// Makes the memory look as if both halves had gone around to position `at` (split: the index;
/// packed: offset and wrap counter as in a saved state), with nothing in flight.
inline void age(const SplitMemory& queue, std::uint16_t at) {
  queue.avail->idx = at;
  queue.used->idx = at;
}

inline void age(const PackedMemory& queue, std::uint16_t at) {
  const std::uint32_t offset = at & 0x7fffU;
  const bool first_lap_kind = (at & 0x8000U) != 0;
  for (std::uint32_t i = 0; i < queue.size; ++i) {
    // Used in this lap below the offset, in the lap before from there on: 7 is AVAIL, 15 USED.
    const bool wrap = i < offset ? first_lap_kind : !first_lap_kind;
    queue.desc[i].tail = wrap ? std::uint64_t{0x8080} << 48 : 0;
  }
}

}  // namespace bellpull::ring::test
