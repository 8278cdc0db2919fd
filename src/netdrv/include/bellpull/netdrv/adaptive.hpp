// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::netdrv {

/// What the Adaptive controller goes by. Rates are frames per second, times nanoseconds, none 0.
struct AdaptiveOptions {
  std::uint64_t enter_rate = 20'000;          ///< above it in a window: poll
  std::uint64_t enter_window_ns = 1'000'000;  ///< shortest time over which that is judged
  std::uint64_t leave_rate =
      5'000;  ///< below it in a window: listen; no more than enter_rate counts
  std::uint64_t leave_window_ns = 10'000'000;  ///< shortest time over which that is judged
  std::uint64_t silence_ns = 2'000'000;        ///< without a single frame: listen
};

/// Decides for a loop when to listen for the bell and when to poll, with hysteresis, from what came
/// in: the loop tells it once per round and does as it says. No I/O, the time handed in. One
/// thread.
///
/// It begins by listening. A change of mind begins a new window, so that it listens for at least
/// enter_window_ns and polls for at least the shorter of leave_window_ns and silence_ns. It follows
/// a lasting change of the load within two windows.
class Adaptive {
 public:
  /// What to do until the next round.
  enum class Decision : std::uint8_t {
    listen,  ///< unmask when there is nothing, and sleep
    poll,    ///< stay masked and awake
  };

  /// Throws std::invalid_argument for a window of no time.
  explicit Adaptive(const AdaptiveOptions& options = {});

  /// One round is over, at `now_ns` on a clock that never goes back, and pulled `frames` since the
  /// one before; several rounds may be told as one. A few additions and comparisons.
  Decision round(std::uint64_t now_ns, std::uint64_t frames) noexcept {
    frames_ += frames;
    if (frames != 0) last_frame_ns_ = now_ns;
    if (decision_ == Decision::listen) {
      if (now_ns - since_ns_ >= options_.enter_window_ns) judge_listening(now_ns);
    } else if (now_ns - last_frame_ns_ >= options_.silence_ns) {
      decide(Decision::listen, now_ns);
    } else if (now_ns - since_ns_ >= options_.leave_window_ns) {
      judge_polling(now_ns);
    }
    return decision_;
  }

  /// What the latest round() answered.
  [[nodiscard]] Decision decision() const noexcept { return decision_; }

  /// Changes the options and keeps the decision until the next round. Throws as the constructor
  /// does, and changes nothing then.
  void configure(const AdaptiveOptions& options);

 private:
  void judge_listening(std::uint64_t now_ns) noexcept;
  void judge_polling(std::uint64_t now_ns) noexcept;
  void decide(Decision decision, std::uint64_t now_ns) noexcept;

  AdaptiveOptions options_;
  Decision decision_ = Decision::listen;
  std::uint64_t since_ns_ = 0;  // when the window began
  std::uint64_t frames_ = 0;    // in it
  std::uint64_t last_frame_ns_ = 0;
};

}  // namespace bellpull::netdrv
