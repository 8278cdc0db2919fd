// SPDX-License-Identifier: BSD-2-Clause
// One round of a Nic, in the order in which it happens:
//   1. nothing to do and listening -> sleep until a device, the bell or a timer wakes us (wait;
//      nic_events.cpp has the sleep)
//   2. instances whose timer is due get their turn (fire_timers)
//   3. a driven engine moves bytes: writes what was sent, reads into posted buffers; it rings the
//      bell of a queue that is armed (run_engine, Instance::ring)
//   4. rung queues get their turn at the end of the line (collect_rung)
//   5. each scheduled instance polls once, at most its budget, until the round's budget or time is
//      used up: port -> application -> ports (poll_instances, Instance::poll), where a driven
//      engine writes a frame that comes alone at once; who used its budget up goes to the end of
//      the line, behind who rang during the round; who did not unmasks the bell and looks once
//      more (napi_round)
#include "bellpull/netdrv/nic.hpp"

#include <sched.h>

#include <cstddef>
#include <utility>

#include "instance.hpp"

namespace bellpull::netdrv {

namespace {

// Rounds of continuous work between two looks at the other file descriptors.
constexpr unsigned kBusyRounds = 4;
// The same when polling: there the look can only bring bells that nobody waits for.
constexpr unsigned kPollRounds = 1024;
// What a round of these without work counts besides: on a core that others want it gives away
// milliseconds, and who waits at another descriptor would wait for a thousand of them.
constexpr unsigned kIdleRound = 63;
// How many transfers make a round of these count once more: what a full one costs is theirs.
constexpr unsigned kFramesPerRound = 4;

}  // namespace

bool Nic::run_once(int timeout_ms) noexcept {
  wait(timeout_ms);
  fire_timers();
  unsigned ended = run_engine();
  suspended_ = false;
  if (settings_.napi.prefer_busy_poll) ended += busy_poll();
  collect_rung();
  ended += poll_instances();
  if (settings_.mode == Mode::adaptive) adapt();
  // Never asleep, but what a polling NIC waits for may have to be made by whoever shares the core.
  if (polling() && ended == 0) {
    ::sched_yield();
    rounds_since_look_ += kIdleRound;
  } else if (polling()) {
    rounds_since_look_ += ended / kFramesPerRound;
  }
  if (busy()) return true;
  if (timeout_ms == 0) set_timer();
  return false;
}

void Nic::wait(int timeout_ms) noexcept {
  const bool work = busy();
  ++rounds_since_look_;
  if (work) {
    if (rounds_since_look_ >= (polling() ? kPollRounds : kBusyRounds)) look(0);
    return;
  }
  look(timeout_ms);
}

void Nic::fire_timers() noexcept {
  for (const auto& instance : instances_) {
    if (instance->napi.timer_due() == Napi::kNever) continue;
    if (!instance->napi.timer_expired()) continue;
    instance->expire();
    dispatch(*instance);
  }
}

// The owner is back from its own work: what came meanwhile is taken without an interrupt, and if
// there was something, interrupts stay off while it works on that (rules R15 to R19).
unsigned Nic::busy_poll() noexcept {
  unsigned total = 0;
  for (const auto& instance : instances_) {
    if (instance->threaded() || !instance->napi.busy_poll_begin()) continue;
    instance->mask();
    Round round = napi_busy_round(instance->napi, *instance, settings_.busy_poll_budget);
    unsigned work = instance->last_work;
    if (round == Round::again) {
      instance->napi.busy_poll_end();
      round = napi_round(instance->napi, *instance, settings_.budget);
      work += instance->last_work;
    }
    if (round == Round::again) scheduled_.push_back(instance.get());
    // Until the owner asks again, and finds nothing: he must not sleep on it.
    if (round == Round::deferred && work != 0 && instance->napi.suspend()) suspended_ = true;
    total += work;
  }
  return total;
}

// Returns how many transfers ended.
unsigned Nic::run_engine() noexcept {
  unsigned completed = 0;
  if (engine_.placement() == engine::Placement::driven) {
    if (polling()) engine_.retry_blocked();
    completed = engine_.run(settings_.budget).completed;
  }
  for (const auto& instance : instances_) {
    // That of an instance with a thread is the thread's.
    if (instance->threaded() || instance->port->tx_in_flight() == 0) continue;
    completed += instance->port->reclaim();
  }
  // Once all have returned what they could.
  for (const auto& instance : instances_) {
    if (!instance->threaded() && instance->port->starved()) instance->port->reclaim();
  }
  return completed;
}

void Nic::collect_rung() noexcept {
  for (const auto& instance : instances_) {
    if (!instance->threaded() && instance->take_rung()) scheduled_.push_back(instance.get());
  }
}

// Returns the budget that was used. Who was not polled, because the round was over, is first in the
// next one.
unsigned Nic::poll_instances() noexcept {
  if (scheduled_.empty()) return 0;
  const bool alone = scheduled_.size() == 1;
  const std::uint64_t until =
      alone || settings_.round_ns == 0 ? Napi::kNever : monotonic_ns() + settings_.round_ns;
  polled_.clear();
  unsigned work = 0;
  unsigned since_engine = 0;  // frames
  std::size_t next = 0;
  while (next < scheduled_.size()) {
    Instance* const instance = scheduled_[next++];
    const Round round = poll_once(*instance);
    if (round == Round::again) polled_.push_back(instance);
    work += instance->last_work;
    since_engine += instance->last_work;
    if (next == scheduled_.size()) break;
    // What came for the others meanwhile is not to wait for another turn of theirs.
    if (since_engine >= settings_.budget) {
      since_engine = 0;
      run_engine();
    }
    if (work >= settings_.round_budget ||
        (work != 0 && until != Napi::kNever && monotonic_ns() >= until)) {
      squeezes_.add(1);
      break;
    }
  }
  scheduled_.erase(scheduled_.begin(), scheduled_.begin() + static_cast<std::ptrdiff_t>(next));
  // Who rang meanwhile is before who has had a turn (net/core/dev.c, net_rx_action()).
  collect_rung();
  scheduled_.insert(scheduled_.end(), polled_.begin(), polled_.end());
  return work;
}

// One round of an instance that the calling thread owns.
Round Nic::poll_once(Instance& instance) noexcept {
  const unsigned budget = budget_.load(std::memory_order_relaxed);  // a wish
  return polling() ? napi_busy_round(instance.napi, instance, budget)
                   : napi_round(instance.napi, instance, budget);
}

// Looks back at the round: polls or listens from now on, and while it listens, chooses how long
// each port defers.
void Nic::adapt() noexcept {
  std::uint64_t received = 0;
  for (const auto& instance : instances_) received += instance->received();
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t frames = received - std::exchange(received_, received);
  set_polling(adaptive_.round(now, frames) == Adaptive::Decision::poll);
  if (polling() || !settings_.moderation || settings_.threaded) return;
  for (const auto& instance : instances_) instance->moderate(settings_.napi, now);
}

void Nic::set_polling(bool polling) noexcept {
  if (polling_.exchange(polling, std::memory_order_relaxed) == polling) return;  // a wish
  mode_switches_.add(1);
  if (settings_.spin_engine) engine_.set_spin(polling);
  // Who polls owns all instances; who listens gets there by completing.
  if (polling) schedule_all();
}

bool Nic::busy() noexcept {
  return !scheduled_.empty() || suspended_ || engine_.runnable();
}

void Nic::schedule_all() noexcept {
  for (const auto& instance : instances_) {
    if (!instance->napi.schedule_prep()) continue;
    // A thread that has let go of its instance may still be unmasking it: masking is its own then.
    if (!instance->threaded()) instance->port->disarm();
    dispatch(*instance);
  }
}

// Whoever is to poll it, does.
void Nic::dispatch(Instance& instance) noexcept {
  if (instance.threaded()) {
    instance.hand_over();
  } else {
    scheduled_.push_back(&instance);
  }
}

}  // namespace bellpull::netdrv
