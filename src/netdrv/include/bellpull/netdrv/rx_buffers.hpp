// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv {

/// The receiving side of a port, whatever its style: empty buffers to post, and the frames that
/// came back in them. One thread, the one that posts.
class RxBuffers {
 public:
  /// Up to `ring` buffers are to be posted, each for the longest frame that `link` may give: its
  /// MTU behind an Ethernet header and two VLAN tags, or a superframe. `pool` outlives it.
  RxBuffers(PacketPool& pool, unsigned ring, const Link& link) noexcept;

  /// Segments per buffer: 1 or 2.
  [[nodiscard]] unsigned segments() const noexcept { return with_tail_ ? 2 : 1; }

  /// Longest frame, in bytes.
  [[nodiscard]] std::uint32_t max_frame() const noexcept { return max_frame_; }

  /// How many are to be posted: `ring`, or as many frames of the present size as stay in a core's
  /// cache, and never fewer than 8. A ring goes round through all of its buffers, so superframes in
  /// 256 of them would be copied to and from memory that left the cache a lap ago.
  [[nodiscard]] unsigned level() const noexcept { return level_; }

  /// Buffers that are to be posted and are not.
  [[nodiscard]] unsigned missing() const noexcept {
    return posted_ < level_ ? level_ - posted_ : 0;
  }

  /// Whether nothing is posted although it should be.
  [[nodiscard]] bool starved() const noexcept {
    return posted_ == 0 && open_.load(std::memory_order_relaxed);
  }

  /// Calls `post(span<const Request>)` with all that are missing, in batches, as long as it returns
  /// true, the pool has buffers and close() was not called. Returns how often it called.
  template <class Post>
  unsigned refill(Post&& post) noexcept {
    unsigned calls = 0;
    if (with_tail_) set_level();
    while (open_.load(std::memory_order_relaxed) && missing() != 0) {
      const std::span<const engine::Request> batch = next_batch(kBurst);
      if (batch.empty()) break;
      ++calls;
      const bool taken = post(batch);
      settle_batch(batch.size(), taken);
      if (!taken) break;
    }
    return calls;
  }

  /// refill() with one batch of at most `most`, which is not above kBurst. Returns whether it was
  /// taken.
  template <class Post>
  bool refill_batch(unsigned most, Post&& post) noexcept {
    if (!open_.load(std::memory_order_relaxed) || missing() == 0) return false;
    const std::span<const engine::Request> batch = next_batch(most);
    if (batch.empty()) return false;
    const bool taken = post(batch);
    settle_batch(batch.size(), taken);
    return taken;
  }

  /// The frame of a transfer that ended. Empty when it was none, or was dropped and counted. `gone`
  /// is set when the error says that the interface is.
  Packet accept(std::uint64_t token, const engine::StreamResult& result, PortCounters& counters,
                std::atomic<PortState>& state) noexcept;

  /// Posts no more; a refill() that another thread is in may end first. Any thread.
  void close() noexcept { open_.store(false, std::memory_order_relaxed); }

 private:
  void set_level() noexcept;
  [[nodiscard]] std::span<const engine::Request> next_batch(unsigned most) noexcept;
  void settle_batch(std::size_t count, bool taken) noexcept;
  [[nodiscard]] bool negotiated(const Packet& packet, PortCounters& counters,
                                DropReason& reason) const noexcept;

  PacketPool& pool_;
  const unsigned ring_;
  const OffloadSet offloads_;
  const std::uint32_t max_frame_;
  const bool with_tail_;
  std::atomic<bool> open_{true};  // relaxed: whoever closes it stops the channel next
  unsigned posted_ = 0;
  unsigned level_;
  std::uint32_t mean_ = 0;  // bytes of a frame, over the last few
  // Scratch of single calls, here because to make them anew would cost more than to use them.
  std::array<Packet, kBurst> fresh_;
  std::array<engine::Segment, std::size_t{2} * kBurst> segments_;
  std::array<engine::Request, kBurst> requests_;
};

}  // namespace bellpull::netdrv
