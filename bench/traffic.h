/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs share that make traffic and count it: the clock, the end that a signal asks
 * for, and the line with which they give up. Needs _GNU_SOURCE.
 */
#ifndef BELLPULL_BENCH_TRAFFIC_H
#define BELLPULL_BENCH_TRAFFIC_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stop_requested;

static inline uint64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void on_signal(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

/* Without SA_RESTART, so that a call that blocks ends as well. */
static inline void stop_by_signal(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

static inline void die(const char* call, const char* object, const char* remedy) {
  fprintf(stderr, "%s: %s on %s failed: %s; %s\n", program_invocation_short_name, call, object,
          strerror(errno), remedy);
  exit(1);
}

#endif
