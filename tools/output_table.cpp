// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <array>
#include <numeric>
#include <utility>

#include "columns.hpp"
#include "output.hpp"

namespace bellpull::tools {

namespace {

using Drops = std::array<std::uint64_t, netdrv::kDropReasons>;

std::uint64_t total(const Drops& drops) {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

std::string port_name(const Snapshot& snapshot, std::size_t port) {
  return label_of(snapshot.nic.ports[port].name, snapshot.ends[port].netns);
}

std::string port_lines(const Snapshot& snapshot) {
  std::vector<Row> rows = {{"port", "state", "rx frames", "rx bytes", "rx dropped", "tx frames",
                            "tx bytes", "tx dropped", "polls", "bells", "syscalls"}};
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    const netdrv::PortStats& port = snapshot.nic.ports[i];
    for (const netdrv::QueueStats& q : port.queues) {
      Row row = {port_name(snapshot, i), std::string(name_of(port.state))};
      for (const std::uint64_t value :
           {q.rx_packets, q.rx_bytes, total(q.rx_dropped), q.tx_packets, q.tx_bytes,
            total(q.tx_dropped), q.polls, q.notifies, q.syscalls}) {
        row.push_back(std::to_string(value));
      }
      rows.push_back(std::move(row));
    }
  }
  return in_columns(rows, 2);
}

std::string drop_line(std::string_view port, std::string_view direction, const Drops& drops) {
  if (total(drops) == 0) return {};
  std::string line = fmt::format("{} {} dropped:", port, direction);
  const char* before = " ";
  for (std::size_t i = 0; i < drops.size(); ++i) {
    if (drops[i] == 0) continue;
    line += before;
    line += fmt::format("{} {}", netdrv::name_of(static_cast<netdrv::DropReason>(i)), drops[i]);
    before = ", ";
  }
  return line + '\n';
}

std::string drop_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    for (const netdrv::QueueStats& queue : snapshot.nic.ports[i].queues) {
      text += drop_line(port_name(snapshot, i), "rx", queue.rx_dropped);
      text += drop_line(port_name(snapshot, i), "tx", queue.tx_dropped);
    }
  }
  return text;
}

std::string list_of(netdrv::OffloadSet offloads) {
  if (offloads.empty()) return "none";
  std::string names;
  for (const netdrv::OffloadFeature feature : netdrv::kOffloadFeatures) {
    if (!offloads.has(feature)) continue;
    if (!names.empty()) names += ' ';
    names += name_of(feature);
  }
  return names;
}

std::string offload_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    const netdrv::PortStats& port = snapshot.nic.ports[i];
    if (port.rx_offloads.empty() && port.tx_offloads.empty()) continue;
    text += fmt::format("{} offloads: rx {}, tx {}\n", port_name(snapshot, i),
                        list_of(port.rx_offloads), list_of(port.tx_offloads));
  }
  return text;
}

std::string latency_line(std::string_view port, const netdrv::LatencySummary& latency) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return fmt::format(
      "{} latency: p50 {:.3f} us, p99 {:.3f} us, p99.9 {:.3f} us, max {:.3f} us, of {} frames\n",
      port, us(latency.p50), us(latency.p99), us(latency.p999), us(latency.max), latency.count);
}

std::string latency_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    for (const netdrv::QueueStats& queue : snapshot.nic.ports[i].queues) {
      if (!queue.latency || queue.latency->count() == 0) continue;
      text += latency_line(port_name(snapshot, i), queue.latency->summary());
    }
  }
  return text;
}

// Nothing, of an interface that nothing befell.
std::string tap_line(std::string_view port, const TapFate& fate) {
  std::string text;
  if (fate.lost != 0) {
    text += fmt::format("{} interface: lost {} times, taken up again {} times\n", port, fate.lost,
                        fate.regained);
  }
  if (fate.host_rx_overflow.value_or(0) != 0) {
    text += fmt::format("{} dropped by the kernel, as nobody read them in time: {} frames\n", port,
                        *fate.host_rx_overflow);
  }
  return text;
}

std::string tap_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& tap = snapshot.ends[i].tap;
    if (tap) text += tap_line(port_name(snapshot, i), *tap);
  }
  return text;
}

// What cannot happen is shown where it has.
std::string sim_line(std::string_view port, const netdrv::SimCounters& sim) {
  std::string line = fmt::format(
      "{} simulated: {} arrivals, {} delivered, {} missed for want of a buffer, {} because the "
      "simulation was late (at most {:.3f} us); {} taken back",
      port, sim.scheduled, sim.delivered, sim.missed_no_buffer, sim.missed_generator,
      static_cast<double>(sim.largest_lateness_ns) / 1e3, sim.sent);
  const std::array odd = {std::pair{sim.corrupt, "corrupt"}, std::pair{sim.foreign, "foreign"},
                          std::pair{sim.reordered, "reordered"},
                          std::pair{sim.duplicated, "duplicated"}};
  for (const auto& [count, what] : odd) {
    if (count != 0) line += fmt::format(", {} {}", count, what);
  }
  return line + '\n';
}

std::string sim_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& sim = snapshot.ends[i].sim;
    if (sim) text += sim_line(port_name(snapshot, i), *sim);
  }
  return text;
}

std::string fault_line(std::string_view port, std::string_view direction,
                       const netdrv::FrameFaultCounts& counts) {
  if (counts.frames == 0) return {};
  std::string line = fmt::format("{} {} faults: of {} frames", port, direction, counts.frames);
  for (const auto& [what, count] : faults_in(counts)) line += fmt::format(", {} {}", what, count);
  return line + '\n';
}

std::string fault_lines(const Snapshot& snapshot) {
  std::string text;
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& faults = snapshot.ends[i].faults;
    if (!faults) continue;
    text += fault_line(port_name(snapshot, i), "rx", faults->rx);
    text += fault_line(port_name(snapshot, i), "tx", faults->tx);
  }
  return text;
}

std::string capture_lines(const Snapshot& snapshot) {
  if (!snapshot.capture_bytes) return {};
  std::string text;
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& capture = snapshot.ends[i].capture;
    if (!capture) continue;
    text +=
        fmt::format("{} captured: {} frames, {} missed, {} filtered out\n", port_name(snapshot, i),
                    capture->captured, capture->missed, capture->filtered);
  }
  return text + fmt::format("capture: {} bytes written\n", *snapshot.capture_bytes);
}

std::string app_line(const Snapshot& snapshot) {
  std::string line = fmt::format("app {}", snapshot.settings.app);
  const char* before = ": ";
  for (const auto& [name, value] : snapshot.app_counters) {
    line += before;
    line += fmt::format("{} {}", name, value);
    before = ", ";
  }
  return line + '\n';
}

std::string cost_line(const Snapshot& snapshot) {
  std::uint64_t frames = 0;
  const engine::EngineStats& engine = snapshot.nic.engine;
  std::uint64_t calls = snapshot.nic.waits + snapshot.nic.looks + engine.waits + engine.doorbells;
  std::uint64_t bells = 0;
  for (const netdrv::PortStats& port : snapshot.nic.ports) {
    for (const netdrv::QueueStats& queue : port.queues) {
      frames += queue.rx_packets;
      calls += queue.syscalls;
      bells += queue.notifies;
    }
  }
  const CpuTime& cpu = snapshot.cpu;
  std::string line = fmt::format(
      "{} frames received in {:.2f} s; cpu {:.3f} s user, {:.3f} s system; {} wake-ups\n", frames,
      snapshot.seconds, to_seconds(cpu.user_us), to_seconds(cpu.system_us), snapshot.nic.wakeups);
  if (frames == 0) return line;
  const auto each = static_cast<double>(frames);
  line += fmt::format(
      "per frame received: {:.2f} system calls (those of the loop included), {:.2f} bells, {:.2f} "
      "us of cpu\n",
      static_cast<double>(calls) / each, static_cast<double>(bells) / each,
      static_cast<double>(cpu.user_us + cpu.system_us) / each);
  return line;
}

}  // namespace

std::string to_table(const Snapshot& snapshot) {
  return port_lines(snapshot) + offload_lines(snapshot) + drop_lines(snapshot) +
         latency_lines(snapshot) + tap_lines(snapshot) + sim_lines(snapshot) +
         fault_lines(snapshot) + capture_lines(snapshot) + app_line(snapshot) + cost_line(snapshot);
}

}  // namespace bellpull::tools
