// SPDX-License-Identifier: BSD-2-Clause
#include "tap_traffic.hpp"

#include <numeric>
#include <stdexcept>
#include <string>

#include "bellpull/netdrv/clock.hpp"

namespace bellpull::tools::compare {

namespace {

using Drops = std::array<std::uint64_t, netdrv::kDropReasons>;

std::uint64_t sum(const Drops& drops) {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

}  // namespace

TapTraffic::TapTraffic(const Trial& trial, std::span<const unsigned> cores)
    : trial_(trial), taps_(*trial.taps) {
  if (cores.size() < 2) {
    throw std::invalid_argument(
        "a trial on TAPs: this process may use one core only, and the sender needs one of its own");
  }
  // What a trial before this one left.
  taps_.discard();
  before_ = taps_.counters();
  for (unsigned i = 0; i < links_.size(); ++i) {
    links_[i] = std::make_unique<netdrv::TapLink>(taps_.device(i));
  }
  netdrv::SimOptions traffic;
  traffic.name = "into " + std::string(links_[0]->name());
  traffic.arrivals = trial.arrivals;
  traffic.rate = trial.rates.front();
  traffic.wave_ns = trial.wave_ns;
  traffic.sizes = {trial.size};
  traffic.seed = trial.seed;
  sender_ = std::make_unique<PacedSender>(taps_.socket(), traffic, cores[1]);
}

void TapTraffic::attach(netdrv::Nic& nic, engine::Engine&) {
  for (const auto& link : links_) nic.add_port(*link, trial_.style, trial_.port);
}

void TapTraffic::begin() {
  sender_->begin(netdrv::monotonic_ns());
}

void TapTraffic::read(Outcome& outcome, const netdrv::NicStats& stats) const {
  const PacedSender::Counts counts = sender_->counts(netdrv::monotonic_ns());
  outcome.scheduled = counts.scheduled;
  outcome.late = counts.late;
  outcome.missed = taps_.counters().overflow - before_.overflow;
  const netdrv::QueueStats& out = stats.ports[kOutwards].queues.front();
  outcome.frames = out.tx_packets;
  outcome.dropped += sum(out.tx_dropped);
  outcome.latency.resize(1);  // nothing arrives at the other port
  // A driven engine has no thread: what the loop does not use is the sender's.
  const bool driven = trial_.engine == engine::Placement::driven;
  const CpuTime sender = sender_->cpu();
  outcome.engine_cpu =
      driven ? 0 : outcome.engine_cpu - to_seconds(sender.user_us + sender.system_us);
  outcome.system_cpu = driven ? to_seconds(cpu_of_thread().system_us)
                              : outcome.system_cpu - to_seconds(sender.system_us);
}

std::int64_t TapTraffic::unexplained(const netdrv::NicStats& stats) {
  const std::uint64_t left = taps_.discard();
  const TapPair::Counters after = taps_.counters();
  const std::uint64_t offered = sender_->counts(netdrv::monotonic_ns()).sent;
  std::uint64_t explained =
      left + after.overflow - before_.overflow + after.received - before_.received;
  for (const netdrv::PortStats& port : stats.ports) {
    const netdrv::QueueStats& queue = port.queues.front();
    explained += sum(queue.rx_dropped) + sum(queue.tx_dropped);
  }
  return static_cast<std::int64_t>(offered - explained);
}

}  // namespace bellpull::tools::compare
