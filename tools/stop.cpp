// SPDX-License-Identifier: BSD-2-Clause
#include "stop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bellpull::tools {

namespace {

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

// A blocked signal reaches a signalfd even where it is ignored, so whoever wants it ignored must be
// asked. Not for SIGINT: shells ignore it for background jobs, and a run has to end on it there
// too.
bool is_ignored(int signal) noexcept {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Stop::Stop() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  if (!is_ignored(SIGHUP)) ::sigaddset(&set, SIGHUP);
  const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (error != 0) fail(error, "block SIGINT and SIGTERM");
  signals_ = netdrv::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals_.get() < 0) fail(errno, "signalfd for SIGINT and SIGTERM (raise `ulimit -n`?)");
  timer_ = netdrv::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (timer_.get() < 0) fail(errno, "timerfd_create for --duration (raise `ulimit -n`?)");
}

void Stop::watch_with(netdrv::Nic& nic) {
  nic.watch(signals_.get(), {&Stop::signalled, this});
  nic.watch(timer_.get(), {&Stop::elapsed, this});
}

void Stop::wait(int fd, int milliseconds) {
  std::array<pollfd, 3> all{
      {{signals_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {fd, POLLIN, 0}}};
  if (::poll(all.data(), all.size(), milliseconds) < 0 && errno != EINTR) {
    fail(errno, "poll for signals and the end of the run");
  }
  signalled(this);
  elapsed(this);
}

void Stop::after(std::chrono::nanoseconds duration) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(duration.count() / kSecond);
  when.it_value.tv_nsec = static_cast<long>(duration.count() % kSecond);
  if (::timerfd_settime(timer_.get(), 0, &when, nullptr) < 0) {
    fail(errno, "timerfd_settime for --duration");
  }
}

// What is not read would stay readable and keep the Nic awake while it drains.
void Stop::signalled(void* self) noexcept {
  auto& stop = *static_cast<Stop*>(self);
  signalfd_siginfo info;
  while (::read(stop.signals_.get(), &info, sizeof info) == sizeof info) stop.requested_ = true;
}

void Stop::elapsed(void* self) noexcept {
  auto& stop = *static_cast<Stop*>(self);
  std::uint64_t times = 0;
  while (::read(stop.timer_.get(), &times, sizeof times) == sizeof times) stop.requested_ = true;
}

}  // namespace bellpull::tools
