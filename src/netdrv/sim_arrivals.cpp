// SPDX-License-Identifier: BSD-2-Clause
#include "sim_arrivals.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "timespec.hpp"

namespace bellpull::netdrv {

namespace {

// Leaves room for 292 years of arrivals behind it.
constexpr std::uint64_t kLatestBegin = std::uint64_t{1} << 63;

UniqueFd make_timer(const SimOptions& options) {
  if (!options.timer) return {};
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (timer.get() < 0) {
    throw std::system_error(
        errno, std::generic_category(),
        "timerfd_create: simulated NIC " + options.name + "; raise the limit of open files");
  }
  return timer;
}

}  // namespace

SimArrivals::SimArrivals(const SimOptions& options)
    : schedule_(options),
      clock_(options.clock.now != nullptr ? options.clock : Clock{&monotonic_ns, nullptr}),
      timer_(make_timer(options)) {}

void SimArrivals::begin(std::uint64_t at_ns) noexcept {
  const std::uint64_t at = std::min(at_ns, kLatestBegin);
  std::uint64_t never = kNever;
  if (!begin_at_.compare_exchange_strong(never, at, std::memory_order_relaxed)) return;
  arm(at + schedule_.time_of(0));
  armed_by_begin_.store(true, std::memory_order_release);  // pairs with the acquire in wait()
}

void SimArrivals::end() noexcept {
  std::uint64_t never = kNever;
  end_at_.compare_exchange_strong(never, now(), std::memory_order_relaxed);
}

SimArrivals::Come SimArrivals::look() noexcept {
  const std::uint64_t now = this->now();
  if (begun_ == kNever) [[unlikely]] {
    begun_ = begin_at_.load(std::memory_order_relaxed);
    if (begun_ != kNever) next_ = begun_ + schedule_.time_of(0);
  }
  const std::uint64_t first = seen_;
  const std::uint64_t until = std::min(now, end_at_.load(std::memory_order_relaxed));
  if (next_ != kNever && next_ <= until) {
    seen_ = schedule_.due(until - begun_, seen_);
    const std::uint64_t next = schedule_.time_of(seen_);
    next_ = next == kNever ? kNever : begun_ + next;
  }
  return {first, seen_, now};
}

void SimArrivals::wait() noexcept {
  // While begin() may still set the timer, nothing is taken for granted. It sets it to the first
  // arrival: never too late, so it may come before or after what is set here.
  const bool known = armed_by_begin_.load(std::memory_order_acquire);  // pairs with begin()
  if (next_ == armed_for_ || next_ > end_at_.load(std::memory_order_relaxed)) return;
  arm(next_);
  armed_for_ = known ? next_ : kNever;
}

// Cannot fail: the descriptor is a timer, and the time is one.
void SimArrivals::arm(std::uint64_t at) const noexcept {
  if (timer_.get() < 0) return;
  itimerspec when{};
  when.it_value = to_timespec(std::max<std::uint64_t>(at, 1));  // 0 would disarm it
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace bellpull::netdrv
