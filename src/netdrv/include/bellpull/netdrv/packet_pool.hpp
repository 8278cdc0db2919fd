// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// Bytes in front of each frame: room for a virtio-net header and for pushing tags.
inline constexpr std::uint32_t kHeadroom = 64;

/// Bytes of a frame that its first buffer holds. An ordinary frame with two VLAN tags fits.
inline constexpr std::uint32_t kHeadData = 1920;

/// Bytes of a second buffer: with the first, a 65535-byte superframe fits.
inline constexpr std::uint32_t kTailData = 65536;

/// How many buffers a pool has, for its life.
struct PacketPoolOptions {
  unsigned heads = 1024;  ///< 2 KiB each: one per packet
  unsigned tails = 0;     ///< 64 KiB each: one per packet that may be longer than kHeadData
};

/// Buffers for packets, all allocated at construction. The thread that makes the pool owns it until
/// another one adopts it, and allocates from it; packets come back from any thread. A pool outlives
/// its packets: one that is destroyed earlier leaves its memory allocated, so that a stray packet
/// is a leak a checker reports and not a use after free.
class PacketPool {
 public:
  /// Throws std::invalid_argument for no buffers at all and std::bad_alloc.
  explicit PacketPool(const PacketPoolOptions& options);
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;
  ~PacketPool();

  /// Fills the front of `packets` (which are empty) with packets of size 0, each with the headroom
  /// and, if `with_tail`, a second buffer. Returns how many there were buffers for. Owner thread;
  /// never blocks.
  [[nodiscard]] unsigned allocate(std::span<Packet> packets, bool with_tail) noexcept;

  /// Gives `packet`, which has none and may be of another pool, a second buffer of this pool, so
  /// that it has more room(). False if there is none. Owner thread, who must own the packet too;
  /// never blocks.
  [[nodiscard]] bool attach_tail(Packet& packet) noexcept;

  /// Makes the calling thread the owner. By then the former owner has called disown(), or neither
  /// allocates nor returns packets any more; the caller sees to it that it knows.
  void adopt() noexcept;

  /// Leaves the pool to whoever adopts it next. The calling thread may go on returning packets.
  /// Owner thread.
  void disown() noexcept;

  /// Packets that are out: allocated and not returned; attached second buffers are not counted. Any
  /// thread; for all but the owner those that other threads than the owner returned lately are
  /// still out. Exact when no other thread is returning any.
  [[nodiscard]] std::uint64_t outstanding() noexcept;

  /// Buffers of either kind as made.
  [[nodiscard]] const PacketPoolOptions& options() const noexcept;

  /// Takes a buffer back. Called by Packet; any thread; never blocks.
  void give_back(PacketBuffer* buffer) noexcept;

 private:
  struct Store;
  std::unique_ptr<Store> store_;
};

}  // namespace bellpull::netdrv
