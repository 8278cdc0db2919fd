// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bellpull/netdrv/capture.hpp"
#include "bellpull/netdrv/fault_link.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "bellpull/netdrv/sim_nic.hpp"
#include "choice.hpp"
#include "cpu_time.hpp"

namespace bellpull::tools {

/// How results are written.
enum class Format : std::uint8_t {
  table,       ///< for people
  json,        ///< one object on one line
  prometheus,  ///< text exposition format 0.0.4
};

/// The words of Format, in its order; a prefix of them is what a command has.
inline constexpr std::array kStatisticsFormats = {Word{"table"}, Word{"json"}, Word{"prometheus"}};

/// The format that was typed, out of those the command has. Throws UsageError.
[[nodiscard]] Format parse_format(std::string_view typed, std::span<const Word> words);

/// The version of the program, as "0.1.0".
[[nodiscard]] std::string version();

/// How the program runs, in the words of the command line; as it does at that moment.
struct Settings {
  std::string app;         ///< --app
  std::string mode;        ///< --mode
  std::string style;       ///< --style
  std::string io;          ///< --io
  std::string engine;      ///< --engine
  unsigned budget = 0;     ///< --budget
  std::string privileges;  ///< --privileges
  std::string seccomp;     ///< --seccomp
};

/// What was made to go wrong with the frames of a port.
struct PortFaults {
  netdrv::FrameFaultCounts rx;  ///< received ones
  netdrv::FrameFaultCounts tx;  ///< sent ones
};

/// What became of a TAP's interface in the course of a run.
struct TapFate {
  std::uint64_t lost = 0;      ///< times it was deleted
  std::uint64_t regained = 0;  ///< times it was taken up again
  /// Frames that the kernel dropped because nobody read them in time: its tx_dropped of the present
  /// interface. None: it cannot be seen from the port's network namespace.
  std::optional<std::uint64_t> host_rx_overflow;
};

/// What there is to say of a port besides the Nic's counters.
struct PortEnd {
  std::string netns;                                    ///< its network namespace; empty: our own
  std::optional<netdrv::SimCounters> sim;               ///< of a simulated NIC
  std::optional<TapFate> tap = {};                      ///< of a TAP
  std::optional<netdrv::CaptureCounters> capture = {};  ///< if it was captured
  std::optional<PortFaults> faults = {};                ///< of a port that has planned ones
};

/// All that a run has to report, at one moment.
struct Snapshot {
  netdrv::NicStats nic;                                             ///< counters of the NIC
  std::vector<PortEnd> ends;                                        ///< of its ports
  Settings settings;                                                ///< see Settings
  std::vector<std::pair<std::string, std::uint64_t>> app_counters;  ///< the application's own
  double seconds = 0;                                               ///< since the ready line
  CpuTime cpu;                                                      ///< of all threads, since then
  CpuTime loop_cpu;                                                 ///< of the loop's thread
  std::optional<std::uint64_t> capture_bytes;                       ///< of --capture's file, if any
};

/// A counter of a queue: how it is called, what it says, where it is.
struct QueueField {
  std::string_view name;                     ///< in JSON, and with prefix and unit elsewhere
  std::string_view help;                     ///< what it counts
  std::uint64_t netdrv::QueueStats::*value;  ///< where it is
  bool counts = true;                        ///< false: it is no running total
};

/// The counters of a queue but for the drops, in the order in which they are shown.
[[nodiscard]] std::span<const QueueField> queue_fields() noexcept;

/// A counter of a simulated NIC: how it is called, what it says, where it is.
struct SimField {
  std::string_view name;                      ///< in JSON, and with prefix and unit elsewhere
  std::string_view help;                      ///< what it counts
  std::uint64_t netdrv::SimCounters::*value;  ///< where it is
  bool counts = true;                         ///< false: it is no running total
};

/// The counters of a simulated NIC, in the order in which they are shown.
[[nodiscard]] std::span<const SimField> sim_fields() noexcept;

/// The planned faults that came to pass, by kind, and what else was counted of them, where it is
/// not 0; in the order in which they are shown.
[[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> faults_in(
    const netdrv::FrameFaultCounts& counts);

/// A counter of a port's capture: how it is called, what it says, where it is.
struct CaptureField {
  std::string_view name;                          ///< in JSON, and with prefix and unit elsewhere
  std::string_view help;                          ///< what it counts
  std::uint64_t netdrv::CaptureCounters::*value;  ///< where it is
};

/// The counters of a port's capture, in the order in which they are shown.
[[nodiscard]] std::span<const CaptureField> capture_fields() noexcept;

/// The most work that a round in that bucket of QueueStats::work_histogram has done.
[[nodiscard]] std::uint64_t most_work_in(std::size_t bucket) noexcept;

/// What a port is called among others: its name, and its network namespace where it has one.
[[nodiscard]] std::string label_of(std::string_view name, std::string_view netns);

/// A word for the state.
[[nodiscard]] std::string_view name_of(netdrv::PortState state) noexcept;

/// The statistics for people: a line per port, offloads in use, the drops, the latency if it was
/// measured, what simulated NICs counted, what was captured, and what a frame cost.
[[nodiscard]] std::string to_table(const Snapshot& snapshot);

/// The statistics as one JSON object. Of the drop reasons those that occurred are there, and
/// the latency where there is any.
[[nodiscard]] std::string to_json(const Snapshot& snapshot);

/// The statistics in the Prometheus text exposition format. Of the drop reasons those that occurred
/// are there, and the latency of queues that measure it.
[[nodiscard]] std::string to_prometheus(const Snapshot& snapshot);

/// The statistics in that format, ending in a newline.
[[nodiscard]] std::string render(const Snapshot& snapshot, Format format);

}  // namespace bellpull::tools
