// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pthread.h>
#include <time.h>

namespace bellpull::bench {

/// CPU time that a running thread uses from here on, read from any thread of the program.
class ThreadCpu {
 public:
  explicit ThreadCpu(pthread_t thread) {
    if (pthread_getcpuclockid(thread, &clock_) != 0) clock_ = CLOCK_THREAD_CPUTIME_ID;
    start_ = now();
  }
  [[nodiscard]] double seconds() const { return now() - start_; }

 private:
  [[nodiscard]] double now() const {
    timespec time{};
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  clockid_t clock_ = CLOCK_THREAD_CPUTIME_ID;
  double start_ = 0;
};

}  // namespace bellpull::bench
