// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>

#include "bellpull/netdrv/offload_check.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/packet_pool.hpp"

namespace bellpull::netdrv {

/// Cuts a superframe into the frames that go over a wire, as many at a time as there is room for,
/// for readers that do not do so themselves: TCP and UDP over IPv4 and IPv6, with up to two VLAN
/// tags, IPv4 options and IPv6 extension headers.
///
/// Each segment has all headers, lengths and complete checksums. The TCP sequence number goes on by
/// the payload; FIN and PSH are on the last segment only, CWR on the first only (RFC 3168 section
/// 6.1.2). The IPv4 identification goes up by one per segment, except that with DF and 0 it stays
/// 0: it means nothing then (RFC 6864), and 0 is what Linux sends on sockets that are not
/// connected.
///
/// One thread at a time. Never blocks.
class Segmenter {
 public:
  /// No limit on the length of segments.
  static constexpr std::uint32_t kAnyMtu = UINT32_MAX;

  /// Takes a packet over to be cut; what was not yet cut of another one is dropped. A packet that
  /// is no superframe is a single segment, and like a superframe that is not longer than one it is
  /// handed on itself, its checksum completed. Checks the packet as check_offload() does, and
  /// answers `oversize` for a superframe whose segments are longer than `mtu` bytes, counted from
  /// the IP header on. When there is a fault the packet stays with the caller.
  [[nodiscard]] OffloadFault start(Packet&& packet, std::uint32_t mtu = kAnyMtu) noexcept;

  /// Puts the next segments, in order, to the front of `out`, whose packets are empty. Their memory
  /// comes from `pool`, with second buffers if segments are longer than kHeadData. Returns how many
  /// there were room, buffers and payload for: 0 when done() or when the pool is empty. The thread
  /// that owns the pool.
  [[nodiscard]] unsigned next(PacketPool& pool, std::span<Packet> out) noexcept;

  /// How many segments the packet of the last successful start() is cut into, at least 1. 0 before.
  [[nodiscard]] unsigned segments() const noexcept { return segments_; }

  /// How many of them next() has still to give.
  [[nodiscard]] unsigned remaining() const noexcept { return segments_ - cut_; }

  /// Whether it holds no packet.
  [[nodiscard]] bool done() const noexcept { return remaining() == 0; }

  /// Drops what is not yet cut.
  void reset() noexcept;

 private:
  void cut(Packet& segment) noexcept;

  Packet packet_;
  unsigned segments_ = 0;
  unsigned cut_ = 0;             // how many segments were given
  std::uint32_t network_ = 0;    // offset of the IP header
  std::uint32_t transport_ = 0;  // offset of the TCP or UDP header
  std::uint32_t payload_ = 0;    // offset of what is cut
  bool tcp_ = false;
};

}  // namespace bellpull::netdrv
