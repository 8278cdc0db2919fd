# SPDX-License-Identifier: BSD-2-Clause
# Mistakes that somebody could make in Napi: what it is, the text there, the text instead. Those that
# only cost time, such as a poll too many, are for the tests of the rules. So is the order of R2: who
# masks before he has won is undone by the owner, who unmasks after he let go.

# R1: one owner, and a second event is missed
napi_subject(prep_forgets "R1: schedule_prep() does not remember the event"
  " | ((seen & kSched) != 0 ? kMissed : 0)" "")
napi_subject(prep_shares "R1: schedule_prep() succeeds for everybody"
  "    counters_.missed.fetch_add(1, std::memory_order_relaxed);
    return false;"
  "    return true;")
napi_subject(prep_after_disable "R1: schedule_prep() succeeds on a disabled instance"
  "const bool disabled = (seen & kDisable) != 0" "const bool disabled = false")
napi_subject(prep_believes "R1: schedule_prep() is refused by what may be old"
  "const bool disabled = (seen & kDisable) != 0;"
  "const bool disabled = (seen & kDisable) != 0;
    if (disabled) return false;")
napi_subject(prep_without_acquire "R1: the new owner need not see what the old one did"
  "disabled ? seen : taken, std::memory_order_acq_rel"
  "disabled ? seen : taken, std::memory_order_release")
napi_subject(prep_without_release "R1: who finds MISSED need not see the event's cause"
  "disabled ? seen : taken, std::memory_order_acq_rel"
  "disabled ? seen : taken, std::memory_order_acquire")

# R5: who used the budget up keeps the instance
napi_subject(round_drops "R5: a round that used its budget up ends as if it had completed"
  "if (!napi.disable_pending()) return Round::again;
    napi.release_disabled();
    return Round::disabled;
  }
  // From"
  "return Round::complete;
  }
  // From")

# R7: what complete_done() refuses
napi_subject(complete_forgets "R7: complete_done() does not look for a missed event"
  "const bool missed = (seen & kMissed) != 0" "const bool missed = false")
napi_subject(complete_lets_go "R7: complete_done() lets go although an event was missed"
  "~(missed ? kMissed : kSched)" "~(missed ? kMissed | kSched : kSched)")
napi_subject(complete_keeps_missed "R7: complete_done() does not forget what it answered"
  "~(missed ? kMissed : kSched)" "~(missed ? 0 : kSched)")
napi_subject(complete_while_busy "R7: complete_done() lets go in the middle of a busy poll"
  "if ((seen & kInBusyPoll) != 0) return Completion::again" "")
napi_subject(complete_without_release "R7: what the owner did need not be seen by the next one"
  "wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      continue"
  "wanted, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
      continue")
napi_subject(complete_without_acquire "R7: the cause of a missed event need not be seen"
  "wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      continue"
  "wanted, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      continue")

# R8: look once more
napi_subject(no_second_look "R8: nobody looks again after unmasking"
  "device.unmask() == engine::Armed::work_pending && napi.schedule_prep()"
  "device.unmask() == engine::Armed::work_pending && false")
napi_subject(second_look_unowned "R8: whoever looks again polls without taking ownership"
  "device.unmask() == engine::Armed::work_pending && napi.schedule_prep()"
  "device.unmask() == engine::Armed::work_pending")
# R11: disable waits for the owner
napi_subject(disable_alone "R11: disable() says that nobody owns the instance"
  "  if ((before & kSched) != 0) return Disabled::pending;
" "")
napi_subject(disable_without_acquire "R11: who disables need not see what the last owner did"
  "state_.fetch_or(kDisable, std::memory_order_acq_rel)"
  "state_.fetch_or(kDisable, std::memory_order_release)")
napi_subject(disable_leaves_timer "R11: disable() lets the timer run on"
  "  stop_timer();
  return Disabled::done" "  return Disabled::done")
napi_subject(complete_wakes_nobody "R11: complete_done() does not tell who waits"
  "if ((wanted & kDisable) != 0) state_.notify_all();" "")
napi_subject(release_wakes_nobody "R11: release_disabled() does not tell who waits"
  "std::memory_order_release);
  state_.notify_all();"
  "std::memory_order_release);")
napi_subject(release_keeps "R11: release_disabled() does not let go"
  "~(kSched | kMissed | kInBusyPoll" "~(kMissed | kInBusyPoll")
napi_subject(release_stays_busy "R11: release_disabled() does not end the busy poll"
  "~(kSched | kMissed | kInBusyPoll" "~(kSched | kMissed")
napi_subject(release_without_release "R11: who waited need not see what the last owner did"
  "kPreferBusyPoll), std::memory_order_release)"
  "kPreferBusyPoll), std::memory_order_relaxed)")
napi_subject(wait_without_acquire "R11: who waited does not look at what the last owner did"
  "state_.load(std::memory_order_acquire);
    if ((seen & kSched) == 0)"
  "state_.load(std::memory_order_relaxed);
    if ((seen & kSched) == 0)")
napi_subject(enable_without_release "R11: the first owner need not see the set-up"
  "state_.fetch_and(~kDisable, std::memory_order_release)"
  "state_.fetch_and(~kDisable, std::memory_order_relaxed)")

# R13: the timer
napi_subject(defers_without_timer "R13: complete_done() defers and sets no timer"
  "if (due != kNever) due_.store(defers ? due : kNever, std::memory_order_relaxed);" "")
napi_subject(timer_set_late "R13, R9: complete_done() sets the timer after letting go"
  "    return defers ? Completion"
  "    if (defers) due_.store(due, std::memory_order_relaxed);
    return defers ? Completion")
napi_subject(defers_while_disabled "R13: complete_done() defers a disabled instance"
  "(seen & (kMissed | kDisable)) == 0" "(seen & kMissed) == 0")
napi_subject(timer_takes_over "R13: the timer takes ownership from an owner"
  "if ((seen & (kDisable | kSched)) != 0) return false"
  "if ((seen & kDisable) != 0) return false")
napi_subject(timer_without_exchange "R13: the timer stores ownership without an exchange"
  "while (!state_.compare_exchange_weak(seen, (seen | kSched) & ~kPreferBusyPoll,
                                         std::memory_order_acquire, std::memory_order_relaxed));"
  "while (false);
  state_.store((seen | kSched) & ~kPreferBusyPoll, std::memory_order_acquire);")
napi_subject(timer_spends_itself "R13: a timer that meets an owner is used up"
  "if ((seen & (kDisable | kSched)) != 0) return false"
  "if ((seen & (kDisable | kSched)) != 0) return due_.store(kNever, std::memory_order_relaxed), false")
napi_subject(timer_without_acquire "R13: the timer need not see what the last owner did"
  "std::memory_order_acquire, std::memory_order_relaxed));
  counters_.timer_fires"
  "std::memory_order_relaxed, std::memory_order_relaxed));
  counters_.timer_fires")

# R16, R17: busy polls
napi_subject(busy_takes_over "R16: a busy poll takes ownership from an owner"
  "const bool owned = (seen & kSched) != 0" "const bool owned = false")
napi_subject(busy_after_disable "R16: a busy poll begins on a disabled instance"
  "    if ((seen & kDisable) != 0) return false;
    const bool owned"
  "    const bool owned")
napi_subject(busy_without_acquire "R16: a busy poll need not see what the last owner did"
  "compare_exchange_weak(seen, wanted, std::memory_order_acquire"
  "compare_exchange_weak(seen, wanted, std::memory_order_relaxed")
napi_subject(busy_never_ends "R17: busy_poll_end() leaves IN_BUSY_POLL set"
  "~(kMissed | kInBusyPoll), std::memory_order_acquire" "~kMissed, std::memory_order_acquire")
napi_subject(busy_end_without_acquire "R17: the cause of a missed event need not be seen"
  "~(kMissed | kInBusyPoll), std::memory_order_acquire"
  "~(kMissed | kInBusyPoll), std::memory_order_relaxed")

# R19: suspending
napi_subject(suspend_revives "R19: suspend() starts a timer that was stopped meanwhile"
  "if (!due_.compare_exchange_strong(due, now() + timeout, std::memory_order_relaxed)) return false;"
  "due_.store(now() + timeout, std::memory_order_relaxed);")
napi_subject(suspend_starts "R19: suspend() starts a timer where none ran"
  "if (timeout == 0 || due == kNever) return false;" "if (timeout == 0) return false;")
