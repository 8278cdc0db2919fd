// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>

/// The messages of the vhost-user protocol that a device without migration needs, as its
/// specification lays them out: a header, then a payload, both in the byte order of the machine;
/// file descriptors come along with the header's first byte.
namespace bellpull::ring::test::foreign {

enum class Request : std::uint32_t {
  get_features = 1,
  set_features = 2,
  set_owner = 3,
  reset_owner = 4,
  set_mem_table = 5,
  set_vring_num = 8,
  set_vring_addr = 9,
  set_vring_base = 10,
  get_vring_base = 11,
  set_vring_kick = 12,
  set_vring_call = 13,
  set_vring_err = 14,
  get_protocol_features = 15,
  set_protocol_features = 16,
  set_vring_enable = 18,
};

struct MessageHeader {
  Request request;
  std::uint32_t flags;
  std::uint32_t bytes;  ///< of the payload
};

inline constexpr std::uint32_t kVersionMask = 0x3;
inline constexpr std::uint32_t kVersion = 0x1;
inline constexpr std::uint32_t kReply = 0x4;
inline constexpr std::uint32_t kNeedReply = 0x8;

struct VringState {
  std::uint32_t index;
  std::uint32_t value;
};

struct VringAddress {
  std::uint32_t index;
  std::uint32_t flags;
  std::uint64_t descriptors;
  std::uint64_t device_area;  ///< "used": the used ring, or the device's event suppression
  std::uint64_t driver_area;  ///< "avail": the available ring, or the driver's event suppression
  std::uint64_t log;
};

struct MemoryRegion {
  std::uint64_t guest_address;
  std::uint64_t size;
  std::uint64_t user_address;
  std::uint64_t mmap_offset;
};

inline constexpr std::size_t kMaxRegions = 8;

struct MemoryTable {
  std::uint32_t count;
  std::uint32_t padding;
  MemoryRegion regions[kMaxRegions];
};

/// In the payload of the messages that carry a queue's file descriptor.
inline constexpr std::uint64_t kVringIndexMask = 0xff;
inline constexpr std::uint64_t kVringNoFd = 0x100;

/// VHOST_USER_F_PROTOCOL_FEATURES, among the features of virtio.
inline constexpr std::uint64_t kProtocolFeatures = std::uint64_t{1} << 30;
/// VHOST_USER_PROTOCOL_F_REPLY_ACK, among the protocol's own.
inline constexpr std::uint64_t kReplyAck = std::uint64_t{1} << 3;

static_assert(sizeof(MessageHeader) == 12 && sizeof(VringState) == 8);
static_assert(sizeof(VringAddress) == 40 && sizeof(MemoryRegion) == 32);
static_assert(offsetof(MemoryTable, regions) == 8);

}  // namespace bellpull::ring::test::foreign
