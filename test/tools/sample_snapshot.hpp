// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "output.hpp"

namespace bellpull::test {

/// Two ports of the same name in two network namespaces and a simulated NIC, each counter of the
/// first and of the simulation a number of its own, the others without frames.
inline tools::Snapshot sample_snapshot() {
  netdrv::QueueStats queue;
  std::uint64_t number = 100;
  for (const tools::QueueField& field : tools::queue_fields()) queue.*field.value = ++number;
  queue.rx_dropped[static_cast<std::size_t>(netdrv::DropReason::runt)] = 3;
  queue.rx_dropped[static_cast<std::size_t>(netdrv::DropReason::not_for_us)] = 4;
  queue.tx_dropped[static_cast<std::size_t>(netdrv::DropReason::ring_full)] = 5;
  // A value below all bounds of the Prometheus text, one on a bound, one between, one above all.
  queue.latency.emplace();
  queue.latency->add(1, 90);
  queue.latency->add(1023, 8);
  queue.latency->add(2500, 1);
  queue.latency->add(100'000'000'000, 1);
  queue.work_histogram[0] = 1;
  queue.work_histogram[3] = 2;
  queue.work_histogram.back() = 1;
  netdrv::SimCounters sim;
  number = 200;
  for (const tools::SimField& field : tools::sim_fields()) sim.*field.value = ++number;
  tools::Snapshot snapshot;
  snapshot.nic.ports = {{"bp0", netdrv::PortState::stopped, {queue}},
                        {"bp0", netdrv::PortState::gone, {netdrv::QueueStats{}}},
                        {"sim0", netdrv::PortState::stopped, {netdrv::QueueStats{}}}};
  using netdrv::OffloadFeature;
  snapshot.nic.ports[0].rx_offloads = {OffloadFeature::csum, OffloadFeature::uso};
  snapshot.nic.ports[0].tx_offloads = {OffloadFeature::csum};
  snapshot.nic.ports[1].tx_offloads = netdrv::OffloadSet::all();
  snapshot.ends = {{"", {}}, {"left", {}}, {"", sim}};
  snapshot.ends[0].tap.emplace();
  snapshot.ends[1].tap = tools::TapFate{.lost = 401, .regained = 400, .host_rx_overflow = 402};
  snapshot.nic.waits = 11;
  snapshot.nic.wakeups = 10;
  snapshot.nic.looks = 9;
  snapshot.nic.engine = {.runs = 8, .waits = 7, .doorbells = 6};
  snapshot.settings = {"respond", "interrupt", "poll", "syscall", "driven", 64, "drop", "on"};
  snapshot.app_counters = {{"arp", 1}, {"icmp4_echo", 2}};
  snapshot.seconds = 2.5;
  snapshot.cpu = {1'500'000, 250'000};
  snapshot.loop_cpu = {1'000'000, 125'000};
  snapshot.nic.pool_buffers = 640;
  snapshot.ends[0].capture =
      netdrv::CaptureCounters{.captured = 301, .missed = 302, .filtered = 303};
  snapshot.capture_bytes = 304;
  return snapshot;
}

}  // namespace bellpull::test
