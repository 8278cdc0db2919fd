/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a cache line takes from one core to another and back, in nanoseconds.
 *
 * A virtual machine's cores may sit on neighbouring cores of the host now and far apart a second
 * later; whatever two threads hand to each other is then several times slower. Run this before and
 * after a benchmark of two threads, and compare only runs with a like answer.
 *
 * usage: core_round_trip CORE CORE; prints the median of a few rounds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kTrips = 20000, kRounds = 9 };

static _Alignas(128) atomic_int ball;

static void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)core, &set);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (error != 0) {
    fprintf(stderr,
            "core_round_trip: cannot run on core %d: %s; name one that taskset -cp allows\n", core,
            strerror(error));
    exit(1);
  }
}

static void* return_ball(void* core) {
  pin_to(*(const int*)core);
  for (int trip = 0; trip < kTrips * kRounds; ++trip) {
    while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * trip + 1) {
    }
    atomic_store_explicit(&ball, 2 * trip + 2, memory_order_release);
  }
  return NULL;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void* left, const void* right) {
  const double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: core_round_trip CORE CORE\n");
    return 2;
  }
  int other = atoi(argv[2]);
  pin_to(atoi(argv[1]));
  pthread_t thread;
  if (pthread_create(&thread, NULL, return_ball, &other) != 0) {
    fprintf(stderr, "core_round_trip: cannot start a second thread; lower the load\n");
    return 1;
  }
  double rounds[kRounds];
  int trip = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double start = seconds();
    for (int end = trip + kTrips; trip < end; ++trip) {
      atomic_store_explicit(&ball, 2 * trip + 1, memory_order_release);
      while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * trip + 2) {
      }
    }
    rounds[round] = (seconds() - start) / kTrips * 1e9;
  }
  pthread_join(thread, NULL);
  qsort(rounds, kRounds, sizeof rounds[0], compare);
  printf("%.0f\n", rounds[kRounds / 2]);
  return 0;
}
