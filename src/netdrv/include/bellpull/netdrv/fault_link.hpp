// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/clock.hpp"
#include "bellpull/netdrv/frame_fault.hpp"
#include "bellpull/netdrv/link.hpp"

namespace bellpull::netdrv {

/// What befell the frames of one direction, in frames, copied. With R for what a port received and
/// counted as rx_packets, and S for tx_packets, once it is drained:
/// R = frames - drop - errno + duplicate - lost, and what the device took = S - drop + duplicate;
/// errno counts transient values, which cost no frame, in `again` instead. Nothing is counted where
/// the plan has no rule for the direction.
struct FrameFaultCounts {
  std::uint64_t frames = 0;                              ///< that came from the device, or the port
  std::array<std::uint64_t, kFrameFaultKinds> faults{};  ///< that came to pass, by FrameFaultKind
  std::uint64_t again = 0;    ///< calls that failed with a transient errno value, and were repeated
  std::uint64_t crowded = 0;  ///< faults that did not, for want of a buffer to hold the frame in
  std::uint64_t lost = 0;     ///< received frames that were held back when the port was stopped

  /// How many of a kind came to pass.
  [[nodiscard]] std::uint64_t of(FrameFaultKind kind) const noexcept {
    return faults[static_cast<std::size_t>(kind)];
  }
};

/// The same, while it is counted: by the thread that runs the engine. Any thread reads it.
struct FrameFaultCounters {
  engine::Counter frames;                                ///< see FrameFaultCounts
  std::array<engine::Counter, kFrameFaultKinds> faults;  ///< see FrameFaultCounts
  engine::Counter again;                                 ///< see FrameFaultCounts
  engine::Counter crowded;                               ///< see FrameFaultCounts
  engine::Counter lost;                                  ///< see FrameFaultCounts

  /// Counts one of a kind.
  void add(FrameFaultKind kind) noexcept { faults[static_cast<std::size_t>(kind)].add(1); }

  /// A copy. Any thread.
  [[nodiscard]] FrameFaultCounts counts() const noexcept;
};

/// Another link on which frames go wrong as planned: between the port and whatever moves the bytes,
/// which knows nothing of it. All that is allocated is allocated when a back-end is made.
///
/// A frame that is held back keeps its own buffer of the port's ring. One that waits for others to
/// overtake it does so for at most 10 ms, and the last buffer of a ring is never held back.
class FaultLink final : public Link {
 public:
  /// `inner` and the clock's context outlive it. The clock is that of delays; without now(): the
  /// monotonic one. Throws std::invalid_argument for a rule out of range.
  FaultLink(Link& inner, FrameFaultPlan plan, const Clock& clock = {});

  // The contract of these is link.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return inner_.name(); }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return inner_.mtu(); }
  [[nodiscard]] OffloadSet rx_offloads() const noexcept override { return inner_.rx_offloads(); }
  [[nodiscard]] OffloadSet tx_offloads() const noexcept override { return inner_.tx_offloads(); }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override;
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override;
  [[nodiscard]] std::uint64_t system_calls() const noexcept override {
    return inner_.system_calls();
  }

  /// What befell received frames. Any thread.
  [[nodiscard]] FrameFaultCounts rx() const noexcept { return rx_.counts(); }
  /// What befell frames to be sent. Any thread.
  [[nodiscard]] FrameFaultCounts tx() const noexcept { return tx_.counts(); }

 private:
  Link& inner_;
  const FrameFaultPlan plan_;
  const Clock clock_;
  FrameFaultCounters rx_;
  FrameFaultCounters tx_;
};

}  // namespace bellpull::netdrv
