// SPDX-License-Identifier: BSD-2-Clause
// What ends the sleep of a Nic, and how it sleeps: its epoll set.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "bellpull/netdrv/nic.hpp"
#include "instance.hpp"
#include "timespec.hpp"

namespace bellpull::netdrv {

namespace {

// What an epoll event carries: the position of a wait source, kWake, kTimer, or kWatcher and a
// position.
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::uint64_t kTimer = kWake - 1;
constexpr std::uint64_t kWatcher = std::uint64_t{1} << 32;
// When a port that has no buffers looks for some again. Who returns them does not say so: it may be
// the application, on any thread.
constexpr std::uint64_t kStarvedRetryNs = 1'000'000;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void add_to_epoll(int epoll, int fd, std::uint32_t events, std::uint64_t data, const char* what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail(what);
}

}  // namespace

void Nic::open_events() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.get() < 0) fail("epoll_create1 for the NIC's loop");
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) fail("eventfd for the NIC's bell");
  timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (timer_.get() < 0) fail("timerfd_create for the NIC's deferrals");
}

void Nic::watch_own() {
  const char* const what = "epoll_ctl: watch the NIC's own bell and timer";
  add_to_epoll(epoll_.get(), wake_.get(), EPOLLIN | EPOLLET, kWake, what);
  add_to_epoll(epoll_.get(), timer_.get(), EPOLLIN | EPOLLET, kTimer, what);
}

// Gives each wait source of the engine the position that it has now, and says once more that it is
// ready, if it is. Anew, not changed: a TAP lets nobody into its wait queue while it has no
// interface, and to change an entry of epoll does not try again (tun_chr_poll, ep_modify).
void Nic::watch_sources() {
  const auto sources = engine_.wait_sources();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sources[i].fd, nullptr);  // not there, the first time
    add_to_epoll(epoll_.get(), sources[i].fd, sources[i].events | EPOLLET, i,
                 "epoll_ctl: watch a port's file descriptor");
  }
}

void Nic::watch(int fd, const Watcher& watcher) {
  watchers_.reserve(watchers_.size() + 1);
  add_to_epoll(epoll_.get(), fd, EPOLLIN, kWatcher + watchers_.size(),
               "epoll_ctl: watch a file descriptor of the owner");
  watchers_.push_back(watcher);
}

void Nic::wake() noexcept {
  const std::uint64_t one = 1;
  // Full is as good as written: the reader is being woken.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Nic::look(int timeout_ms, bool heed_watchers) noexcept {
  rounds_since_look_ = 0;
  (timeout_ms == 0 ? looks_ : waits_).add(1);
  std::array<epoll_event, 64> events;
  const int count = wait_for_events(events.data(), static_cast<int>(events.size()), timeout_ms);
  bool by_port = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const std::uint64_t data = event.data.u64;
    if (data == kTimer) {
      timer_set_ = Napi::kNever;  // it has fired
    } else if (data >= kWatcher && data != kWake) {
      if (!heed_watchers) continue;
      const Watcher& watcher = watchers_[data - kWatcher];
      watcher.ready(watcher.context);
    } else {
      by_port = true;
      if (data != kWake) engine_.source_ready(data, event.events);
    }
  }
  if (by_port && timeout_ms != 0) wakeups_.add(1);
}

// Sleeps no longer than a deferred instance may.
int Nic::wait_for_events(void* events, int most, int timeout_ms) noexcept {
  auto* const found = static_cast<epoll_event*>(events);
  const std::uint64_t due = timeout_ms == 0 ? Napi::kNever : next_timer();
  if (due == Napi::kNever) return ::epoll_wait(epoll_.get(), found, most, timeout_ms);
  const std::uint64_t now = monotonic_ns();
  std::uint64_t left = due > now ? due - now : 0;
  if (timeout_ms > 0) left = std::min(left, static_cast<std::uint64_t>(timeout_ms) * 1'000'000);
  const timespec time = to_timespec(left);
  return ::epoll_pwait2(epoll_.get(), found, most, &time, nullptr);
}

// For an owner who sleeps elsewhere, on fd().
void Nic::set_timer() noexcept {
  const std::uint64_t due = next_timer();
  if (due == Napi::kNever || due >= timer_set_) return;
  itimerspec when{};
  when.it_value = to_timespec(due);
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0) timer_set_ = due;
}

std::uint64_t Nic::next_timer() const noexcept {
  std::uint64_t next = Napi::kNever;
  bool starved = false;
  for (const auto& instance : instances_) {
    next = std::min(next, instance->napi.timer_due());
    starved = starved || (!instance->threaded() && instance->port->starved());
  }
  return starved ? std::min(next, monotonic_ns() + kStarvedRetryNs) : next;
}

}  // namespace bellpull::netdrv
