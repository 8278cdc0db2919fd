// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/stream_channel.hpp"
#include "bellpull/netdrv/clock.hpp"

namespace bellpull::netdrv {

/// What disable() found.
enum class Disabled : std::uint8_t {
  done,     ///< nobody owns the instance and nobody can schedule it
  pending,  ///< no new schedule succeeds; the present owner lets go when its poll ends
  already,  ///< it was disabled before: an error of the caller, harmless
};

/// What complete_done() decided.
enum class Completion : std::uint8_t {
  unmask,    ///< ownership is gone: unmask the device and look once more
  again,     ///< an event was missed, or the owner is busy polling: still owned, poll again
  deferred,  ///< ownership is gone, the device stays masked, and timer_due() says until when
};

/// What a user may tune, each with the kernel's name and meaning. Times are nanoseconds on the
/// instance's clock, below 2^62.
struct NapiSettings {
  /// Completions in a row that find no work and still leave the device masked; a poll that finds
  /// work begins to count anew. 0: the device is unmasked at the first completion.
  unsigned defer_hard_irqs = 0;
  /// How long it stays masked each time, until the timer polls. 0: as if defer_hard_irqs were 0.
  std::uint64_t gro_flush_timeout_ns = 0;
  /// How long suspend() keeps it masked: longer than the application works on what it got. 0:
  /// suspend() does nothing.
  std::uint64_t irq_suspend_timeout_ns = 0;
  /// The application pledges to busy-poll: between its busy polls the device stays masked for
  /// gro_flush_timeout_ns, and the loop leaves to them what exceeds one budget.
  bool prefer_busy_poll = false;
};

/// Counters of an instance, for any thread to read. All but `scheduled`, `missed` and `suspends`
/// are written by whoever owns the instance.
struct NapiCounters {
  /// Buckets of work_histogram: the largest that poll() may return is 4096.
  static constexpr std::size_t kWorkBuckets = std::bit_width(4096U) + 1;

  std::atomic<std::uint64_t> scheduled{0};  ///< schedule_prep() calls that took ownership
  std::atomic<std::uint64_t> missed{0};     ///< schedule_prep() calls while it was owned
  engine::Counter polls;                    ///< rounds
  engine::Counter work;                     ///< frames pulled in them
  /// Rounds by their work: none, 1, 2 to 3, 4 to 7, … in the last one 4096 and more.
  std::array<engine::Counter, kWorkBuckets> work_histogram;
  engine::Counter completions;  ///< polls that wanted to let go of the instance
  engine::Counter repolls;      ///< of these, refused because an event was missed
  /// Of these, those that left the device masked; counted when that ends. The others unmasked it.
  engine::Counter deferred;
  engine::Counter timer_fires;  ///< times the timer took ownership
  engine::Counter busy_polls;   ///< times a busy poll did
  engine::Counter suspends;     ///< suspend() calls that moved the timer
  engine::Counter masked_ns;    ///< time owned or deferred, up to the latest completion

  /// Counts one round. Owner only.
  void polled(unsigned frames) noexcept {
    polls.add(1);
    work.add(frames);
    const auto bucket = static_cast<std::size_t>(std::bit_width(frames));
    work_histogram[bucket < kWorkBuckets ? bucket : kWorkBuckets - 1].add(1);
  }
};

/// The ownership word of a NAPI instance: who may poll, what must not be forgotten meanwhile, and
/// when to look again if the device stays masked. A pure state machine: no I/O, the clock handed
/// in; whoever runs the loop sleeps no longer than timer_due() and calls timer_expired() then.
///
/// The rules and words are the kernel's (Documentation/networking/napi.rst, net/core/dev.c).
/// Exactly one owner at a time: whoever's schedule_prep(), timer_expired() or busy_poll_begin()
/// returned true, until complete_done() said `unmask` or `deferred`. A new instance is disabled.
class Napi {
 public:
  /// timer_due() when there is nothing to wait for; later than any time.
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// Everybody's time is `clock`.
  explicit Napi(Clock clock = {}) noexcept : clock_(clock) {}

  /// Takes ownership for a poll to come. True: the caller masks the device and then sees to it that
  /// the poll happens. False: somebody owns the instance and will look once more before letting go,
  /// or it is disabled. Also ends what suspend() began. Any thread, wait-free but for retries
  /// against other schedulers.
  [[nodiscard]] bool schedule_prep() noexcept;

  /// Ends a poll that found nothing more, after pulling `work` frames. What Completion says is to
  /// be done; unless it is `again` the caller touches nothing else of the instance. Owner only.
  [[nodiscard]] Completion complete_done(unsigned work) noexcept;

  /// When the timer is due, on the instance's clock, or kNever. Any thread; whoever sleeps by it
  /// reads it anew after each round.
  [[nodiscard]] std::uint64_t timer_due() const noexcept;

  /// Takes ownership because the timer is due. True: the caller sees to it that a poll happens; the
  /// device is masked, the pledge of whoever preferred to busy-poll is void. False: the timer is
  /// not due, or somebody owns the instance, which misses nothing by it, or it is disabled. Any
  /// thread.
  [[nodiscard]] bool timer_expired() noexcept;

  /// Takes ownership to poll without an event and without completing. True: the caller masks the
  /// device if it is to stay masked afterwards, does napi_busy_round() as often as it likes, and
  /// then busy_poll_end(). False: somebody owns the instance, and if prefer_busy_poll is set will
  /// soon leave the rest to the next busy poll; or it is disabled. Any thread.
  [[nodiscard]] bool busy_poll_begin() noexcept;

  /// Ends busy polling. The caller still owns the instance and runs one napi_round(), which looks
  /// for what was missed and unmasks or defers; if it says `again`, the loop goes on with it.
  /// Owner, after busy_poll_begin(); not if a round said `disabled`, which was the end.
  void busy_poll_end() noexcept;

  /// Whether a busy poll was refused since the last completion and prefers to take the rest. Owner
  /// only.
  [[nodiscard]] bool prefer_busy_poll() const noexcept;

  /// Puts the timer of a deferred instance off by irq_suspend_timeout_ns from now, while the
  /// application works on what its busy poll brought. schedule_prep() resumes at once; the timer
  /// is for an application that hangs. False: it is not deferred or the setting is 0, and nothing
  /// changed. Any thread, one at a time.
  bool suspend() noexcept;

  /// Changes the settings, in effect from the next completion on; they outlive disable() and
  /// enable(). Any thread.
  void configure(const NapiSettings& settings) noexcept;

  /// The present settings. Any thread.
  [[nodiscard]] NapiSettings settings() const noexcept;

  /// Whether somebody asked for the end; an owner that used its whole budget completes then.
  [[nodiscard]] bool disable_pending() const noexcept;

  /// Lets go without conditions, because of disable_pending(). Owner only.
  void release_disabled() noexcept;

  /// Lets schedules succeed. False when it was enabled already: the caller has lost count. Events
  /// of the time before are forgotten: schedule once if there may have been any. Any thread, not
  /// concurrently with disable() and not before wait_disabled() returned.
  [[nodiscard]] bool enable() noexcept;

  /// Makes every later schedule fail, and stops the timer. Does not block and may be called by the
  /// owner itself. Any thread.
  Disabled disable() noexcept;

  /// Blocks until a pending disable() is done: nobody owns the instance. Never from inside a poll.
  /// A former owner that completed may still be about to unmask the device.
  void wait_disabled() const noexcept;

  /// Whether somebody owns it. Any thread; a hint unless the caller is the owner.
  [[nodiscard]] bool owned() const noexcept;

  /// Counters; the owner adds polls and work.
  [[nodiscard]] NapiCounters& counters() noexcept { return counters_; }
  /// The same, to read. Any thread.
  [[nodiscard]] const NapiCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::uint32_t kSched = 1;
  static constexpr std::uint32_t kMissed = 2;
  static constexpr std::uint32_t kDisable = 4;
  static constexpr std::uint32_t kInBusyPoll = 8;
  static constexpr std::uint32_t kPreferBusyPoll = 16;

  [[nodiscard]] std::uint64_t now() const noexcept {
    return clock_.now == nullptr ? 0 : clock_.now(clock_.context);
  }
  void begin_ownership() noexcept;
  [[nodiscard]] std::uint64_t deferred_until(std::uint64_t time, unsigned work) noexcept;
  bool stop_timer() noexcept;

  std::atomic<std::uint32_t> state_{kDisable};
  // The owner's, but for a disabler that finds no owner and for suspend(), which only puts it off.
  std::atomic<std::uint64_t> due_{kNever};
  // The owner's; handed on through state_.
  std::uint64_t masked_since_ = 0;
  unsigned defer_hard_irqs_count_ = 0;
  // Single values that no other data hangs on, so relaxed.
  std::atomic<unsigned> defer_hard_irqs_{0};
  std::atomic<bool> prefer_busy_poll_{false};
  std::atomic<std::uint64_t> gro_flush_timeout_ns_{0};
  std::atomic<std::uint64_t> irq_suspend_timeout_ns_{0};
  Clock clock_;
  NapiCounters counters_;
};

/// How a round ended.
enum class Round : std::uint8_t {
  again,     ///< the instance is still owned: poll it again, after the others
  complete,  ///< the device is unmasked and will ring
  disabled,  ///< ownership was given up because somebody disabled the instance
  deferred,  ///< ownership was given up, the device is masked: look again at Napi::timer_due()
};

/// One round of an owned instance: poll, and when that found less than the budget, complete, unmask
/// and look once more. `Device` has
///   unsigned poll(unsigned budget): receives at most `budget` frames, reclaims sent ones without
///     limit; a budget of 0 only reclaims; returns `budget` when there may be more;
///   engine::Armed unmask(): arms the bell and looks once more;
///   void mask(): disarms it.
/// All noexcept. A budget of 0 never completes.
template <class Device>
[[nodiscard]] Round napi_round(Napi& napi, Device& device, unsigned budget) noexcept {
  const unsigned work = device.poll(budget);
  napi.counters().polled(work);
  if (budget == 0) return Round::again;
  Completion completion = Completion::again;
  if (work < budget || napi.prefer_busy_poll()) completion = napi.complete_done(work);
  if (completion == Completion::deferred) return Round::deferred;
  if (completion == Completion::again) {
    if (!napi.disable_pending()) return Round::again;
    napi.release_disabled();
    return Round::disabled;
  }
  // From here on another thread may own the instance.
  if (device.unmask() == engine::Armed::work_pending && napi.schedule_prep()) {
    device.mask();
    return Round::again;
  }
  return Round::complete;
}

/// One round of an owned instance whose owner does not listen for the bell, because it is busy
/// polling or never listens: poll and keep it.
template <class Device>
[[nodiscard]] Round napi_busy_round(Napi& napi, Device& device, unsigned budget) noexcept {
  napi.counters().polled(device.poll(budget));
  if (!napi.disable_pending()) return Round::again;
  napi.release_disabled();
  return Round::disabled;
}

}  // namespace bellpull::netdrv
