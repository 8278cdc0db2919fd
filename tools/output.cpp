// SPDX-License-Identifier: BSD-2-Clause
#include "output.hpp"

#include <fmt/format.h>

#include <array>

#include "bellpull/ring/version.hpp"

namespace bellpull::tools {

namespace {

using netdrv::QueueStats;

// The first seven are what DESIGN promises to every reader of the JSON; all are there in both
// machine formats.
constexpr std::array kQueueFields = {
    QueueField{"rx_packets", "Frames received, dropped ones included", &QueueStats::rx_packets},
    QueueField{"rx_bytes", "Bytes received, from the Ethernet header on", &QueueStats::rx_bytes},
    QueueField{"tx_packets", "Frames the device took", &QueueStats::tx_packets},
    QueueField{"tx_bytes", "Bytes the device took, from the Ethernet header on",
               &QueueStats::tx_bytes},
    QueueField{"polls", "Rounds of the NAPI instance", &QueueStats::polls},
    QueueField{"notifies", "Times the bell was rung", &QueueStats::notifies},
    QueueField{"mode_switches", "Changes between interrupt and polled mode",
               &QueueStats::mode_switches},
    QueueField{"syscalls", "System calls that moved frames", &QueueStats::syscalls},
    QueueField{"rx_errors", "Reads that the device refused", &QueueStats::rx_errors},
    QueueField{"rx_consumed", "Frames that had reached their destination",
               &QueueStats::rx_consumed},
    QueueField{"work", "Budget used in all rounds, in frames", &QueueStats::work},
    QueueField{"largest_work", "Most budget used in one round, in frames",
               &QueueStats::largest_work, false},
    QueueField{"scheduled", "Times the NAPI instance was scheduled", &QueueStats::scheduled},
    QueueField{"missed", "Events that came while the NAPI instance was owned", &QueueStats::missed},
    QueueField{"masked_ns", "Nanoseconds from schedule to completion", &QueueStats::masked_ns},
};

}  // namespace

Format parse_format(std::string_view typed, std::span<const Word> words) {
  return static_cast<Format>(choose("--format", typed, words));
}

std::string version() {
  return fmt::format("{}.{}.{}", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
                     BELLPULL_VERSION_PATCH);
}

std::span<const QueueField> queue_fields() noexcept {
  return kQueueFields;
}

std::string_view name_of(netdrv::PortState state) noexcept {
  switch (state) {
    case netdrv::PortState::running:
      return "running";
    case netdrv::PortState::gone:
      return "gone";
    case netdrv::PortState::stopped:
      return "stopped";
  }
  return "unknown";
}

std::string render(const Snapshot& snapshot, Format format) {
  switch (format) {
    case Format::json:
      return to_json(snapshot);
    case Format::prometheus:
      return to_prometheus(snapshot);
    case Format::table:
      break;
  }
  return to_table(snapshot);
}

}  // namespace bellpull::tools
