// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"
#include "device_layouts.hpp"
#include "hostile_device.hpp"
#include "peer_memory.hpp"

namespace bellpull::ring::fuzz {

/// A descriptor as it stands in a ring or in a table.
struct SeenDescriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags;  // without AVAIL and USED

  friend bool operator==(const SeenDescriptor&, const SeenDescriptor&) = default;
};

/// What the runs of both layouts need to know of each.
template <class Layout>
struct DriverLayout;

template <>
struct DriverLayout<Split> {
  using Device = HostileSplitDevice;
  using Position = std::uint16_t;

  static DriverState start(Device& device, PeerMemory& memory, Input& in, std::uint32_t, bool fresh,
                           Position& position) {
    position = fresh ? 0 : in.word16();
    device.start(position);
    memory.ring(1).poke(2, position);
    return {.avail = position, .used = position};
  }
  static void advance(Position& position, std::uint32_t) { ++position; }
  static std::uint16_t word(Position position) { return position; }
  /// Whether the driver half may write this byte.
  static bool ours(unsigned part, std::size_t) { return part == 0 || part == 1; }
  /// Whether the chains up to `end` are visible.
  static bool visible(const PeerMemory& memory, Position, Position end) {
    return memory.ring(1).peek<std::uint16_t>(2) == end;
  }

  /// The chain at `at` as the device finds it (virtio 1.4 section 2.7.13), without its table.
  static std::vector<SeenDescriptor> chain_at(const PeerMemory& memory, std::uint32_t size,
                                              Position at, std::uint16_t& id) {
    std::vector<SeenDescriptor> chain;
    id = memory.ring(1).peek<std::uint16_t>(4 + 2 * std::size_t{at % size});
    std::size_t next = id;
    for (std::uint32_t i = 0; i < size && next < size; ++i) {
      chain.push_back(descriptor(memory.ring(0), 16 * next));
      if ((chain.back().flags & VRING_DESC_F_NEXT) == 0) break;
      next = memory.ring(0).peek<std::uint16_t>(16 * next + 14);
    }
    return chain;
  }
  static std::vector<SeenDescriptor> table(const Block& tables, std::size_t at,
                                           std::uint32_t count) {
    std::vector<SeenDescriptor> chain;
    for (std::uint32_t i = 0; i < count; ++i) {
      chain.push_back(descriptor(tables, at + std::size_t{16} * i));
      const bool last = i + 1 == count;
      const auto next = tables.peek<std::uint16_t>(at + std::size_t{16} * i + 14);
      check(last || next == i + 1, "a table's entries are linked one after the other");
    }
    return chain;
  }
  static constexpr std::uint16_t kTableNext = VRING_DESC_F_NEXT;

 private:
  static SeenDescriptor descriptor(const Block& block, std::size_t at) {
    return {block.peek<std::uint64_t>(at), block.peek<std::uint32_t>(at + 8),
            block.peek<std::uint16_t>(at + 12)};
  }
};

template <>
struct DriverLayout<Packed> {
  using Device = HostilePackedDevice;
  using Position = PackedPosition;

  static DriverState start(Device& device, PeerMemory&, Input& in, std::uint32_t size, bool fresh,
                           Position& position) {
    const std::uint32_t at = in.below(2 * size);
    position = PackedPosition(fresh ? 0 : at, size);
    device.start(position);
    return {.avail = position.to_wrap(), .used = position.to_wrap()};
  }
  static void advance(Position& position, std::uint32_t entries) { position.advance(entries); }
  static std::uint16_t word(Position position) { return position.to_wrap(); }
  static bool ours(unsigned part, std::size_t) { return part == 0 || part == 1; }
  static bool visible(const PeerMemory& memory, Position start, Position) {
    const auto flags = memory.ring(0).peek<std::uint16_t>(16 * std::size_t{start.offset()} + 14);
    return (flags & kPackedBoth) == start.available();
  }

  /// The chain at `at` as the device finds it (virtio 1.4 section 2.8.13), without its table.
  static std::vector<SeenDescriptor> chain_at(const PeerMemory& memory, std::uint32_t size,
                                              Position at, std::uint16_t& id) {
    std::vector<SeenDescriptor> chain;
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::size_t offset = 16 * std::size_t{at.offset()};
      const Block& ring = memory.ring(0);
      const auto flags = ring.peek<std::uint16_t>(offset + 14);
      check((flags & kPackedBoth) == at.available(), "each descriptor of a chain is available");
      chain.push_back({ring.peek<std::uint64_t>(offset), ring.peek<std::uint32_t>(offset + 8),
                       static_cast<std::uint16_t>(flags & ~kPackedBoth)});
      id = ring.peek<std::uint16_t>(offset + 12);
      if ((flags & VRING_DESC_F_NEXT) == 0) break;
      at.advance(1);
    }
    return chain;
  }
  static std::vector<SeenDescriptor> table(const Block& tables, std::size_t at,
                                           std::uint32_t count) {
    std::vector<SeenDescriptor> chain;
    for (std::uint32_t i = 0; i < count; ++i, at += 16) {
      chain.push_back({tables.peek<std::uint64_t>(at), tables.peek<std::uint32_t>(at + 8),
                       tables.peek<std::uint16_t>(at + 14)});
    }
    return chain;
  }
  static constexpr std::uint16_t kTableNext = 0;
};

}  // namespace bellpull::ring::fuzz
