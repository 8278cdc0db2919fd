// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

namespace bellpull::bench {

/// CPU time that a running thread uses from here on, read from any thread of the program.
class ThreadCpu {
 public:
  explicit ThreadCpu(pthread_t thread) {
    if (pthread_getcpuclockid(thread, &clock_) != 0) clock_ = CLOCK_THREAD_CPUTIME_ID;
    start_ = now();
  }
  /// The same of a thread that only its number is known of.
  [[nodiscard]] static ThreadCpu of_task(pid_t task) {
    // How Linux makes the clock of a thread: clock_getcpuclockid(3) knows only processes.
    constexpr int kThreadCpu = 6;
    ThreadCpu made;
    made.clock_ = static_cast<clockid_t>(~static_cast<unsigned>(task) << 3 | kThreadCpu);
    made.start_ = made.now();
    return made;
  }
  [[nodiscard]] double seconds() const { return now() - start_; }

 private:
  ThreadCpu() = default;
  [[nodiscard]] double now() const {
    timespec time{};
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  clockid_t clock_ = CLOCK_THREAD_CPUTIME_ID;
  double start_ = 0;
};

}  // namespace bellpull::bench
