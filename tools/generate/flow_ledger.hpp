// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/timed_frame.hpp"

namespace bellpull::tools::generate {

/// What arrived of one flow, or of all of them.
struct FlowCounts {
  std::uint64_t received = 0;    ///< frames, each number once
  std::uint64_t lost = 0;        ///< numbers below the highest one that never arrived
  std::uint64_t reordered = 0;   ///< of those received, behind one that was sent later
  std::uint64_t duplicated = 0;  ///< frames whose number had arrived, or is too old to tell
};

/// Judges frames as they arrive. Frames lost behind the last one that arrived leave no gap: who
/// wants to know of these has to know how many were sent. One thread.
class FlowLedger {
 public:
  /// Adds a frame that arrived at `now_ns` of the clock that its sender has. Allocates when it is
  /// the first of its flow.
  void add(std::span<const std::byte> frame, std::uint64_t now_ns);

  /// All flows together.
  [[nodiscard]] FlowCounts all() const noexcept;

  /// One flow; all 0 if nothing of it arrived.
  [[nodiscard]] FlowCounts flow(std::uint16_t number) const noexcept;

  /// The flows of which something arrived, in order.
  [[nodiscard]] std::vector<std::uint16_t> flows() const;

  /// Bytes of what was received.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  /// Frames that are ours, but not as they were sent. They are missing in their flow as well.
  [[nodiscard]] std::uint64_t corrupt() const noexcept { return corrupt_; }

  /// Frames of somebody else, or whose Ethernet addresses were changed.
  [[nodiscard]] std::uint64_t foreign() const noexcept { return foreign_; }

  /// From when they were to be sent to their arrival, of what was received.
  [[nodiscard]] const netdrv::LatencyHistogram& latency() const noexcept { return latency_; }

 private:
  // How far a frame may be behind and still be told from a duplicate.
  static constexpr std::uint64_t kWindow = 4096;
  static constexpr std::size_t kFlows = 65536;

  struct Flow {
    std::uint64_t next = 0;  // one above the highest number
    FlowCounts counts;       // but for what is lost
    std::array<std::uint64_t, kWindow / 64> seen{};
  };

  // Whether it has not been there.
  static bool note(Flow& flow, std::uint64_t sequence) noexcept;
  static FlowCounts counts_of(const Flow& flow) noexcept;

  std::vector<std::unique_ptr<Flow>> flows_{kFlows};
  netdrv::LatencyHistogram latency_;
  FlowCounts all_;
  std::uint64_t highest_ = 0;  // sum of all flows' `next`
  std::uint64_t bytes_ = 0;
  std::uint64_t corrupt_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace bellpull::tools::generate
