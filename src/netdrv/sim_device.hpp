// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/netdrv/sim_nic.hpp"
#include "bellpull/netdrv/tap_device.hpp"
#include "bellpull/ring/cacheline.hpp"
#include "sim_arrivals.hpp"

namespace bellpull::netdrv {

/// Segments that a buffer of a simulated NIC may have, and bytes.
inline constexpr unsigned kSimSegments = 16;
inline constexpr std::uint32_t kSimMaxLength = 1U << 20;

/// Room for a frame and its header, where it has to be in one piece.
using SimScratch = std::array<std::byte, kVnetHeader + kMaxTimedFrame>;

/// What outlives the back-ends of a simulated NIC: another one carries on where the last one ended.
struct SimNic::Device {
  explicit Device(const SimOptions& wanted)
      : options(wanted), arrivals(options), writer(options.ends), last_sent(65536) {}

  struct alignas(ring::kCacheLine) Receive {
    engine::Counter scheduled;
    engine::Counter delivered;
    engine::Counter missed_no_buffer;
    engine::Counter missed_generator;
    engine::Counter largest_lateness_ns;
  } rx;  // written by the thread that receives

  struct alignas(ring::kCacheLine) Transmit {
    engine::Counter sent;
    engine::Counter corrupt;
    engine::Counter foreign;
    engine::Counter reordered;
    engine::Counter duplicated;
  } tx;  // written by the thread that transmits
  const SimOptions options;
  SimArrivals arrivals;
  const TimedFrameWriter writer;
  std::atomic<bool> has_receive{false};
  std::atomic<bool> has_transmit{false};
  std::vector<std::uint64_t> last_sent;  // of each flow: the highest sequence plus 1, or 0; its too
};

}  // namespace bellpull::netdrv
