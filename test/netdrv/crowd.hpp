// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::test {

/// Many who sleep on one file. The kernel wakes the latest first: whoever begins to sleep after
/// them is awake long before it is done with all of them.
class Crowd {
 public:
  Crowd(int fd, unsigned size) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    members_.reserve(size);
    for (unsigned i = 0; i < size; ++i) {
      members_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
      if (members_.back().get() < 0) fail("fcntl");
      epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
      const int member = members_.back().get();
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, member, &event) != 0) fail("epoll_ctl");
    }
  }

  /// As many as there may be, or 0 where that is too few to keep the kernel busy, and says so.
  static unsigned largest() {
    constexpr rlim_t kEnough = 4000;
    constexpr rlim_t kOthers = 200;
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    const rlim_t size = std::min(kEnough, files.rlim_max - std::min(files.rlim_max, kOthers));
    if (size >= kEnough / 4) return static_cast<unsigned>(size);
    MESSAGE("SKIPPED: needs a thousand open files; raise the hard limit (ulimit -Hn)");
    return 0;
  }

 private:
  [[noreturn]] static void fail(const char* call) {
    throw std::system_error(errno, std::generic_category(),
                            std::string(call) + " for one of a crowd");
  }

  netdrv::UniqueFd epoll_;
  std::vector<netdrv::UniqueFd> members_;
};

}  // namespace bellpull::test
