// SPDX-License-Identifier: BSD-2-Clause
#include "sim_traffic.hpp"

#include <numeric>
#include <string>

#include "bellpull/netdrv/clock.hpp"

namespace bellpull::tools::compare {

namespace {

bool device_wants_timer(const Trial& trial) {
  if (trial.engine == engine::Placement::driven) {
    return trial.settings.mode != netdrv::Mode::poll;
  }
  return !engine_spins(trial);
}

}  // namespace

void SimTraffic::attach(netdrv::Nic& nic, engine::Engine& engine) {
  for (std::size_t i = 0; i < trial_.rates.size(); ++i) {
    netdrv::SimOptions options;
    options.name = "sim" + std::to_string(i);
    options.arrivals = trial_.arrivals;
    options.rate = trial_.rates[i];
    options.wave_ns = trial_.wave_ns;
    options.sizes = {trial_.size};
    options.ring = trial_.port.rx_ring;
    options.seed = trial_.seed + i;
    options.timer = device_wants_timer(trial_);
    links_.push_back(std::make_unique<netdrv::SimLink>(options));
    netdrv::SimLink& link = *links_.back();
    if (!trial_.make_port) {
      nic.add_port(link, trial_.style, trial_.port);
      continue;
    }
    pools_.push_back(std::make_unique<netdrv::PacketPool>(netdrv::pool_for(link, trial_.port)));
    nic.add_port([&](const engine::Notify& bell, netdrv::Receiver& stack) {
      return trial_.make_port({engine, *pools_.back(), link, bell, stack, trial_.port});
    });
  }
}

void SimTraffic::begin() {
  for (const auto& link : links_) link->device().begin(netdrv::monotonic_ns());
}

void SimTraffic::read(Outcome& outcome, const netdrv::NicStats&) const {
  for (const auto& link : links_) {
    const netdrv::SimCounters device = link->device().counters();
    outcome.scheduled += device.scheduled;
    outcome.missed += device.missed_no_buffer;
    outcome.late += device.missed_generator;
  }
}

void SimTraffic::end() {
  for (const auto& link : links_) link->device().end();
}

std::int64_t SimTraffic::unexplained(const netdrv::NicStats& stats) {
  std::uint64_t offered = 0;
  std::uint64_t explained = 0;
  for (const auto& link : links_) {
    const netdrv::SimCounters device = link->device().counters();
    offered += device.scheduled;
    explained += device.missed_no_buffer + device.missed_generator;
  }
  for (const netdrv::PortStats& port : stats.ports) {
    const netdrv::QueueStats& queue = port.queues.front();
    explained +=
        std::accumulate(queue.rx_dropped.begin(), queue.rx_dropped.end(), queue.rx_consumed);
  }
  return static_cast<std::int64_t>(offered - explained);
}

}  // namespace bellpull::tools::compare
