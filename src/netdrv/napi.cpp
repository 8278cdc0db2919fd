// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/napi.hpp"

#include <utility>

namespace bellpull::netdrv {

void Napi::begin_ownership() noexcept {
  // A deferred device was masked all the while.
  if (!stop_timer()) masked_since_ = now();
}

// Whether it ran.
bool Napi::stop_timer() noexcept {
  if (timer_due() == kNever) return false;
  due_.store(kNever, std::memory_order_relaxed);  // nothing else hangs on it
  counters_.deferred.add(1);
  return true;
}

bool Napi::schedule_prep() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  for (;;) {
    // A refusal is exchanged too, for what is there already: what was loaded may be older than
    // enable(), and whoever schedules after enable() has to see the causes of refused events.
    const bool disabled = (seen & kDisable) != 0;
    const std::uint32_t taken = seen | kSched | ((seen & kSched) != 0 ? kMissed : 0);
    // Acquire pairs with the release in complete_done(): the new owner sees all the old one did.
    // Release pairs with the acquire in complete_done() and busy_poll_end(), and here: who finds
    // MISSED, or schedules after enable(), sees the event's cause.
    if (state_.compare_exchange_weak(seen, disabled ? seen : taken, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      if (disabled) return false;
      break;
    }
  }
  // Counters only, so relaxed.
  if ((seen & kSched) != 0) {
    counters_.missed.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  counters_.scheduled.fetch_add(1, std::memory_order_relaxed);
  begin_ownership();
  return true;
}

// Until when the device stays masked although the poll found nothing more; kNever: it does not.
std::uint64_t Napi::deferred_until(std::uint64_t time, unsigned work) noexcept {
  if (work != 0) defer_hard_irqs_count_ = defer_hard_irqs_.load(std::memory_order_relaxed);
  if (defer_hard_irqs_count_ == 0) return kNever;
  --defer_hard_irqs_count_;
  const std::uint64_t timeout = gro_flush_timeout_ns_.load(std::memory_order_relaxed);
  return timeout == 0 ? kNever : time + timeout;
}

Completion Napi::complete_done(unsigned work) noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  // Only the owner sets and clears this one. Another poll is certain to come.
  if ((seen & kInBusyPoll) != 0) return Completion::again;
  // Counted before letting go: afterwards the instance is somebody else's. If an event was missed
  // the rest of the masked time is counted next time.
  const std::uint64_t until = now();
  counters_.masked_ns.add(until - std::exchange(masked_since_, until));
  counters_.completions.add(1);
  const std::uint64_t due = deferred_until(until, work);
  for (;;) {
    // Ownership and the memory of a missed event cannot both be let go: keep the one, forget the
    // other, poll again.
    const bool missed = (seen & kMissed) != 0;
    const bool defers = due != kNever && (seen & (kMissed | kDisable)) == 0;
    // Set before letting go, so that whoever finds the instance unowned finds its timer running.
    if (due != kNever) due_.store(defers ? due : kNever, std::memory_order_relaxed);
    const std::uint32_t wanted = seen & ~kPreferBusyPoll & ~(missed ? kMissed : kSched);
    // Release pairs with the acquire in schedule_prep(), timer_expired(), busy_poll_begin(),
    // disable() and wait_disabled(); acquire with the release in schedule_prep().
    if (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      continue;
    }
    if (missed) {
      counters_.repolls.add(1);
      return Completion::again;
    }
    if ((wanted & kDisable) != 0) state_.notify_all();
    return defers ? Completion::deferred : Completion::unmask;
  }
}

std::uint64_t Napi::timer_due() const noexcept {
  return due_.load(std::memory_order_relaxed);  // a time; timer_expired() settles whose turn it is
}

bool Napi::timer_expired() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  do {
    // Not MISSED: the device rang for nothing. And the timer goes on being due, so that it is not
    // lost on an owner that is about to let go.
    if ((seen & (kDisable | kSched)) != 0) return false;
    if (timer_due() > now()) return false;
    // Acquire pairs with the release in complete_done().
  } while (!state_.compare_exchange_weak(seen, (seen | kSched) & ~kPreferBusyPoll,
                                         std::memory_order_acquire, std::memory_order_relaxed));
  counters_.timer_fires.add(1);
  begin_ownership();
  return true;
}

bool Napi::busy_poll_begin() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  for (;;) {
    if ((seen & kDisable) != 0) return false;
    const bool owned = (seen & kSched) != 0;
    if (owned && !prefer_busy_poll_.load(std::memory_order_relaxed)) return false;
    const std::uint32_t wanted = seen | (owned ? kPreferBusyPoll : kSched | kInBusyPoll);
    // Acquire pairs with the release in complete_done().
    if (wanted != seen && !state_.compare_exchange_weak(seen, wanted, std::memory_order_acquire,
                                                        std::memory_order_relaxed)) {
      continue;
    }
    if (owned) return false;
    counters_.busy_polls.add(1);
    begin_ownership();
    return true;
  }
}

void Napi::busy_poll_end() noexcept {
  // With the pledge the device stays masked even if the last poll finds nothing.
  if (prefer_busy_poll_.load(std::memory_order_relaxed)) {
    defer_hard_irqs_count_ = defer_hard_irqs_.load(std::memory_order_relaxed);
  }
  // Acquire pairs with the release in schedule_prep(): the poll to come sees what was missed.
  state_.fetch_and(~(kMissed | kInBusyPoll), std::memory_order_acquire);
}

bool Napi::prefer_busy_poll() const noexcept {
  return (state_.load(std::memory_order_relaxed) & kPreferBusyPoll) != 0;  // a hint
}

bool Napi::suspend() noexcept {
  const std::uint64_t timeout = irq_suspend_timeout_ns_.load(std::memory_order_relaxed);
  std::uint64_t due = timer_due();
  if (timeout == 0 || due == kNever) return false;
  // Only a timer that runs may be put off: its owner or a disabler may have stopped it meanwhile,
  // and nobody would stop it again. Relaxed: see timer_due().
  if (!due_.compare_exchange_strong(due, now() + timeout, std::memory_order_relaxed)) return false;
  counters_.suspends.add(1);
  return true;
}

void Napi::configure(const NapiSettings& settings) noexcept {
  defer_hard_irqs_.store(settings.defer_hard_irqs, std::memory_order_relaxed);
  prefer_busy_poll_.store(settings.prefer_busy_poll, std::memory_order_relaxed);
  gro_flush_timeout_ns_.store(settings.gro_flush_timeout_ns, std::memory_order_relaxed);
  irq_suspend_timeout_ns_.store(settings.irq_suspend_timeout_ns, std::memory_order_relaxed);
}

NapiSettings Napi::settings() const noexcept {
  return {.defer_hard_irqs = defer_hard_irqs_.load(std::memory_order_relaxed),
          .gro_flush_timeout_ns = gro_flush_timeout_ns_.load(std::memory_order_relaxed),
          .irq_suspend_timeout_ns = irq_suspend_timeout_ns_.load(std::memory_order_relaxed),
          .prefer_busy_poll = prefer_busy_poll_.load(std::memory_order_relaxed)};
}

bool Napi::disable_pending() const noexcept {
  return (state_.load(std::memory_order_relaxed) & kDisable) != 0;  // a hint; release acts on it
}

void Napi::release_disabled() noexcept {
  // Release pairs with the acquire in wait_disabled().
  state_.fetch_and(~(kSched | kMissed | kInBusyPoll | kPreferBusyPoll), std::memory_order_release);
  state_.notify_all();
}

bool Napi::enable() noexcept {
  // Release pairs with the acquire in schedule_prep(): the first owner sees the set-up.
  const std::uint32_t before = state_.fetch_and(~kDisable, std::memory_order_release);
  return (before & kDisable) != 0;
}

Disabled Napi::disable() noexcept {
  // Acquire pairs with the release of the last owner's complete_done().
  const std::uint32_t before = state_.fetch_or(kDisable, std::memory_order_acq_rel);
  if ((before & kDisable) != 0) return Disabled::already;
  if ((before & kSched) != 0) return Disabled::pending;
  // Nobody owns it and nobody will: what is left of the owner's is ours.
  stop_timer();
  return Disabled::done;
}

void Napi::wait_disabled() const noexcept {
  for (;;) {
    // Acquire pairs with the release in release_disabled() and complete_done().
    const std::uint32_t seen = state_.load(std::memory_order_acquire);
    if ((seen & kSched) == 0) return;
    state_.wait(seen, std::memory_order_acquire);
  }
}

bool Napi::owned() const noexcept {
  return (state_.load(std::memory_order_relaxed) & kSched) != 0;  // a hint to others
}

}  // namespace bellpull::netdrv
