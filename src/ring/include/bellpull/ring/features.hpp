// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// What the two halves of a queue agreed on beside the layout. Both halves are given the same. The
/// names are those of virtio 1.4 section 6 without their prefix.
struct Features {
  bool event_idx = true;  ///< notifications are asked for by entry; otherwise on or off by a flag
  bool indirect = false;  ///< a descriptor may stand for a table of descriptors
  bool in_order = false;  ///< buffers come back in the order in which they were made available

  /// The fields of a virtio feature word that concern the ring: bits 28, 29 and 35 (virtio 1.4
  /// section 6). The layout, bit 34, is a type here and no field.
  [[nodiscard]] static constexpr Features from_bits(std::uint64_t bits) noexcept {
    return {.event_idx = (bits & kEventIdx) != 0,
            .indirect = (bits & kIndirectDesc) != 0,
            .in_order = (bits & kInOrder) != 0};
  }

  /// The feature word with just these fields.
  [[nodiscard]] constexpr std::uint64_t bits() const noexcept {
    return (event_idx ? kEventIdx : 0) | (indirect ? kIndirectDesc : 0) | (in_order ? kInOrder : 0);
  }

  /// VIRTIO_F_INDIRECT_DESC.
  static constexpr std::uint64_t kIndirectDesc = std::uint64_t{1} << 28;
  /// VIRTIO_F_EVENT_IDX.
  static constexpr std::uint64_t kEventIdx = std::uint64_t{1} << 29;
  /// VIRTIO_F_RING_PACKED.
  static constexpr std::uint64_t kRingPacked = std::uint64_t{1} << 34;
  /// VIRTIO_F_IN_ORDER.
  static constexpr std::uint64_t kInOrder = std::uint64_t{1} << 35;
  /// VIRTIO_F_NOTIFICATION_DATA: nothing in the ring changes; see Driver::notification_data().
  static constexpr std::uint64_t kNotificationData = std::uint64_t{1} << 38;
  /// VIRTIO_F_RING_RESET: nothing in the ring changes; see reset() of either half.
  static constexpr std::uint64_t kRingReset = std::uint64_t{1} << 40;
};

}  // namespace bellpull::ring
