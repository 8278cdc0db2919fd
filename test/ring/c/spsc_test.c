/* SPDX-License-Identifier: BSD-2-Clause */
// The value ring: its rules, a peer that writes garbage, two threads that sleep.
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "bellpull/ring/c.h"
#include "check.h"

typedef struct record {
  uint32_t number;
  uint32_t square;
  uint32_t check;
} record;

static record record_of(uint32_t number) {
  const record made = {number, number * number, ~number};
  return made;
}
static int is_record(const record* found, uint32_t number) {
  const record wanted = record_of(number);
  return memcmp(found, &wanted, sizeof wanted) == 0;
}

enum { kCapacity = 5, kTail = 128 / 8, kHead = 3 * 128 / 8 };

static void* make_ring(bp_spsc* ring, bp_producer* producer, bp_consumer* consumer) {
  const uint64_t bytes = bp_spsc_bytes(kCapacity, sizeof(record), 4);
  void* const memory = zeroed(bytes);
  EXPECT(BP_OK, bp_spsc_format(ring, memory, bytes, kCapacity, sizeof(record), 4));
  EXPECT(BP_OK, bp_producer_attach(producer, ring));
  EXPECT(BP_OK, bp_consumer_attach(consumer, ring));
  return memory;
}

void test_spsc_rules(void) {
  bp_spsc ring = {0};
  bp_producer producer = {0};
  bp_consumer consumer = {0};
  void* const memory = make_ring(&ring, &producer, &consumer);
  CHECK(bp_spsc_capacity(&ring) == kCapacity);
  bp_run runs[2];

  // Seven laps, so that every place of the end of the ring was met.
  uint32_t next = 0;
  for (uint32_t lap = 0; lap < 7; ++lap) {
    CHECK(bp_producer_reserve(&producer, 3, runs) == 3);
    CHECK(runs[0].count + runs[1].count == 3);
    for (uint32_t i = 0; i < 3; ++i) {
      record* const slot = i < runs[0].count ? (record*)runs[0].data + i
                                             : (record*)runs[1].data + (i - runs[0].count);
      *slot = record_of(next + i);
    }
    bp_producer_commit(&producer, 2);
    CHECK(bp_consumer_peek(&consumer, 9, runs) == 2);
    CHECK(is_record(runs[0].data, next));
    bp_consumer_release(&consumer, 1);
    record popped[3];
    CHECK(bp_consumer_pop(&consumer, popped, 3) == 1);
    CHECK(is_record(popped, next + 1));
    next += 2;
  }
  record many[kCapacity + 2];
  for (uint32_t i = 0; i < kCapacity + 2; ++i) many[i] = record_of(100 + i);
  CHECK(bp_producer_push(&producer, many, kCapacity + 2) == kCapacity);
  CHECK(bp_producer_reserve(&producer, 1, runs) == 0);
  CHECK(runs[0].count == 0 && runs[1].count == 0);
  bp_producer_commit(&producer, 1);
  CHECK(bp_producer_arm(&producer) == 0);
  record out[kCapacity];
  CHECK(bp_consumer_peek(&consumer, 1, runs) == 1);
  CHECK(bp_consumer_release_and_test(&consumer, 1) == 1);
  CHECK(bp_consumer_pop(&consumer, out, kCapacity) == kCapacity - 1);
  for (uint32_t i = 0; i + 1 < kCapacity; ++i) CHECK(is_record(&out[i], 101 + i));
  bp_consumer_release(&consumer, 1);
  CHECK(bp_consumer_arm(&consumer) == 0);
  CHECK(bp_producer_reserve(&producer, 1, runs) == 1);
  CHECK(bp_producer_commit_and_test(&producer, 1) == 1);
  CHECK(bp_consumer_arm(&consumer) == 1);
  bp_consumer_disarm(&consumer);
  bp_producer_disarm(&producer);

  const bp_producer_counters in = bp_producer_count(&producer);
  CHECK(in.values == 14 + kCapacity + 1 && in.cancelled == 7 && in.full == 2 + 1);
  CHECK(in.misuses == 1 && in.bells == 1 && in.bells_suppressed == 0 && in.peer_faults == 0);
  const bp_consumer_counters taken = bp_consumer_count(&consumer);
  CHECK(taken.values == 14 + kCapacity && taken.misuses == 1 && taken.bells == 1);
  CHECK(taken.most_waiting == kCapacity);

  // Another opens what was made, and goes on.
  bp_spsc again = {0};
  EXPECT(BP_OK, bp_spsc_open(&again, memory, bp_spsc_bytes(kCapacity, sizeof(record), 4),
                             sizeof(record), 4));
  bp_consumer successor = {0};
  EXPECT(BP_OK, bp_consumer_attach(&successor, &again));
  CHECK(bp_consumer_pop(&successor, out, kCapacity) == 1);
}

void test_spsc_garbage(void) {
  bp_spsc ring = {0};
  bp_producer producer = {0};
  bp_consumer consumer = {0};
  uint64_t* const words = make_ring(&ring, &producer, &consumer);
  const record some = record_of(1);
  CHECK(bp_producer_push(&producer, &some, 1) == 1);
  bp_run runs[2];
  uint64_t noise = 0x9e3779b97f4a7c15;
  const record* const elements = (const record*)(words + 6 * 128 / 8);
  for (int i = 0; i < 10000; ++i) {
    noise = noise * 6364136223846793005 + 1442695040888963407;
    __atomic_store_n(words + kTail, i % 3 == 0 ? noise : noise >> 61, __ATOMIC_RELAXED);
    uint32_t found = bp_consumer_peek(&consumer, 7, runs);
    CHECK(found <= kCapacity && runs[0].count + runs[1].count == found);
    CHECK((const record*)runs[0].data >= elements);
    CHECK((const record*)runs[0].data + runs[0].count <= elements + 8);
    bp_consumer_release(&consumer, found);
    __atomic_store_n(words + kHead, i % 2 == 0 ? noise : noise >> 60, __ATOMIC_RELAXED);
    found = bp_producer_reserve(&producer, 7, runs);
    CHECK(found <= kCapacity && runs[0].count + runs[1].count == found);
    (void)bp_producer_commit_and_test(&producer, found);
  }
  CHECK(bp_consumer_count(&consumer).peer_faults != 0);
  CHECK(bp_producer_count(&producer).peer_faults != 0);
}

// Two threads: each sleeps at the bell of the other when it finds nothing to do.
enum { kRecords = 100000 };
struct world {
  bp_producer producer;
  bp_consumer consumer;
  bp_doorbell data;
  bp_doorbell space;
};

static void wait_for(bp_doorbell* bell) {
  struct pollfd watched = {bp_doorbell_fd(bell), POLLIN, 0};
  (void)poll(&watched, 1, -1);
  (void)bp_doorbell_hear(bell);
}

static void* produce(void* argument) {
  struct world* const world = argument;
  for (uint32_t number = 0; number < kRecords;) {
    bp_run runs[2];
    const uint32_t most = kRecords - number < 3 ? kRecords - number : 3;
    const uint32_t room = bp_producer_reserve(&world->producer, most, runs);
    if (room == 0) {
      if (!bp_producer_arm(&world->producer)) wait_for(&world->space);
      bp_producer_disarm(&world->producer);
      continue;
    }
    for (int run = 0; run < 2; ++run) {
      record* const slots = runs[run].data;
      for (uint32_t i = 0; i < runs[run].count; ++i) slots[i] = record_of(number++);
    }
    if (bp_producer_commit_and_test(&world->producer, room)) bp_doorbell_ring(&world->data);
  }
  return NULL;
}

void test_spsc_threads(void) {
  static struct world world;
  bp_spsc ring = {0};
  (void)make_ring(&ring, &world.producer, &world.consumer);
  EXPECT(BP_OK, bp_doorbell_make(&world.data));
  EXPECT(BP_OK, bp_doorbell_make(&world.space));
  pthread_t thread;
  if (!CHECK(pthread_create(&thread, NULL, produce, &world) == 0)) return;
  uint32_t wrong = 0;
  for (uint32_t number = 0; number < kRecords;) {
    bp_run runs[2];
    const uint32_t found = bp_consumer_peek(&world.consumer, 4, runs);
    if (found == 0) {
      if (!bp_consumer_arm(&world.consumer)) wait_for(&world.data);
      bp_consumer_disarm(&world.consumer);
      continue;
    }
    for (int run = 0; run < 2; ++run) {
      const record* const slots = runs[run].data;
      for (uint32_t i = 0; i < runs[run].count; ++i) {
        wrong += !is_record(&slots[i], number++);
      }
    }
    if (bp_consumer_release_and_test(&world.consumer, found)) bp_doorbell_ring(&world.space);
  }
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(wrong == 0);
  CHECK(bp_producer_count(&world.producer).values == kRecords);
  CHECK(bp_consumer_count(&world.consumer).peer_faults == 0);
  bp_doorbell_close(&world.data);
  bp_doorbell_close(&world.space);
}
