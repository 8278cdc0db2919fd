// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/napi.hpp"

#include <utility>

namespace bellpull::netdrv {

bool Napi::schedule_prep() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  for (;;) {
    if ((seen & kDisable) != 0) return false;
    const std::uint32_t wanted = seen | kSched | ((seen & kSched) != 0 ? kMissed : 0);
    // Acquire pairs with the release in complete_done(): the new owner sees all the old one did.
    // Release pairs with the acquire in complete_done(): who finds MISSED sees the event's cause.
    if (state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      break;
    }
  }
  // Counters only, so relaxed.
  if ((seen & kSched) != 0) {
    counters_.missed.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  counters_.scheduled.fetch_add(1, std::memory_order_relaxed);
  scheduled_at_ = now();
  return true;
}

bool Napi::complete_done() noexcept {
  // Counted before letting go: afterwards the instance is somebody else's. If an event was missed
  // the rest of the masked time is counted next time.
  const std::uint64_t until = now();
  counters_.masked_ns.add(until - std::exchange(scheduled_at_, until));
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // the exchange below decides
  for (;;) {
    // Ownership and the memory of a missed event cannot both be let go: keep the one, forget the
    // other, poll again.
    const bool missed = (seen & kMissed) != 0;
    const std::uint32_t wanted = missed ? (seen & ~kMissed) : (seen & ~kSched);
    // Release pairs with the acquire in schedule_prep(), acquire with its release.
    if (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      continue;
    }
    if (missed) {
      counters_.repolls.add(1);
      return false;
    }
    if ((wanted & kDisable) != 0) state_.notify_all();
    return true;
  }
}

bool Napi::disable_pending() const noexcept {
  return (state_.load(std::memory_order_relaxed) & kDisable) != 0;  // a hint; release acts on it
}

void Napi::release_disabled() noexcept {
  // Release pairs with the acquire in wait_disabled().
  state_.fetch_and(~(kSched | kMissed), std::memory_order_release);
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
  return (before & kSched) != 0 ? Disabled::pending : Disabled::done;
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
