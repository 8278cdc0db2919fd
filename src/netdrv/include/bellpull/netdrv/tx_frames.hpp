// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv {

/// The sending side of a port, whatever its style: frames to post, and how their sending ended.
/// describe() is for the thread that sends, settle() for the one that hears of the ends.
class TxFrames {
 public:
  /// At most `ring` frames wait for sending, none longer than `mtu` allows.
  TxFrames(unsigned ring, std::uint32_t mtu) noexcept;

  /// Frames that were posted and have not ended. Any thread.
  [[nodiscard]] unsigned in_flight() const noexcept {
    return static_cast<unsigned>(posted_.value() - ended_.value());
  }

  /// Whether so many are waiting that a sender could starve.
  [[nodiscard]] bool getting_full() const noexcept { return in_flight() * 2 >= ring_; }

  /// Calls `post(span<const Request>)`, which cannot fail, with as many of `packets` as there is
  /// room for, in batches; counts those that cannot be sent. Returns how many packets were taken:
  /// the first so many.
  template <class Post>
  unsigned send(std::span<Packet> packets, PortCounters& counters, Post&& post) noexcept {
    std::size_t taken = 0;
    while (taken < packets.size()) {
      std::span<Packet> rest = packets.subspan(taken);
      const std::span<const engine::Request> batch = describe(rest, counters);
      taken = packets.size() - rest.size();
      if (batch.empty() && in_flight() == ring_) break;
      if (!batch.empty()) post(batch);
    }
    return static_cast<unsigned>(taken);
  }

  /// Drops all of `packets`, because the port is in that state.
  static void refuse(std::span<Packet> packets, PortState state, PortCounters& counters) noexcept;

  /// The end of a transfer: counts it and gives the packet back to its pool.
  void settle(std::uint64_t token, const engine::StreamResult& result, PortCounters& counters,
              std::atomic<PortState>& state) noexcept;

 private:
  [[nodiscard]] std::span<const engine::Request> describe(std::span<Packet>& packets,
                                                          PortCounters& counters) noexcept;
  [[nodiscard]] bool sendable(const Packet& packet, PortCounters& counters) const noexcept;

  const unsigned ring_;
  const std::uint32_t max_frame_;
  engine::Counter posted_;
  engine::Counter ended_;
  std::array<engine::Segment, std::size_t{2} * kBurst> segments_;
  std::array<engine::Request, kBurst> requests_;
};

}  // namespace bellpull::netdrv
