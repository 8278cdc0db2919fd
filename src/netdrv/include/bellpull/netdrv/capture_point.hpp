// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/drop_reason.hpp"
#include "bellpull/netdrv/packet.hpp"
#include "bellpull/ring/spsc_ring.hpp"

namespace bellpull::netdrv {

/// What happens to a frame that is captured; a bit each.
enum class CaptureEvent : std::uint8_t {
  received = 1,    ///< taken from the device; no application has seen it
  sent = 2,        ///< handed to the device, which may yet refuse it: then it is dropped as well
  rx_dropped = 4,  ///< ended between the device and its destination
  tx_dropped = 8,  ///< was handed to the port, and the device did not get it
};

/// A set of CaptureEvent, as bits.
using CaptureEvents = std::uint8_t;

/// All of them.
inline constexpr CaptureEvents kEveryCaptureEvent = 15;

/// The set of one event.
[[nodiscard]] constexpr CaptureEvents bit_of(CaptureEvent event) noexcept {
  return static_cast<CaptureEvents>(event);
}

/// A piece of the ring that records lie in, each in as many as it needs.
struct CaptureSlot {
  std::array<std::byte, 64> bytes;  ///< begins with a CaptureRecord where a record begins
};

/// What stands in front of the bytes of a captured frame, in the ring.
struct CaptureRecord {
  std::uint64_t time_ns = 0;                    ///< on the clock of the capture
  std::uint64_t missed = 0;                     ///< frames missed here since the record before
  std::uint32_t size = 0;                       ///< bytes of the frame
  std::uint32_t captured = 0;                   ///< of these, bytes that follow
  Offload offload;                              ///< of the frame
  CaptureEvent event = CaptureEvent::received;  ///< see CaptureEvent
  DropReason reason = DropReason::runt;         ///< of a dropped frame
};

/// How many slots a record of so many bytes takes.
[[nodiscard]] constexpr std::uint32_t slots_for(std::uint32_t captured) noexcept {
  constexpr std::uint32_t kSlot = sizeof(CaptureSlot);
  return (static_cast<std::uint32_t>(sizeof(CaptureRecord)) + captured + kSlot - 1) / kSlot;
}

/// Where the thread that counts the frames of a port leaves copies of them for a Capture. It never
/// waits: what the ring has no room for is missed, and counted. One thread records, one takes.
class CapturePoint {
 public:
  /// The ring that records are taken from.
  using Ring = ring::SpscRing<CaptureSlot>;

  /// What a point is made with.
  struct Parts {
    std::uint32_t slots = 0;   ///< of the ring; a power of two
    std::uint32_t snap = 0;    ///< most bytes that are copied of a frame
    CaptureEvents events = 0;  ///< what is recorded
    Clock clock;               ///< of the records; called on the recording thread
    engine::Notify bell;       ///< rung there for a taker that armed the ring; must not block
  };

  /// Throws std::bad_alloc.
  explicit CapturePoint(const Parts& parts);
  CapturePoint(const CapturePoint&) = delete;
  CapturePoint& operator=(const CapturePoint&) = delete;

  /// Copies the frame into the ring, or counts it as missed. `reason` is of a dropped one. The
  /// thread of the counters that the point belongs to; never blocks.
  void record(const Packet& packet, CaptureEvent event,
              DropReason reason = DropReason::runt) noexcept;

  /// Frames there was no room for. Any thread.
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_.value(); }

  /// For whoever takes the records.
  [[nodiscard]] Ring& ring() noexcept { return ring_; }

 private:
  const Parts parts_;
  Ring ring_;
  engine::Counter missed_;
  std::uint64_t told_ = 0;  // of these, in records
};

/// The points of a port: one for each thread that counts its frames.
struct CapturePoints {
  CapturePoint* owner = nullptr;   ///< for Port::counters(); null: nothing is captured
  CapturePoint* engine = nullptr;  ///< for Port::engine_counters(); null: nothing is captured
};

}  // namespace bellpull::netdrv
