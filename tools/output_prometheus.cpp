// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>

#include "exposition.hpp"
#include "output.hpp"

namespace bellpull::tools {

namespace {

void add_queue_fields(Exposition& out) {
  for (const QueueField& field : queue_fields()) {
    const std::string name = fmt::format("{}{}", field.name, field.counts ? "_total" : "");
    out.family(name, field.counts ? "counter" : "gauge", field.help);
    out.each_queue([&](const netdrv::QueueStats& queue, const std::string& labels) {
      out.sample(name, labels, queue.*field.value);
    });
  }
}

void add_drops(Exposition& out, std::string_view name, std::string_view help,
               std::array<std::uint64_t, netdrv::kDropReasons> netdrv::QueueStats::*counts) {
  out.family(name, "counter", help);
  out.each_queue([&](const netdrv::QueueStats& queue, const std::string& labels) {
    for (std::size_t i = 0; i < netdrv::kDropReasons; ++i) {
      if ((queue.*counts)[i] == 0) continue;
      const auto reason = netdrv::name_of(static_cast<netdrv::DropReason>(i));
      out.sample(name, fmt::format("{},reason=\"{}\"", labels, reason), (queue.*counts)[i]);
    }
  });
}

// The same bounds for every queue and at all times, so that histograms can be added up: one less
// than each power of two, which is where the counts are exact, from 127 ns to 17 s.
constexpr unsigned kFirstBoundBits = 7;
constexpr unsigned kLastBoundBits = 34;

double to_seconds_of_ns(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

void add_latency_of_queue(Exposition& out, const netdrv::LatencyHistogram& latency,
                          const std::string& labels) {
  const auto bands = latency.bands();
  auto band = bands.begin();
  std::uint64_t count = 0;
  for (unsigned bits = kFirstBoundBits; bits <= kLastBoundBits; ++bits) {
    const std::uint64_t bound = (std::uint64_t{1} << bits) - 1;
    for (; band != bands.end() && band->up_to <= bound; ++band) count += band->count;
    out.sample("latency_seconds_bucket",
               fmt::format("{},le=\"{}\"", labels, to_seconds_of_ns(bound)), count);
  }
  out.sample("latency_seconds_bucket", labels + ",le=\"+Inf\"", latency.count());
  out.sample("latency_seconds_sum", labels, to_seconds_of_ns(latency.sum()));
  out.sample("latency_seconds_count", labels, latency.count());
}

void add_latency(Exposition& out) {
  bool any = false;
  out.each_queue([&](const netdrv::QueueStats& queue, const std::string& labels) {
    if (!queue.latency) return;
    if (!any) out.family("latency_seconds", "histogram", "How long frames took");
    any = true;
    add_latency_of_queue(out, *queue.latency, labels);
  });
}

void add_work(Exposition& out) {
  out.family("work_per_poll", "histogram", "Frames per round of the NAPI instance");
  out.each_queue([&](const netdrv::QueueStats& queue, const std::string& labels) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < queue.work_histogram.size(); ++i) {
      count += queue.work_histogram[i];
      out.sample("work_per_poll_bucket", fmt::format("{},le=\"{}\"", labels, most_work_in(i)),
                 count);
    }
    out.sample("work_per_poll_bucket", labels + ",le=\"+Inf\"", count);
    out.sample("work_per_poll_sum", labels, queue.work);
    out.sample("work_per_poll_count", labels, count);
  });
}

void add_taps(Exposition& out, const Snapshot& snapshot) {
  const auto is_tap = [](const PortEnd& end) { return end.tap.has_value(); };
  if (std::none_of(snapshot.ends.begin(), snapshot.ends.end(), is_tap)) return;
  const auto family = [&](const char* name, const char* help, auto&& value_of) {
    out.family(name, "counter", help);
    for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
      const auto& tap = snapshot.ends[i].tap;
      const std::optional<std::uint64_t> value = tap ? value_of(*tap) : std::nullopt;
      if (value) out.sample(name, out.port_labels(i), *value);
    }
  };
  using Value = std::optional<std::uint64_t>;
  family("tap_lost_total", "Times the interface was deleted",
         [](const TapFate& fate) { return Value(fate.lost); });
  family("tap_regained_total", "Times the interface was taken up again",
         [](const TapFate& fate) { return Value(fate.regained); });
  family("tap_host_rx_overflow_total", "Frames the kernel dropped because nobody read them in time",
         [](const TapFate& fate) { return fate.host_rx_overflow; });
}

void add_sims(Exposition& out, const Snapshot& snapshot) {
  const auto is_sim = [](const PortEnd& end) { return end.sim.has_value(); };
  if (std::none_of(snapshot.ends.begin(), snapshot.ends.end(), is_sim)) return;
  for (const SimField& field : sim_fields()) {
    const std::string name = fmt::format("sim_{}{}", field.name, field.counts ? "_total" : "");
    out.family(name, field.counts ? "counter" : "gauge", field.help);
    for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
      const auto& sim = snapshot.ends[i].sim;
      if (sim) out.sample(name, out.port_labels(i), *sim.*field.value);
    }
  }
}

void add_faults(Exposition& out, const Snapshot& snapshot) {
  const auto has_faults = [](const PortEnd& end) { return end.faults.has_value(); };
  if (std::none_of(snapshot.ends.begin(), snapshot.ends.end(), has_faults)) return;
  out.family("faults_total", "counter", "Planned faults that came to pass, by kind");
  for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
    const auto& faults = snapshot.ends[i].faults;
    if (!faults) continue;
    for (const bool rx : {true, false}) {
      for (const auto& [kind, count] : faults_in(rx ? faults->rx : faults->tx)) {
        out.sample("faults_total",
                   fmt::format("{},direction=\"{}\",kind=\"{}\"", out.port_labels(i),
                               rx ? "rx" : "tx", kind),
                   count);
      }
    }
  }
}

void add_capture(Exposition& out, const Snapshot& snapshot) {
  if (!snapshot.capture_bytes) return;
  for (const CaptureField& field : capture_fields()) {
    const std::string name = fmt::format("capture_{}_total", field.name);
    out.family(name, "counter", field.help);
    for (std::size_t i = 0; i < snapshot.ends.size(); ++i) {
      const auto& capture = snapshot.ends[i].capture;
      if (capture) out.sample(name, out.port_labels(i), *capture.*field.value);
    }
  }
  out.single("capture_written_bytes_total", "counter", "Bytes of the capture's file",
             *snapshot.capture_bytes);
}

void add_ports(Exposition& out, const Snapshot& snapshot) {
  out.family("port_up", "gauge", "Whether the port had its interface to the end");
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    out.sample("port_up", out.port_labels(i),
               snapshot.nic.ports[i].state == netdrv::PortState::gone ? 0 : 1);
  }
}

void add_offloads(Exposition& out, const Snapshot& snapshot) {
  out.family("offload", "gauge", "Whether a port receives or sends with the feature, at the end");
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    const netdrv::PortStats& port = snapshot.nic.ports[i];
    for (const bool rx : {true, false}) {
      for (const netdrv::OffloadFeature feature : netdrv::kOffloadFeatures) {
        out.sample("offload",
                   fmt::format("{},direction=\"{}\",feature=\"{}\"", out.port_labels(i),
                               rx ? "rx" : "tx", name_of(feature)),
                   (rx ? port.rx_offloads : port.tx_offloads).has(feature) ? 1 : 0);
      }
    }
  }
}

void add_program(Exposition& out, const Snapshot& snapshot) {
  const Settings& settings = snapshot.settings;
  out.family("info", "gauge", "Version and settings of the program");
  out.sample("info",
             fmt::format("version={},app={},mode={},style={},io={},engine={},budget=\"{}\","
                         "privileges={},seccomp={}",
                         label_value(version()), label_value(settings.app),
                         label_value(settings.mode), label_value(settings.style),
                         label_value(settings.io), label_value(settings.engine), settings.budget,
                         label_value(settings.privileges), label_value(settings.seccomp)),
             1);
  out.single("run_seconds", "gauge", "Seconds since the ports carried traffic", snapshot.seconds);
  if (!snapshot.app_counters.empty()) {
    out.family("app_frames_total", "counter", "Frames by what the application did with them");
    for (const auto& [name, value] : snapshot.app_counters) {
      out.sample("app_frames_total",
                 fmt::format("app={},what={}", label_value(settings.app), label_value(name)),
                 value);
    }
  }
  out.family("cpu_seconds_total", "counter", "Processor time of all threads");
  out.sample("cpu_seconds_total", "kind=\"user\"", to_seconds(snapshot.cpu.user_us));
  out.sample("cpu_seconds_total", "kind=\"system\"", to_seconds(snapshot.cpu.system_us));
}

void add_loop(Exposition& out, const Snapshot& snapshot) {
  const netdrv::NicStats& nic = snapshot.nic;
  out.single("loop_waits_total", "counter", "Times the loop was allowed to sleep", nic.waits);
  out.single("loop_wakeups_total", "counter", "Sleeps that an event of a port ended", nic.wakeups);
  out.single("loop_looks_total", "counter", "Looks for events without sleeping", nic.looks);
  out.single("engine_runs_total", "counter", "Rounds of the engine", nic.engine.runs);
  out.single("engine_waits_total", "counter", "Times the engine's thread went to sleep",
             nic.engine.waits);
  out.single("engine_doorbells_total", "counter", "Times the engine's thread was woken",
             nic.engine.doorbells);
  out.single("pool_buffers", "gauge", "Packets there can be", snapshot.nic.pool_buffers);
  out.single("pool_outstanding", "gauge", "Packets not given back", snapshot.nic.pool_outstanding);
}

}  // namespace

std::string to_prometheus(const Snapshot& snapshot) {
  Exposition out(snapshot);
  add_queue_fields(out);
  add_drops(out, "rx_dropped_total", "Received frames dropped, by reason",
            &netdrv::QueueStats::rx_dropped);
  add_drops(out, "tx_dropped_total", "Frames to send dropped, by reason",
            &netdrv::QueueStats::tx_dropped);
  add_work(out);
  add_latency(out);
  add_taps(out, snapshot);
  add_sims(out, snapshot);
  add_faults(out, snapshot);
  add_capture(out, snapshot);
  add_ports(out, snapshot);
  add_offloads(out, snapshot);
  add_program(out, snapshot);
  add_loop(out, snapshot);
  return out.text();
}

}  // namespace bellpull::tools
