/* SPDX-License-Identifier: BSD-2-Clause */
// A program in C that uses the rings through bellpull/ring/c.h alone.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellpull/ring/c.h"
#include "check.h"

static atomic_uint checks;
static atomic_uint failures;
static char seen[256];
static void* blocks[64];
static size_t block_count;

int check_(int holds, const char* what, const char* file, int line) {
  ++checks;
  if (!holds) {
    ++failures;
    printf("%s:%d: does not hold: %s\n", file, line, what);
  }
  return holds;
}

void expect_(int error, int result, const char* what, const char* file, int line) {
  if (!check_(error == result, what, file, line)) {
    printf("  wanted %d (%s), got %d (%s)\n", error, bp_describe(error), result,
           bp_describe(result));
  }
  if (result >= 0 && result < 256) seen[result] = 1;
}

int was_seen(int error) {
  return seen[error];
}

void* zeroed(uint64_t bytes) {
  void* const memory = aligned_alloc(128, (size_t)((bytes + 127) / 128 * 128));
  if (memory == NULL || block_count == 64) abort();
  blocks[block_count++] = memory;
  memset(memory, 0, (size_t)bytes);
  return memory;
}

int main(void) {
  CHECK(bp_ring_c_version() == BP_RING_C_VERSION);
  test_spsc_rules();
  test_spsc_garbage();
  test_spsc_threads();
  test_processes();
  test_split_device();
  test_packed_device();
  test_device_state();
  test_device_threads();
  test_zeroed_handles();
  test_spsc_errors();
  test_region_errors();
  test_device_errors();
  test_every_error();
  while (block_count != 0) free(blocks[--block_count]);
  printf("%u checks, %u failed\n", checks, failures);
  return failures != 0;
}
