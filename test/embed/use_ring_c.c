/* SPDX-License-Identifier: BSD-2-Clause */
/* A user of the C interface: values go through a ring, and the bell rings for who asked. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bellpull/ring/c.h"
#include "bellpull/ring/version.hpp"

static int exchange(void) {
  static _Alignas(128) unsigned char memory[4096];
  bp_spsc ring = {0};
  bp_producer producer = {0};
  bp_consumer consumer = {0};
  uint32_t value = 42;
  uint32_t back = 0;
  if (bp_spsc_bytes(10, sizeof value, sizeof value) > sizeof memory ||
      bp_spsc_format(&ring, memory, sizeof memory, 10, sizeof value, sizeof value) != BP_OK ||
      bp_producer_attach(&producer, &ring) != BP_OK ||
      bp_consumer_attach(&consumer, &ring) != BP_OK) {
    return 0;
  }
  if (bp_consumer_arm(&consumer)) return 0; /* nothing is there */
  bp_run runs[2];
  if (bp_producer_reserve(&producer, 3, runs) != 3 || runs[0].count != 3) return 0;
  *(uint32_t*)runs[0].data = value;
  if (!bp_producer_commit_and_test(&producer, 1)) return 0;
  if (bp_consumer_pop(&consumer, &back, 1) != 1 || back != value) return 0;
  return bp_consumer_pop(&consumer, &back, 1) == 0;
}

int main(void) {
  if (!exchange()) {
    puts("ring_c: the value did not come through");
    return EXIT_FAILURE;
  }
  printf("ring_c %d.%d.%d\n", BELLPULL_VERSION_MAJOR, BELLPULL_VERSION_MINOR,
         BELLPULL_VERSION_PATCH);
  return EXIT_SUCCESS;
}
