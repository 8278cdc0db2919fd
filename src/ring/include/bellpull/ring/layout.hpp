// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/ring/packed_device_ring.hpp"
#include "bellpull/ring/packed_driver_ring.hpp"
#include "bellpull/ring/packed_layout.hpp"
#include "bellpull/ring/split_device_ring.hpp"
#include "bellpull/ring/split_driver_ring.hpp"
#include "bellpull/ring/split_layout.hpp"

namespace bellpull::ring {

/// The split layout (virtio 1.4 section 2.7): descriptor table, available ring, used ring. Sizes:
/// powers of two from 1 to 32768.
struct Split {
  /// Where the parts of a queue are.
  using Memory = SplitMemory;
  /// An entry of an indirect table.
  using TableEntry = vring_desc;
  /// Whether the entries of an indirect table are linked by `next`; otherwise they follow each
  /// other.
  static constexpr bool kLinkedTables = true;
  /// The entry of an indirect table in the form that both layouts share.
  [[nodiscard]] static vring_desc table_entry(const TableEntry& entry) noexcept { return entry; }
  /// How a driver half touches the ring.
  template <class Access>
  using DriverRing = detail::SplitDriverRing<Access>;
  /// How a device half touches the ring.
  template <class Access>
  using DeviceRing = detail::SplitDeviceRing<Access>;
  /// The layout's rules for a queue's memory.
  [[nodiscard]] static SetupError check(const Memory& memory) noexcept {
    return check_split(memory);
  }
  /// Lays a queue into one region; see place_split().
  [[nodiscard]] static SetupError place(std::byte* region, std::size_t bytes, std::uint32_t size,
                                        Memory& memory) noexcept {
    return place_split(region, bytes, size, memory);
  }
  /// The layout's rules for a size.
  [[nodiscard]] static constexpr SetupError check_size(std::uint32_t size) noexcept {
    return check_split_size(size);
  }
  /// Bytes that place() needs.
  [[nodiscard]] static constexpr std::size_t bytes(std::uint32_t size) noexcept {
    return split_offsets(size).end;
  }
};

/// The packed layout (virtio 1.4 section 2.8): one ring of descriptors that both sides write.
/// Sizes: any number from 1 to 32768.
struct Packed {
  /// Where the parts of a queue are.
  using Memory = PackedMemory;
  /// An entry of an indirect table.
  using TableEntry = PackedDescriptor;
  /// See Split::kLinkedTables. NEXT and the buffer id of an entry mean nothing (virtio 1.4 section
  /// 2.8.7).
  static constexpr bool kLinkedTables = false;
  /// See Split::table_entry().
  [[nodiscard]] static vring_desc table_entry(const TableEntry& entry) noexcept {
    vring_desc desc{};
    desc.addr = entry.address;
    desc.len = packed_length(entry.tail);
    desc.flags = packed_flags(entry.tail);
    return desc;
  }
  /// How a driver half touches the ring.
  template <class Access>
  using DriverRing = detail::PackedDriverRing<Access>;
  /// How a device half touches the ring.
  template <class Access>
  using DeviceRing = detail::PackedDeviceRing<Access>;
  /// The layout's rules for a queue's memory.
  [[nodiscard]] static SetupError check(const Memory& memory) noexcept {
    return check_packed(memory);
  }
  /// Lays a queue into one region; see place_packed().
  [[nodiscard]] static SetupError place(std::byte* region, std::size_t bytes, std::uint32_t size,
                                        Memory& memory) noexcept {
    return place_packed(region, bytes, size, memory);
  }
  /// The layout's rules for a size.
  [[nodiscard]] static constexpr SetupError check_size(std::uint32_t size) noexcept {
    return check_packed_size(size);
  }
  /// Bytes that place() needs.
  [[nodiscard]] static constexpr std::size_t bytes(std::uint32_t size) noexcept {
    return packed_offsets(size).end;
  }
};

}  // namespace bellpull::ring
