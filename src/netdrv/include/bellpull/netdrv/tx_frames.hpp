// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/engine/stream_result.hpp"
#include "bellpull/netdrv/coalescer.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/port.hpp"
#include "bellpull/netdrv/segmenter.hpp"
#include "bellpull/ring/spsc_ring.hpp"

namespace bellpull::netdrv {

/// The sending side of a port, whatever its style: frames to post, in a form that the reader
/// accepts, and how their sending ended. send() is for the thread that sends, settle() for the one
/// that hears of the ends.
///
/// A superframe that the reader does not accept is cut, a checksum that it does not complete is
/// completed; neighbours of a flow become a superframe if it accepts that and coalescing is wanted.
/// A superframe that the device refuses is cut and sent again, behind what was posted meanwhile,
/// and its kind is given up.
class TxFrames {
 public:
  /// At most `ring` frames of `link`, which outlives it, wait for sending. Throws std::bad_alloc.
  TxFrames(Link& link, unsigned ring, bool coalesce);
  TxFrames(const TxFrames&) = delete;
  TxFrames& operator=(const TxFrames&) = delete;
  /// Drops what waits.
  ~TxFrames();

  /// Frames that were taken and have not ended. Any thread.
  [[nodiscard]] unsigned in_flight() const noexcept {
    return posted() + static_cast<unsigned>(refused_.value() - resent_.value()) +
           held_.load(std::memory_order_relaxed);
  }

  /// Of these, posted. Any thread.
  [[nodiscard]] unsigned posted() const noexcept {
    return static_cast<unsigned>(posted_.value() - ended_.value());
  }

  /// Whether some are not posted, because there was no room or no buffer, or the device refused
  /// them: send() goes on with them. Any thread.
  [[nodiscard]] bool unfinished() const noexcept {
    return refused_.value() != resent_.value() || held_.load(std::memory_order_relaxed) != 0;
  }

  /// Whether the device may refuse one of those that are posted, which send() would then go on
  /// with: their ends must not wait for the next frame. The thread that sends.
  [[nodiscard]] bool may_return() const noexcept { return asked_.value() != answered_.value(); }

  /// Whether so many are waiting that a sender could starve.
  [[nodiscard]] bool getting_full() const noexcept { return posted() * 2 >= ring_; }

  /// Calls `post(span<const Request>)`, which cannot fail, with what is unfinished, then with as
  /// many of `packets` as there is room for, in batches; counts those that cannot be sent. Returns
  /// how many packets were taken: the first so many. Those that are left may have been merged, and
  /// are fewer then: as many as it did not take.
  template <class Post>
  unsigned send(std::span<Packet> packets, PortCounters& counters, Post&& post) noexcept {
    pool_.adopt();
    const std::size_t given = packets.size();
    std::span<Packet> rest = coalesce(packets, counters);
    for (;;) {
      const std::span<const engine::Request> batch = describe(rest, counters);
      if (batch.empty()) break;
      post(batch);
    }
    wait_behind_segments(rest);
    const std::size_t left = rest.size();
    if (left != 0 && rest.data() + left != packets.data() + given) {
      std::move_backward(rest.begin(), rest.end(), packets.end());
    }
    return static_cast<unsigned>(given - left);
  }

  /// Drops all of `packets`, because the port is in that state.
  static void refuse(std::span<Packet> packets, PortState state, PortCounters& counters) noexcept;

  /// Whatever is refused from now on is dropped. Any thread; a settle() that another thread is in
  /// may end first.
  void stop_resending() noexcept { closed_.store(true, std::memory_order_relaxed); }

  /// Whether that was said. Any thread.
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  /// Drops what is unfinished, for that reason, and whatever is refused from now on. The thread
  /// that sends.
  void close(DropReason reason, PortCounters& counters) noexcept;

  /// The end of a transfer: counts it and gives the packet back to its pool. True: it was refused,
  /// and send() goes on with it.
  bool settle(std::uint64_t token, const engine::StreamResult& result, PortCounters& counters,
              std::atomic<PortState>& state) noexcept;

 private:
  /// What becomes of a packet that is to be sent.
  enum class Form : std::uint8_t {
    as_it_is,  ///< sent
    cut,       ///< into segments, or into one whose checksum is completed
    dropped,   ///< and counted
  };

  [[nodiscard]] std::span<Packet> coalesce(std::span<Packet> packets,
                                           PortCounters& counters) noexcept;
  [[nodiscard]] std::span<const engine::Request> describe(std::span<Packet>& packets,
                                                          PortCounters& counters) noexcept;
  [[nodiscard]] Packet next(std::span<Packet>& packets, PortCounters& counters) noexcept;
  [[nodiscard]] Packet next_refused() noexcept;
  [[nodiscard]] Packet next_waiting() noexcept;
  void wait_behind_segments(std::span<Packet>& packets) noexcept;
  void count_held() noexcept;
  [[nodiscard]] Form form_of(Packet& packet, PortCounters& counters) const noexcept;
  [[nodiscard]] bool fits(const Packet& packet) const noexcept;
  void start_cutting(Packet packet, PortCounters& counters) noexcept;
  [[nodiscard]] bool resend(Packet& packet, int error, PortCounters& counters) noexcept;

  Link& link_;
  const unsigned ring_;
  const std::uint32_t mtu_;
  const std::uint32_t max_frame_;
  PacketPool pool_;  // of segments and merged frames; the thread's that sends
  Segmenter segmenter_;
  // Taken while a superframe before them is being cut: one that takes up many slots is one frame.
  std::vector<Packet> waiting_;
  std::size_t next_waiting_ = 0;
  std::atomic<unsigned> held_{0};  // in segmenter_ and waiting_; relaxed
  std::unique_ptr<Coalescer> coalescer_;
  OffloadSet accepted_;  // by the reader, when coalescer_ was made
  engine::Counter posted_;
  engine::Counter ended_;
  engine::Counter asked_;     // of those posted: which ask for an offload
  engine::Counter answered_;  // of those ended
  // Superframes that the device refused, on their way from the thread that settles.
  ring::SpscRing<PacketBuffer*> again_;
  engine::Counter refused_;          // put into it
  engine::Counter resent_;           // taken out of it
  std::atomic<bool> closed_{false};  // relaxed: what is refused after close() is dropped later
  std::array<engine::Segment, std::size_t{2} * kBurst> segments_;
  std::array<engine::Request, kBurst> requests_;
};

}  // namespace bellpull::netdrv
