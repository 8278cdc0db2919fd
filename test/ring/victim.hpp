// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <random>

#include "bellpull/ring/doorbell.hpp"
#include "bellpull/ring/shared_region.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {

/// A child process that runs `work(region)` over its own mapping until it is killed.
class Victim {
 public:
  template <class Work>
  Victim(const SharedRegion& region, Doorbell& started, const Work& work) : pid_(fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      SharedRegion own;
      if (!own.open(region.fd())) _exit(2);
      started.ring();
      work(own);
      _exit(3);  // it ends by being killed only
    }
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    REQUIRE(pidfd_ >= 0);
    REQUIRE(started.wait(20'000, pidfd_) == Wake::rang);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() {
    static_cast<void>(was_killed());
    close(pidfd_);
  }

  void kill() const { ::kill(pid_, SIGKILL); }
  [[nodiscard]] int pidfd() const { return pidfd_; }

  /// Ends it, if it lives, and tells whether it ended by a kill: not by an exit of its own, which
  /// is how it says that it saw something wrong.
  [[nodiscard]] bool was_killed() {
    if (!reaped_) {
      kill();
      reaped_ = waitpid(pid_, &status_, 0) == pid_;
    }
    return reaped_ && WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL;
  }

 private:
  pid_t pid_;
  int pidfd_ = -1;
  int status_ = 0;
  bool reaped_ = false;
};

inline void sleep_up_to(std::mt19937_64& random, unsigned microseconds) {
  const timespec pause{0, static_cast<long>(random() % (microseconds * 1000ULL))};
  nanosleep(&pause, nullptr);
}

/// Stays where it is for long enough to be killed there now and then.
inline void linger() {
  for (unsigned i = 0; i < 3000; ++i) {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
  }
}

inline unsigned rounds(unsigned count) {
  return static_cast<unsigned>(engine::test::scaled(count));
}

}  // namespace bellpull::ring::test
