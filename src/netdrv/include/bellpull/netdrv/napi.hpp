// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/stream_channel.hpp"

namespace bellpull::netdrv {

/// Nanoseconds on some clock that never goes back, as the owner reads it.
struct Clock {
  std::uint64_t (*now)(void* context) noexcept = nullptr;  ///< null: time stands still at 0
  void* context = nullptr;                                 ///< handed to now()
};

/// What disable() found.
enum class Disabled : std::uint8_t {
  done,     ///< nobody owns the instance and nobody can schedule it
  pending,  ///< no new schedule succeeds; the present owner lets go when its poll ends
  already,  ///< it was disabled before: an error of the caller, harmless
};

/// Counters of an instance. Written by its owner but for `missed` and `scheduled`, which whoever
/// schedules writes; read by any thread.
struct NapiCounters {
  std::atomic<std::uint64_t> scheduled{0};  ///< successful schedule_prep() calls
  std::atomic<std::uint64_t> missed{0};     ///< events that came while the instance was owned
  engine::Counter polls;                    ///< rounds
  engine::Counter work;                     ///< frames pulled in them
  engine::Counter repolls;                  ///< completions refused, because an event was missed
  engine::Counter masked_ns;                ///< time between schedule and completion
};

/// The ownership word of a NAPI instance: who may poll, and what must not be forgotten meanwhile. A
/// pure state machine: no I/O, the clock handed in.
///
/// The rules and words are the kernel's (Documentation/networking/napi.rst, net/core/dev.c).
/// Exactly one owner at a time: whoever's schedule_prep() returned true, until complete_done()
/// returned true. A new instance is disabled.
class Napi {
 public:
  /// Everybody's time is `clock`.
  explicit Napi(Clock clock = {}) noexcept : clock_(clock) {}

  /// Takes ownership for a poll to come. True: the caller masks the device and then sees to it that
  /// the poll happens. False: somebody owns the instance and will look once more before letting go,
  /// or it is disabled. Any thread, wait-free but for retries against other schedulers.
  [[nodiscard]] bool schedule_prep() noexcept;

  /// Ends a poll that found nothing more. True: ownership is gone; the caller unmasks
  /// the device, looks once more, and touches nothing else of the instance. False: an event was
  /// missed; the caller still owns the instance and polls again. Owner only.
  [[nodiscard]] bool complete_done() noexcept;

  /// Whether somebody asked for the end; an owner that used its whole budget completes then.
  [[nodiscard]] bool disable_pending() const noexcept;

  /// Lets go without conditions, because of disable_pending(). Owner only.
  void release_disabled() noexcept;

  /// Lets schedules succeed. False when it was enabled already: the caller has lost count. Any
  /// thread, not concurrently with disable().
  [[nodiscard]] bool enable() noexcept;

  /// Makes every later schedule fail. Does not block and may be called by the owner itself. Any
  /// thread.
  Disabled disable() noexcept;

  /// Blocks until a pending disable() is done. Never from inside a poll.
  void wait_disabled() const noexcept;

  /// Whether somebody owns it. Any thread; a hint unless the caller is the owner.
  [[nodiscard]] bool owned() const noexcept;

  /// Counters; the owner adds polls and work.
  [[nodiscard]] NapiCounters& counters() noexcept { return counters_; }

 private:
  static constexpr std::uint32_t kSched = 1;
  static constexpr std::uint32_t kMissed = 2;
  static constexpr std::uint32_t kDisable = 4;

  [[nodiscard]] std::uint64_t now() const noexcept {
    return clock_.now == nullptr ? 0 : clock_.now(clock_.context);
  }

  std::atomic<std::uint32_t> state_{kDisable};
  Clock clock_;
  std::uint64_t scheduled_at_ = 0;  // written by whoever won schedule_prep(), read by the owner
  NapiCounters counters_;
};

/// How a round ended.
enum class Round : std::uint8_t {
  again,     ///< the instance is still owned: poll it again, after the others
  complete,  ///< the device is unmasked and will ring
  disabled,  ///< ownership was given up because somebody disabled the instance
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
  napi.counters().polls.add(1);
  napi.counters().work.add(work);
  if (budget == 0) return Round::again;
  if (work >= budget || !napi.complete_done()) {
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

/// One round of an owned instance whose owner never listens for the bell: poll and keep it.
template <class Device>
[[nodiscard]] Round napi_busy_round(Napi& napi, Device& device, unsigned budget) noexcept {
  const unsigned work = device.poll(budget);
  napi.counters().polls.add(1);
  napi.counters().work.add(work);
  if (!napi.disable_pending()) return Round::again;
  napi.release_disabled();
  return Round::disabled;
}

}  // namespace bellpull::netdrv
