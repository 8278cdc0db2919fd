// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/packet_pool.hpp"

namespace bellpull::netdrv {

/// Merges frames of one flow into superframes, for a reader that accepts them: the inverse of
/// Segmenter, and of what the kernel does with superframes it is given. What comes out, cut by a
/// Segmenter, is byte for byte what went in with its checksums completed.
///
/// A frame is merged into the one before it in its flow if it is TCP or UDP, over IPv4 without
/// options or IPv6 without extension headers, with at most two VLAN tags, no padding, and
/// - every byte of its headers is the same but for lengths, checksums, IPv4 identification, TCP
///   sequence number, and PSH and FIN of the last;
/// - all its checksums are right (a partial one: the sum of its pseudo header); UDP has one;
/// - it has payload, not more than the first has, and none before it had less;
/// - IPv4 identifications are consecutive, or all 0 with DF, see Segmenter;
/// - TCP: the sequence goes on; nothing but ACK, ECE, and on the last PSH and FIN is set;
/// - it fits: 65535 bytes of IP, and as many UDP segments as the limit says.
/// All else, superframes included, stays as it is. Neither passes another frame of its flow.
///
/// One thread at a time. Never blocks. Work is one look per frame, and for those that are merged
/// their checksum and a copy.
class Coalescer {
 public:
  /// Segments of a UDP superframe unless told otherwise: what Linux took before 6.9.
  static constexpr unsigned kUdpSegments = 64;

  /// For a reader that accepts those features. `udp_segments` is how many a UDP superframe may
  /// have, 2 to 128; values beyond are taken as the nearest of these. Throws std::bad_alloc.
  explicit Coalescer(OffloadSet accepted, unsigned udp_segments = kUdpSegments);
  Coalescer(const Coalescer&) = delete;
  Coalescer& operator=(const Coalescer&) = delete;
  ~Coalescer();

  /// Merges what can be in a burst of packets, each not empty, that are delivered in order. Leaves
  /// the result in the front of `burst` and returns how many it is; the rest is empty then. Second
  /// buffers come from `pool`; when it has none, frames stay as they are. The thread that owns the
  /// pool.
  [[nodiscard]] unsigned coalesce(std::span<Packet> burst, PacketPool& pool) noexcept;

  /// Frames that were merged into one before them, since construction.
  [[nodiscard]] std::uint64_t merged() const noexcept { return merged_; }

 private:
  struct Table;

  std::unique_ptr<Table> table_;  // of the flows of a burst; nothing in it between calls
  OffloadSet accepted_;
  unsigned udp_segments_;
  std::uint64_t merged_ = 0;
};

}  // namespace bellpull::netdrv
