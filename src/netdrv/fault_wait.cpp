// SPDX-License-Identifier: BSD-2-Clause
#include "fault_wait.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>

#include "timespec.hpp"

namespace bellpull::netdrv {

namespace {

// How long a call that was made to fail for now is put off.
constexpr std::uint64_t kRetryNs = 50'000;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return;
  fail("epoll_ctl: watch file descriptor " + std::to_string(fd) +
       " of a link with faults; use one that can be polled");
}

}  // namespace

FaultWait::FaultWait(const engine::WaitSource& device, const Clock& clock)
    : clock_(clock), timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (timer_.get() < 0) fail("timerfd_create: link with faults; raise the limit of open files");
  if (device.fd < 0) return;
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.get() < 0) fail("epoll_create1: link with faults; raise the limit of open files");
  watch(epoll_.get(), timer_.get(), EPOLLIN);
  watch(epoll_.get(), device.fd, device.events);
}

engine::WaitSource FaultWait::source() const noexcept {
  return {epoll_.get() < 0 ? timer_.get() : epoll_.get(), EPOLLIN};
}

void FaultWait::sleep(bool again, const HeldFrames& held) const noexcept {
  if (again) {
    wake_in(kRetryNs);
  } else if (!held.empty()) {
    const std::uint64_t now = this->now();
    wake_in(std::max(held.next_due(), now) - now);
  }
}

// Cannot fail: the descriptor is a timer, and the time is one. 0 would disarm it.
void FaultWait::wake_in(std::uint64_t ns) const noexcept {
  itimerspec when{};
  when.it_value = to_timespec(std::max<std::uint64_t>(ns, 1));
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace bellpull::netdrv
