// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "output.hpp"

namespace bellpull::tools {

namespace {

using nlohmann::ordered_json;

ordered_json drops(const std::array<std::uint64_t, netdrv::kDropReasons>& counts) {
  ordered_json object = ordered_json::object();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    object[std::string(netdrv::name_of(static_cast<netdrv::DropReason>(i)))] = counts[i];
  }
  return object;
}

// Rounds by the most frames that they can have had; those that never occurred are not there.
ordered_json work_histogram(const netdrv::QueueStats& queue) {
  ordered_json object = ordered_json::object();
  for (std::size_t i = 0; i < queue.work_histogram.size(); ++i) {
    if (queue.work_histogram[i] == 0) continue;
    object[std::to_string(most_work_in(i))] = queue.work_histogram[i];
  }
  return object;
}

ordered_json sim_object(const netdrv::SimCounters& counters) {
  ordered_json object;
  for (const SimField& field : sim_fields()) {
    object[std::string(field.name)] = counters.*field.value;
  }
  return object;
}

ordered_json capture_object(const netdrv::CaptureCounters& counters) {
  ordered_json object;
  for (const CaptureField& field : capture_fields()) {
    object[std::string(field.name)] = counters.*field.value;
  }
  return object;
}

ordered_json queue_object(const netdrv::QueueStats& queue) {
  ordered_json object;
  for (const QueueField& field : queue_fields())
    object[std::string(field.name)] = queue.*field.value;
  object["work_histogram"] = work_histogram(queue);
  object["rx_dropped"] = drops(queue.rx_dropped);
  object["tx_dropped"] = drops(queue.tx_dropped);
  if (queue.latency && queue.latency->count() != 0) {
    const netdrv::LatencySummary latency = queue.latency->summary();
    object["latency_ns"] = {{"count", latency.count},
                            {"p50", latency.p50},
                            {"p99", latency.p99},
                            {"p999", latency.p999},
                            {"max", latency.max}};
  }
  return object;
}

// Frames that could have been hit, and the faults that came to pass.
ordered_json fault_object(const netdrv::FrameFaultCounts& counts) {
  ordered_json object;
  object["frames"] = counts.frames;
  for (const auto& [name, count] : faults_in(counts)) object[std::string(name)] = count;
  return object;
}

ordered_json tap_object(const TapFate& fate) {
  ordered_json object = {{"lost", fate.lost}, {"regained", fate.regained}};
  if (fate.host_rx_overflow) object["host_rx_overflow"] = *fate.host_rx_overflow;
  return object;
}

ordered_json names_of(netdrv::OffloadSet offloads) {
  ordered_json names = ordered_json::array();
  for (const netdrv::OffloadFeature feature : netdrv::kOffloadFeatures) {
    if (offloads.has(feature)) names.push_back(name_of(feature));
  }
  return names;
}

ordered_json port_object(const netdrv::PortStats& port, const PortEnd& end) {
  ordered_json object;
  object["name"] = port.name;
  if (!end.netns.empty()) object["netns"] = end.netns;
  object["state"] = name_of(port.state);
  object["offloads"] = {{"rx", names_of(port.rx_offloads)}, {"tx", names_of(port.tx_offloads)}};
  object["queues"] = ordered_json::array();
  for (const netdrv::QueueStats& queue : port.queues) {
    object["queues"].push_back(queue_object(queue));
  }
  if (end.tap) object["tap"] = tap_object(*end.tap);
  if (end.sim) object["sim"] = sim_object(*end.sim);
  if (end.faults) {
    object["faults"] = {{"rx", fault_object(end.faults->rx)}, {"tx", fault_object(end.faults->tx)}};
  }
  if (end.capture) object["capture"] = capture_object(*end.capture);
  return object;
}

}  // namespace

std::string to_json(const Snapshot& snapshot) {
  ordered_json object;
  object["version"] = version();
  object["seconds"] = snapshot.seconds;
  const Settings& settings = snapshot.settings;
  object["settings"] = {
      {"mode", settings.mode},
      {"style", settings.style},
      {"io", settings.io},
      {"engine", settings.engine},
      {"budget", settings.budget},
      {"sandbox", {{"privileges", settings.privileges}, {"seccomp", settings.seccomp}}}};
  object["ports"] = ordered_json::array();
  for (std::size_t i = 0; i < snapshot.nic.ports.size(); ++i) {
    object["ports"].push_back(port_object(snapshot.nic.ports[i], snapshot.ends[i]));
  }
  object["app"] = {{"name", settings.app}};
  for (const auto& [name, value] : snapshot.app_counters) object["app"][name] = value;
  object["loop"] = {{"waits", snapshot.nic.waits},
                    {"wakeups", snapshot.nic.wakeups},
                    {"looks", snapshot.nic.looks}};
  object["engine"] = {{"runs", snapshot.nic.engine.runs},
                      {"waits", snapshot.nic.engine.waits},
                      {"doorbells", snapshot.nic.engine.doorbells}};
  object["cpu"] = {{"user_s", to_seconds(snapshot.cpu.user_us)},
                   {"system_s", to_seconds(snapshot.cpu.system_us)},
                   {"loop_user_s", to_seconds(snapshot.loop_cpu.user_us)},
                   {"loop_system_s", to_seconds(snapshot.loop_cpu.system_us)}};
  object["pool"] = {{"buffers", snapshot.nic.pool_buffers},
                    {"outstanding", snapshot.nic.pool_outstanding}};
  if (snapshot.capture_bytes) object["capture"] = {{"written_bytes", *snapshot.capture_bytes}};
  // Interface names need not be UTF-8; what is not becomes U+FFFD.
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace bellpull::tools
