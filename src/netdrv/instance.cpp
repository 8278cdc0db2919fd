// SPDX-License-Identifier: BSD-2-Clause
#include "instance.hpp"

#include <utility>

#include "bellpull/netdrv/timed_frame.hpp"
#include "lost_port.hpp"

namespace bellpull::netdrv {

namespace {

void raise_to(engine::Counter& counter, std::uint64_t value) noexcept {
  if (value > counter.value()) counter.add(value - counter.value());
}

void add(QueueStats& stats, const PortCounters& port) noexcept {
  stats.rx_packets += port.rx_packets.value();
  stats.rx_bytes += port.rx_bytes.value();
  stats.rx_errors += port.rx_errors.value();
  stats.rx_consumed += port.rx_consumed.value();
  stats.tx_packets += port.tx_packets.value();
  stats.tx_bytes += port.tx_bytes.value();
  stats.rx_segments += port.rx_segments.value();
  stats.tx_segments += port.tx_segments.value();
  stats.tx_coalesced += port.tx_coalesced.value();
  stats.tx_cut += port.tx_cut.value();
  stats.tx_offload_refused += port.tx_offload_refused.value();
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    stats.rx_dropped[i] += port.rx_dropped.value(static_cast<DropReason>(i));
    stats.tx_dropped[i] += port.tx_dropped.value(static_cast<DropReason>(i));
  }
}

}  // namespace

void Instance::make_port_over(Link& link, const PortOptions& options, Style style) {
  link_ = &link;
  options_ = options;
  style_ = style;
  pool = std::make_unique<PacketPool>(pool_for(link, options));
  port = make_port(style, {nic_.engine_, *pool, link, bell(), *this, options});
}

void Instance::capture(const CapturePoints& points) noexcept {
  points_ = points;
  port->counters().capture = points.owner;
  if (PortCounters* const engine_side = port->engine_counters()) {
    engine_side->capture = points.engine;
  }
}

void Instance::restyle(Style style) {
  if (link_ == nullptr) return;
  style_ = style;
  if (port->state() != PortState::gone) remake();
}

void Instance::renew() {
  remake();
  released_ = false;
}

void Instance::remake() {
  auto lost = std::make_unique<LostPort>(link_->name());
  keep_counters();
  port = std::move(lost);  // a link has one pair of back-ends at a time: the old ones go first
  capture(points_);
  const PacketPoolOptions wanted = pool_for(*link_, options_);
  // Once at most: a pool with second buffers is good for every MTU.
  if (wanted.tails > pool->options().tails) {
    auto larger = std::make_unique<PacketPool>(wanted);
    former_pool = std::exchange(pool, std::move(larger));
  }
  port = make_port(style_, {nic_.engine_, *pool, *link_, bell(), *this, options_});
  capture(points_);
}

void Instance::adopt_pools() noexcept {
  if (pool) pool->adopt();
  if (former_pool) former_pool->adopt();
}

std::uint64_t Instance::outstanding() const noexcept {
  return pool->outstanding() + (former_pool ? former_pool->outstanding() : 0);
}

void Instance::ring(void* context) noexcept {
  auto& instance = *static_cast<Instance*>(context);
  if (instance.napi.schedule_prep()) instance.hand_over();
}

void Instance::hand_over() noexcept {
  // Release pairs with the acquire in take_rung(). To whom is fixed as long as anybody owns it.
  calls_.fetch_or(kRung, std::memory_order_release);
  if (threaded_.load(std::memory_order_relaxed)) {
    calls_.notify_one();
    return;
  }
  if (nic_.engine_.placement() == engine::Placement::driven) return;
  nic_.wake();
}

void Instance::moderate(const NapiSettings& settings, std::uint64_t now) noexcept {
  const NapiCounters& counters = napi.counters();
  const std::uint64_t events = counters.scheduled.load(std::memory_order_relaxed) +  // a counter
                               counters.timer_fires.value();
  if (events == events_) return;
  events_ = events;
  const PortCounters& port_counters = port->counters();
  if (!dim_.sample({.time_ns = now,
                    .packets = received_.value(),
                    .bytes = port_counters.rx_bytes.value(),
                    .events = events,
                    .added_ns = deferred_for_})) {
    return;
  }
  NapiSettings moderated = settings;
  moderated.defer_hard_irqs = dim_.deferral_ns() == 0 ? 0 : 1;
  moderated.gro_flush_timeout_ns = dim_.deferral_ns();
  napi.configure(moderated);
}

bool Instance::take_rung() noexcept {
  // Relaxed: only a hint whether the exchange is worth its price.
  if ((calls_.load(std::memory_order_relaxed) & kRung) == 0) return false;
  // Acquire pairs with the release in hand_over().
  return (calls_.fetch_and(~kRung, std::memory_order_acquire) & kRung) != 0;
}

bool Instance::take_back() noexcept {
  if (!napi.owned()) return false;
  // Who won it in ring() is between two statements: it cannot take long.
  while (!take_rung()) std::this_thread::yield();
  return true;
}

// What is counted is counted here: once the poll is over the instance may be somebody else's.
unsigned Instance::poll(unsigned budget) noexcept {
  const unsigned work = pull(budget);
  raise_to(largest_work_, last_work);
  // What a timer found came at any time since the poll before it.
  if (std::exchange(by_timer_, false)) deferred_for_ += last_work * dim_.deferral_ns() / 2;
  return work;
}

unsigned Instance::pull(unsigned budget) noexcept {
  port->reclaim();
  if (!crossings_.empty()) send_crossed();
  if (budget == 0) return 0;
  const Polled polled = port->poll(budget, nic_.byte_budget_.load(std::memory_order_relaxed));
  last_work = polled.work;
  if (port->state() == PortState::gone) release_gone();
  return polled.more ? budget : polled.work;
}

void Instance::receive(std::span<Packet> burst) noexcept {
  raise_to(largest_burst_, burst.size());
  received_.add(burst.size());
  const unsigned every = latency_every_.load(std::memory_order_relaxed);  // a wish
  if (every != 0) measure(burst, every);
  egress.begin(number_);
  nic_.app_.receive(number_, burst, egress);
  for (Packet& packet : burst) {
    if (packet) egress.drop(std::move(packet), DropReason::unhandled);
  }
  egress.flush();
}

void Instance::configure(const NicSettings& settings) noexcept {
  napi.configure(settings.napi);
  latency_every_.store(settings.latency_every, std::memory_order_relaxed);  // a wish
}

// One frame of so many, so that a style which hands over one by one pays for no more clocks than
// one that hands over bursts.
void Instance::measure(std::span<const Packet> burst, unsigned every) noexcept {
  for (const Packet& packet : burst) {
    if (--frames_to_sample_ != 0) continue;
    frames_to_sample_ = every;
    const std::uint64_t scheduled = scheduled_time(packet.head());
    if (scheduled == 0) continue;
    const std::uint64_t now = monotonic_ns();
    latency_.add(now > scheduled ? now - scheduled : 0);
  }
}

// The interface will not come back by itself: give up the buffers and do not ask again.
void Instance::release_gone() noexcept {
  if (std::exchange(released_, true)) return;
  port->stop_rx();
  port->stop_tx();
  napi.disable();
}

void Instance::add_port_counters(QueueStats& stats) const noexcept {
  add(stats, port->counters());
  if (const PortCounters* const engine_side = port->engine_counters()) add(stats, *engine_side);
  stats.notifies += port->notifies();
  stats.border_calls += port->border_calls();
}

// The port is about to go.
void Instance::keep_counters() noexcept {
  add_port_counters(kept_);
}

QueueStats Instance::stats() const {
  QueueStats stats = kept_;
  add_port_counters(stats);
  const NapiCounters& counters = napi.counters();
  stats.polls = counters.polls.value();
  stats.work = counters.work.value();
  stats.largest_work = largest_work_.value();
  for (std::size_t i = 0; i < NapiCounters::kWorkBuckets; ++i) {
    stats.work_histogram[i] = counters.work_histogram[i].value();
  }
  stats.largest_burst = largest_burst_.value();
  stats.scheduled = counters.scheduled.load(std::memory_order_relaxed);  // a counter
  stats.missed = counters.missed.load(std::memory_order_relaxed);        // a counter
  stats.completions = counters.completions.value();
  stats.repolls = counters.repolls.value();
  stats.deferred = counters.deferred.value();
  stats.timer_fires = counters.timer_fires.value();
  stats.busy_polls = counters.busy_polls.value();
  stats.suspends = counters.suspends.value();
  stats.masked_ns = counters.masked_ns.value();
  stats.syscalls = port->system_calls();
  if (latency_every_.load(std::memory_order_relaxed) != 0 || latency_.count() != 0)
    stats.latency = latency_;
  return stats;
}

}  // namespace bellpull::netdrv
