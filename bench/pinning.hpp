// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <pthread.h>
#include <sched.h>

namespace bellpull::bench {

/// Keeps the calling thread on one processor; where that is not allowed it stays where it is.
inline void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace bellpull::bench
