// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/netdrv/drop_reason.hpp"
#include "bellpull/netdrv/latency_histogram.hpp"
#include "bellpull/netdrv/napi.hpp"
#include "bellpull/netdrv/offload_set.hpp"
#include "bellpull/netdrv/port.hpp"

namespace bellpull::netdrv {

/// Counters of one queue, copied.
struct QueueStats {
  std::uint64_t rx_packets = 0;                          ///< see PortCounters
  std::uint64_t rx_bytes = 0;                            ///< see PortCounters
  std::uint64_t rx_errors = 0;                           ///< see PortCounters
  std::uint64_t rx_consumed = 0;                         ///< see PortCounters
  std::array<std::uint64_t, kDropReasons> rx_dropped{};  ///< by DropReason
  std::uint64_t tx_packets = 0;                          ///< see PortCounters
  std::uint64_t tx_bytes = 0;                            ///< see PortCounters
  std::uint64_t rx_segments = 0;                         ///< see PortCounters
  std::uint64_t tx_segments = 0;                         ///< see PortCounters
  std::uint64_t tx_coalesced = 0;                        ///< see PortCounters
  std::uint64_t tx_cut = 0;                              ///< see PortCounters
  std::uint64_t tx_offload_refused = 0;                  ///< see PortCounters
  std::array<std::uint64_t, kDropReasons> tx_dropped{};  ///< by DropReason
  std::uint64_t polls = 0;                               ///< rounds of its NAPI instance
  std::uint64_t work = 0;                                ///< budget used in them, in frames
  std::uint64_t largest_work = 0;                        ///< most used in one round
  std::array<std::uint64_t, NapiCounters::kWorkBuckets> work_histogram{};  ///< see NapiCounters
  std::uint64_t largest_burst = 0;  ///< most frames that the application was given in one call
  std::uint64_t scheduled = 0;      ///< successful schedules
  std::uint64_t missed = 0;         ///< events while it was owned
  std::uint64_t completions = 0;    ///< see NapiCounters
  std::uint64_t repolls = 0;        ///< see NapiCounters
  std::uint64_t deferred = 0;       ///< see NapiCounters
  std::uint64_t timer_fires = 0;    ///< see NapiCounters
  std::uint64_t busy_polls = 0;     ///< see NapiCounters
  std::uint64_t suspends = 0;       ///< see NapiCounters
  std::uint64_t masked_ns = 0;      ///< time from schedule to completion
  std::uint64_t notifies = 0;       ///< times its bell was rung
  std::uint64_t border_calls = 0;   ///< between driver and engine, either way
  std::uint64_t mode_switches = 0;  ///< between listening and polling, of the whole Nic
  std::uint64_t syscalls = 0;       ///< calls that moved its frames
  /// From the time that a frame carries to its hand-over; none: not measured.
  std::optional<LatencyHistogram> latency;
};

/// Counters of one port, copied.
struct PortStats {
  std::string name;                      ///< Port::name()
  PortState state = PortState::running;  ///< Port::state()
  std::vector<QueueStats> queues;        ///< one for now
  OffloadSet rx_offloads{};              ///< Link::rx_offloads()
  OffloadSet tx_offloads{};              ///< Link::accepted()
};

/// Counters of a Nic, copied.
struct NicStats {
  std::vector<PortStats> ports;    ///< in the order of add_port()
  std::uint64_t waits = 0;         ///< times it asked the kernel to let it sleep
  std::uint64_t wakeups = 0;       ///< of these, ended by an event of a port
  std::uint64_t looks = 0;         ///< times it asked for events without sleeping
  std::uint64_t squeezes = 0;      ///< rounds that ended for their budget or time (time_squeeze)
  std::uint64_t pool_buffers = 0;  ///< packets there can be, of ports over links
  std::uint64_t pool_outstanding = 0;  ///< of these, in use: when all is stopped, lost
  engine::EngineStats engine;          ///< of the engine
};

}  // namespace bellpull::netdrv
