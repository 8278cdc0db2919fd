// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/capture_point.hpp"
#include "bellpull/netdrv/drop_reason.hpp"
#include "bellpull/netdrv/packet.hpp"

namespace bellpull::netdrv {

/// What a port counts, per queue, in frames and in bytes from the Ethernet header on. Written by
/// one thread, read by any.
///
/// Every received frame has one disposition: once the Nic is drained,
/// rx_packets = rx_dropped + rx_consumed + what was handed to ports for sending,
/// and what was handed to a port + tx_cut = its tx_packets + its tx_dropped + its tx_coalesced.
struct PortCounters {
  engine::Counter rx_packets;   ///< frames taken from the device, dropped ones included
  engine::Counter rx_bytes;     ///< of these
  engine::Counter rx_errors;    ///< reads the device refused; no frame came of them
  engine::Counter rx_consumed;  ///< frames that had reached their destination
  DropCounters rx_dropped;      ///< frames that ended between the device and their destination
  engine::Counter tx_packets;   ///< frames the device took
  engine::Counter tx_bytes;     ///< of these
  DropCounters tx_dropped;      ///< frames handed to the port that the device did not get
  engine::Counter
      rx_segments;  ///< wire frames that superframes of rx_packets hold beyond the first
  engine::Counter tx_segments;         ///< the same of tx_packets
  engine::Counter tx_coalesced;        ///< frames that were merged into one before them
  engine::Counter tx_cut;              ///< frames beyond the first that superframes were cut into
  engine::Counter tx_offload_refused;  ///< frames that the device refused and that were sent again,
                                       ///< cut or completed

  /// Counts a frame taken from the device. Writer thread, as all of these.
  void receive(const Packet& packet) noexcept {
    rx_packets.add(1);
    rx_bytes.add(packet.size());
    if (capture != nullptr) [[unlikely]]
      capture->record(packet, CaptureEvent::received);
  }

  /// Counts a received frame that ends here.
  void drop_received(const Packet& packet, DropReason reason) noexcept {
    rx_dropped.add(reason);
    if (capture != nullptr) [[unlikely]]
      capture->record(packet, CaptureEvent::rx_dropped, reason);
  }

  /// Shows a frame that the device is about to be handed; counted when it has taken it.
  void show_sent(const Packet& packet) const noexcept {
    if (capture != nullptr) [[unlikely]]
      capture->record(packet, CaptureEvent::sent);
  }

  /// Counts a frame handed to the port that the device does not get.
  void drop_unsent(const Packet& packet, DropReason reason) noexcept {
    tx_dropped.add(reason);
    if (capture != nullptr) [[unlikely]]
      capture->record(packet, CaptureEvent::tx_dropped, reason);
  }

  /// Gets copies of these frames, on the writer thread; null: nobody wants them.
  CapturePoint* capture = nullptr;
};

/// Whether a port has its interface.
enum class PortState : std::uint8_t {
  running,  ///< yes
  gone,     ///< the interface was deleted or taken away; nothing moves any more
  stopped,  ///< stop() was called
};

/// Most frames that a port hands over or takes in one call.
inline constexpr unsigned kBurst = 64;

/// Whom received frames are handed to: what the kernel calls the stack.
class Receiver {
 public:
  virtual ~Receiver() = default;

  /// Takes a burst of at most kBurst frames, oldest first; packets that are left in `burst` are
  /// dropped. Called from inside of Port::poll(), or, where frames are pushed, on the thread that
  /// runs the engine; must not block.
  virtual void receive(std::span<Packet> burst) noexcept = 0;
};

/// What a poll() did.
struct Polled {
  unsigned work = 0;  ///< budget used: transfers that ended, faulty ones included
  bool more = false;  ///< it stopped for the byte budget
};

/// Where frames come from and go to: the seam that the Nic and the applications see. One queue
/// pair. Owner thread calls everything but name() and the counters; nothing blocks but stop_rx()
/// and stop_tx(). Calls are per burst.
///
/// A port is made with a bell and a Receiver. How it learns that frames have arrived and been sent
/// is its completion style (style.hpp) and nobody else's affair, with one exception: a port that
/// pushes straight from an autonomous engine calls the Receiver on the engine's thread, which is
/// then the owner of all ports between which the Receiver moves frames.
class Port {
 public:
  virtual ~Port() = default;

  /// What it is called in statistics. Any thread.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// The calling thread is the owner from now on; the former one is done with the port.
  virtual void own() noexcept {}

  /// Lets receiving begin; until then no frame is handed over and no bell rings. Once.
  virtual void start() noexcept = 0;

  /// Whether received frames wait for poll(); otherwise the thread that runs the engine hands them
  /// over, and it is not the owner's. Constant for its life.
  [[nodiscard]] virtual bool polled() const noexcept { return true; }

  /// Hands received frames to the Receiver: uses at most `budget`, stops after `byte_budget` bytes,
  /// and posts as many buffers as it emptied. A port that pushes straight has nothing to poll for.
  virtual Polled poll(unsigned budget, std::uint32_t byte_budget) noexcept = 0;

  /// Takes frames for sending, in order, and returns how many it took, merged with others or
  /// dropped by name: the first so many. The rest (the transmit ring is full) stay with the caller,
  /// at the end of `packets`. One that comes alone may have been written when it returns, ends of
  /// sending reclaimed and the bell rung; more are written when the engine runs.
  virtual unsigned tx(std::span<Packet> packets) noexcept = 0;

  /// Returns the buffers of sent frames to their pool; unbounded by any budget. Returns how many.
  virtual unsigned reclaim() noexcept = 0;

  /// Whether nothing more is received because the pool had no buffers, until reclaim() finds some.
  /// Nothing rings then: ask again.
  [[nodiscard]] virtual bool starved() const noexcept { return false; }

  /// Frames taken by tx() and not back.
  [[nodiscard]] virtual unsigned tx_in_flight() const noexcept = 0;

  /// Unmasks: the next received frame rings the bell the port was made with. Answers work_pending
  /// when there may be one already. Also asks to hear of sent frames when the transmit ring is
  /// getting full.
  [[nodiscard]] virtual engine::Armed arm() noexcept = 0;

  /// Masks: no bell, although one may be under way.
  virtual void disarm() noexcept = 0;

  /// Whether it has its interface.
  [[nodiscard]] virtual PortState state() const noexcept = 0;

  /// Stops receiving; frames that were received already can still be had by poll().
  virtual void stop_rx() noexcept = 0;

  /// Stops sending; frames that are not sent yet are dropped as `shutdown`. Blocks until no buffer
  /// is in use.
  virtual void stop_tx() noexcept = 0;

  /// Counters of the owner thread, which may add drops of its own.
  [[nodiscard]] virtual PortCounters& counters() noexcept = 0;

  /// What the thread that runs the engine counts besides, where that is another one; null:
  /// nothing.
  [[nodiscard]] virtual PortCounters* engine_counters() noexcept { return nullptr; }

  /// Times its bell was rung. Any thread.
  [[nodiscard]] virtual std::uint64_t notifies() const noexcept = 0;

  /// Calls across the border between the driver and the engine, either way, bells included. Any
  /// thread.
  [[nodiscard]] virtual std::uint64_t border_calls() const noexcept = 0;

  /// System calls that moved its frames. Any thread.
  [[nodiscard]] virtual std::uint64_t system_calls() const noexcept = 0;
};

}  // namespace bellpull::netdrv
