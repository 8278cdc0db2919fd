/* SPDX-License-Identifier: BSD-2-Clause */
// Two processes over a value ring in a shared region, with a doorbell.
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bellpull/ring/c.h"
#include "check.h"

enum { kValues = 5000 };

// Opens the region anew, as a program that got the file descriptors over a socket would.
static int child(int memfd, int eventfd) {
  bp_region region = {0};
  bp_doorbell bell = {0};
  bp_spsc ring = {0};
  bp_producer producer = {0};
  if (bp_region_open(&region, memfd) != BP_OK || bp_doorbell_adopt(&bell, eventfd) != BP_OK ||
      bp_region_parts(&region) != 3 || bp_region_spsc(&region, 1, 8, 8, &ring) != BP_OK ||
      bp_producer_attach(&producer, &ring) != BP_OK) {
    return 1;
  }
  for (uint64_t value = 0; value < kValues;) {
    bp_run runs[2];
    if (bp_producer_reserve(&producer, 1, runs) == 0) continue;
    *(uint64_t*)runs[0].data = value++;
    if (bp_producer_commit_and_test(&producer, 1)) bp_doorbell_ring(&bell);
  }
  bp_region_close(&region);
  return bp_region_fd(&region) == -1 ? 0 : 2;
}

void test_processes(void) {
  const bp_part parts[] = {
      {.kind = BP_PART_BYTES, .size = 1000},
      {.kind = BP_PART_SPSC, .element_bytes = 8, .element_align = 8, .size = 64},
      {.kind = BP_PART_PACKED, .size = 7}};
  bp_region region = {0};
  bp_doorbell bell = {0};
  EXPECT(BP_OK, bp_region_create(&region, "bellpull-c", parts, 3));
  EXPECT(BP_OK, bp_doorbell_make(&bell));
  uint64_t bytes = 0;
  CHECK(bp_region_part(&region, 0, &bytes) != NULL && bytes == 1000);
  const bp_mapping whole = bp_region_mapping(&region);
  CHECK(whole.address == 0 && whole.length > 1000 && whole.data != NULL);
  bp_queue queue;
  EXPECT(BP_OK, bp_region_queue(&region, 2, BP_PACKED, &queue));
  CHECK(queue.layout == BP_PACKED && queue.size == 7);
  bp_spsc ring = {0};
  bp_consumer consumer = {0};
  EXPECT(BP_OK, bp_region_spsc(&region, 1, 8, 8, &ring));
  EXPECT(BP_OK, bp_consumer_attach(&consumer, &ring));

  const pid_t pid = fork();
  if (pid == 0) _exit(child(bp_region_fd(&region), bp_doorbell_fd(&bell)));
  if (!CHECK(pid > 0)) return;
  uint64_t next = 0;
  while (next < kValues) {
    uint64_t values[16];
    const uint32_t found = bp_consumer_pop(&consumer, values, 16);
    for (uint32_t i = 0; i < found; ++i) CHECK(values[i] == next++);
    if (found != 0 || bp_consumer_arm(&consumer)) continue;
    struct pollfd watched = {bp_doorbell_fd(&bell), POLLIN, 0};
    // An emulation lets both sides miss each other (test/emulated.hpp says why).
    const int emulated = getenv("BELLPULL_EMULATED") != NULL;
    const int rang = poll(&watched, 1, emulated ? 10 : 60000);
    if (rang == 0 && emulated) continue;
    if (!CHECK(rang == 1)) break;
    // More than one when an earlier arm() made a ring needless that was under way.
    CHECK(bp_doorbell_hear(&bell) >= 1);
    bp_consumer_disarm(&consumer);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  bp_region_close(&region);
  bp_doorbell_close(&bell);
  CHECK(bp_doorbell_fd(&bell) == -1 && bp_region_parts(&region) == 0);
}
