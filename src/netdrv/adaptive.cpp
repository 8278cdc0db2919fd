// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/netdrv/adaptive.hpp"

#include <algorithm>
#include <stdexcept>

namespace bellpull::netdrv {

namespace {

const AdaptiveOptions& checked(const AdaptiveOptions& options) {
  if (options.enter_window_ns == 0 || options.leave_window_ns == 0 || options.silence_ns == 0) {
    throw std::invalid_argument(
        "adaptive: a window of 0 ns has no rate: choose at least 1 for enter_window_ns, "
        "leave_window_ns and silence_ns");
  }
  return options;
}

// Whether `frames` in `elapsed_ns` are more than `rate` per second. In floating point because a
// sleeper's window may last for months.
bool exceeds(std::uint64_t frames, std::uint64_t elapsed_ns, std::uint64_t rate) noexcept {
  return static_cast<double>(frames) * 1e9 >
         static_cast<double>(rate) * static_cast<double>(elapsed_ns);
}

}  // namespace

Adaptive::Adaptive(const AdaptiveOptions& options) : options_(checked(options)) {}

void Adaptive::configure(const AdaptiveOptions& options) {
  options_ = checked(options);
}

void Adaptive::judge_listening(std::uint64_t now_ns) noexcept {
  const bool busy = exceeds(frames_, now_ns - since_ns_, options_.enter_rate);
  decide(busy ? Decision::poll : Decision::listen, now_ns);
}

void Adaptive::judge_polling(std::uint64_t now_ns) noexcept {
  const std::uint64_t rate = std::min(options_.leave_rate, options_.enter_rate);
  const bool quiet = !exceeds(frames_, now_ns - since_ns_, rate);
  decide(quiet ? Decision::listen : Decision::poll, now_ns);
}

void Adaptive::decide(Decision decision, std::uint64_t now_ns) noexcept {
  // Whoever begins to poll has not been waiting in vain yet.
  if (decision != decision_) last_frame_ns_ = now_ns;
  decision_ = decision;
  since_ns_ = now_ns;
  frames_ = 0;
}

}  // namespace bellpull::netdrv
