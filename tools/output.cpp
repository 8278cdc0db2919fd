// SPDX-License-Identifier: BSD-2-Clause
#include "output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bellpull/ring/version.hpp"

namespace bellpull::tools {

namespace {

using netdrv::CaptureCounters;
using netdrv::QueueStats;
using netdrv::SimCounters;

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
    QueueField{"rx_segments", "Wire frames in received superframes beyond the first of each",
               &QueueStats::rx_segments},
    QueueField{"tx_segments", "Wire frames in sent superframes beyond the first of each",
               &QueueStats::tx_segments},
    QueueField{"tx_coalesced", "Frames merged into one before them", &QueueStats::tx_coalesced},
    QueueField{"tx_cut", "Frames beyond the first that superframes were cut into",
               &QueueStats::tx_cut},
    QueueField{"tx_offload_refused", "Frames that the device refused for their offload, sent again",
               &QueueStats::tx_offload_refused},
    QueueField{"work", "Budget used in all rounds, in frames", &QueueStats::work},
    QueueField{"largest_work", "Most budget used in one round, in frames",
               &QueueStats::largest_work, false},
    QueueField{"scheduled", "Times the NAPI instance was scheduled", &QueueStats::scheduled},
    QueueField{"missed", "Events that came while the NAPI instance was owned", &QueueStats::missed},
    QueueField{"completions", "Polls that wanted to let go of the NAPI instance",
               &QueueStats::completions},
    QueueField{"repolls", "Completions refused because of a missed event", &QueueStats::repolls},
    QueueField{"deferred", "Completions that left the bell masked", &QueueStats::deferred},
    QueueField{"timer_fires", "Times the timer of a deferral scheduled the NAPI instance",
               &QueueStats::timer_fires},
    QueueField{"busy_polls", "Polls by the caller of the loop", &QueueStats::busy_polls},
    QueueField{"suspends", "Times listening was put off while the caller worked",
               &QueueStats::suspends},
    QueueField{"border_calls", "Calls between driver and engine, either way",
               &QueueStats::border_calls},
    QueueField{"largest_burst", "Most frames that the application was given in one call",
               &QueueStats::largest_burst, false},
    QueueField{"masked_ns", "Nanoseconds from schedule to completion", &QueueStats::masked_ns},
};

constexpr std::array kSimFields = {
    SimField{"scheduled", "Simulated arrivals", &SimCounters::scheduled},
    SimField{"delivered", "Simulated arrivals put in a buffer", &SimCounters::delivered},
    SimField{"missed_no_buffer", "Simulated arrivals dropped for want of a buffer",
             &SimCounters::missed_no_buffer},
    SimField{"missed_generator",
             "Simulated arrivals dropped because the simulated device itself was late",
             &SimCounters::missed_generator},
    SimField{"largest_lateness_ns",
             "Most nanoseconds that the simulated device noticed an arrival late",
             &SimCounters::largest_lateness_ns, false},
    SimField{"sent", "Frames that the simulated device took", &SimCounters::sent},
    SimField{"corrupt", "Of the frames taken, those that were changed", &SimCounters::corrupt},
    SimField{"foreign", "Of the frames taken, those that no simulated device made",
             &SimCounters::foreign},
    SimField{"reordered", "Of the frames taken, those behind a later one of their flow",
             &SimCounters::reordered},
    SimField{"duplicated", "Of the frames taken, those equal to the one before",
             &SimCounters::duplicated},
};

constexpr std::array kCaptureFields = {
    CaptureField{"captured", "Frames in the file of the capture", &CaptureCounters::captured},
    CaptureField{"missed", "Frames that the capture had no room for, or could not write",
                 &CaptureCounters::missed},
    CaptureField{"filtered", "Frames that the filter of the capture left out",
                 &CaptureCounters::filtered},
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

std::span<const SimField> sim_fields() noexcept {
  return kSimFields;
}

std::vector<std::pair<std::string_view, std::uint64_t>> faults_in(
    const netdrv::FrameFaultCounts& counts) {
  std::vector<std::pair<std::string_view, std::uint64_t>> found;
  for (std::size_t i = 0; i < counts.faults.size(); ++i) {
    found.emplace_back(netdrv::name_of(static_cast<netdrv::FrameFaultKind>(i)), counts.faults[i]);
  }
  found.emplace_back("again", counts.again);
  found.emplace_back("crowded", counts.crowded);
  found.emplace_back("lost", counts.lost);
  std::erase_if(found, [](const auto& entry) { return entry.second == 0; });
  return found;
}

std::span<const CaptureField> capture_fields() noexcept {
  return kCaptureFields;
}

std::uint64_t most_work_in(std::size_t bucket) noexcept {
  return std::min<std::uint64_t>((std::uint64_t{1} << bucket) - 1, netdrv::kMaxBudget);
}

std::string label_of(std::string_view name, std::string_view netns) {
  return netns.empty() ? std::string(name) : fmt::format("{}@{}", name, netns);
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
