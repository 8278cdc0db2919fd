// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/ring/virtqueue.hpp"
#include "hostile_packed_driver.hpp"
#include "hostile_split_driver.hpp"
#include "peer_memory.hpp"
#include "slow_device.hpp"

namespace bellpull::ring::fuzz {

/// What the runs of both layouts need to know of each.
template <class Layout>
struct DeviceLayout;

template <>
struct DeviceLayout<Split> {
  using Driver = HostileSplitDriver;
  using Slow = SlowSplitDevice;

  /// Bytes of the three parts (virtio 1.4 section 2.7).
  static std::array<std::size_t, 3> parts(std::uint32_t size) {
    return {16 * std::size_t{size}, 6 + 2 * std::size_t{size}, 6 + 8 * std::size_t{size}};
  }
  static SplitMemory memory(const PeerMemory& memory, std::uint32_t size) {
    return {size, reinterpret_cast<vring_desc*>(memory.ring(0).data.get()),
            reinterpret_cast<vring_avail*>(memory.ring(1).data.get()),
            reinterpret_cast<vring_used*>(memory.ring(2).data.get())};
  }
  static SetupError locate(const RegionTable& table, std::uint32_t size,
                           const std::array<std::uint64_t, 3>& at, SplitMemory& memory) {
    return locate_split(table, size, at[0], at[1], at[2], memory);
  }
  static bool same(const SplitMemory& a, const SplitMemory& b) {
    return a.size == b.size && a.desc == b.desc && a.avail == b.avail && a.used == b.used;
  }
  /// Starts the driver at any index; the state of a device half that goes on from there.
  static DeviceState start(Driver& driver, Input& in, std::uint32_t size, bool fresh) {
    const std::uint16_t at =
        in.once_in(2) ? static_cast<std::uint16_t>(0 - in.below(size + 4)) : in.word16();
    const std::uint16_t index = fresh ? 0 : at;
    driver.start(index);
    return {index, index};
  }
  /// Whether the device half may write this byte.
  static bool ours(unsigned part, std::size_t) { return part == 2; }

  /// Where the word is with which the device half asks for notifications.
  static constexpr unsigned kEventPart = 2;
  static constexpr std::size_t event_at(std::uint32_t size, bool event_idx) {
    return event_idx ? 4 + 8 * std::size_t{size} : 0;
  }
  static constexpr std::size_t kEventBytes = 2;
  /// Whether the word asks for the entry after `state`, or for any.
  static bool armed(const PeerMemory& memory, std::uint32_t size, bool event_idx,
                    const DeviceState& state) {
    const auto word = memory.ring(2).peek<std::uint16_t>(event_at(size, event_idx));
    return word == (event_idx ? state.avail : 0);
  }
  /// Whether it asks for none of the entries that can come next.
  static bool parked(const PeerMemory& memory, std::uint32_t size, bool event_idx,
                     const DeviceState& state) {
    const auto word = memory.ring(2).peek<std::uint16_t>(event_at(size, event_idx));
    if (!event_idx) return word == VRING_USED_F_NO_NOTIFY;
    return static_cast<std::uint16_t>(word - state.avail) >= size;
  }
};

template <>
struct DeviceLayout<Packed> {
  using Driver = HostilePackedDriver;
  using Slow = SlowPackedDevice;

  /// Bytes of the three parts (virtio 1.4 section 2.8).
  static std::array<std::size_t, 3> parts(std::uint32_t size) {
    return {16 * std::size_t{size}, 4, 4};
  }
  static PackedMemory memory(const PeerMemory& memory, std::uint32_t size) {
    return {size, reinterpret_cast<PackedDescriptor*>(memory.ring(0).data.get()),
            reinterpret_cast<std::uint32_t*>(memory.ring(1).data.get()),
            reinterpret_cast<std::uint32_t*>(memory.ring(2).data.get())};
  }
  static SetupError locate(const RegionTable& table, std::uint32_t size,
                           const std::array<std::uint64_t, 3>& at, PackedMemory& memory) {
    return locate_packed(table, size, at[0], at[1], at[2], memory);
  }
  static bool same(const PackedMemory& a, const PackedMemory& b) {
    return a.size == b.size && a.desc == b.desc && a.driver_event == b.driver_event &&
           a.device_event == b.device_event;
  }
  /// See the split layout's.
  static DeviceState start(Driver& driver, Input& in, std::uint32_t size, bool fresh) {
    const std::uint32_t at = in.below(2 * size);
    const PackedPosition position(fresh ? 0 : at, size);
    driver.start(position);
    return {position.to_wrap(), position.to_wrap()};
  }
  /// Whether the device half may write this byte: the addresses it leaves alone.
  static bool ours(unsigned part, std::size_t offset) {
    return part == 2 || (part == 0 && offset % 16 >= 8);
  }

  static constexpr unsigned kEventPart = 2;
  static constexpr std::size_t event_at(std::uint32_t, bool) { return 0; }
  static constexpr std::size_t kEventBytes = 4;
  static bool armed(const PeerMemory& memory, std::uint32_t, bool event_idx,
                    const DeviceState& state) {
    const auto flags = memory.ring(2).peek<std::uint16_t>(2);
    if (!event_idx) return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
    return flags == VRING_PACKED_EVENT_FLAG_DESC &&
           memory.ring(2).peek<std::uint16_t>(0) == state.avail;
  }
  static bool parked(const PeerMemory& memory, std::uint32_t, bool, const DeviceState&) {
    return memory.ring(2).peek<std::uint16_t>(2) == VRING_PACKED_EVENT_FLAG_DISABLE;
  }
};

}  // namespace bellpull::ring::fuzz
