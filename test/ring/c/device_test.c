/* SPDX-License-Identifier: BSD-2-Clause */
// The device half of both layouts, against drivers written by hand.
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "queue_scene.h"

enum { kPieces = 8 };

void test_split_device(void) {
  static struct scene scene;
  set_scene(&scene, BP_SPLIT, 8, BP_F_EVENT_IDX);
  bp_device* const device = &scene.device;
  bp_piece pieces[kPieces];
  bp_chain chain;
  bp_budget budget = no_bounds();
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_EMPTY);
  CHECK(bp_device_arm(device) == 0);

  split_describe(&scene, 3, 0, 100, VRING_DESC_F_NEXT, 5);
  split_describe(&scene, 5, 200, 50, VRING_DESC_F_WRITE, 0);
  split_offer(&scene, 3);
  CHECK(bp_device_arm(device) == 1);
  bp_device_disarm(device);
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN);
  CHECK(chain.head == 3 && chain.descriptors == 2 && chain.readable == 1 && chain.writable == 1);
  CHECK(chain.readable_bytes == 100 && chain.writable_bytes == 50);
  CHECK(pieces[0].data == scene.memory + kBuffers && pieces[0].length == 100);
  CHECK(pieces[1].data == scene.memory + kBuffers + 200 && pieces[1].length == 50);
  CHECK(budget.chains == UINT32_MAX - 1 && budget.descriptors == UINT32_MAX - 2);
  CHECK(budget.bytes == UINT64_MAX - 150 && budget.used == 1);
  bp_device_complete(device, &chain, 20);
  CHECK(split_used(&scene)->idx == 0);
  CHECK(bp_device_publish_and_test(device) == 1);
  CHECK(split_used(&scene)->idx == 1 && split_used(&scene)->ring[0].id == 3 &&
        split_used(&scene)->ring[0].len == 20);
  bp_device_complete(device, &chain, 20);

  // A buffer outside of the peer's memory: given back at once, and the next one is taken.
  split_describe(&scene, 0, kSceneBytes, 1, 0, 0);
  split_offer(&scene, 0);
  split_offer(&scene, 5);
  split_offer(&scene, 3);
  budget = (bp_budget){3, UINT32_MAX, 50, 0, 0};
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN);
  CHECK(chain.head == 5);
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_MORE);
  bp_device_complete(device, &chain, 0);
  bp_device_publish(device);
  const bp_device_counters counted = bp_device_count(device);
  CHECK(counted.taken == 3 && counted.completed == 3 && counted.faulty == 1);
  CHECK(counted.misuses == 1 && counted.budget_ends == 1 && counted.bells == 1);
  CHECK(counted.publishes == 2 && counted.most_in_flight == 1);

  // What breaks the queue, and what a reset mends.
  split_avail(&scene)->idx = 99;
  budget = no_bounds();
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN);
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_BROKEN);
  CHECK(bp_device_fault(device) == BP_FAULT_AVAIL_INDEX_JUMP);
  CHECK(strcmp(bp_describe_fault(BP_FAULT_AVAIL_INDEX_JUMP), "available index jumped") == 0);
  bp_device_reset(device);
  CHECK(bp_device_fault(device) == BP_FAULT_NONE);
  memset(scene.memory, 0, kBuffers);
  EXPECT(BP_OK, bp_device_attach(device, &scene.queue, &scene.options));
  split_offer(&scene, 8);
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_BROKEN);
  CHECK(bp_device_fault(device) == BP_FAULT_HEAD_OUT_OF_RANGE);
  memset(scene.memory, 0, kBuffers);
  EXPECT(BP_OK, bp_device_attach(device, &scene.queue, &scene.options));
  split_describe(&scene, 1, 0, 1, 0, 0);
  split_offer(&scene, 1);
  split_offer(&scene, 1);
  budget = no_bounds();
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN);
  CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_BROKEN);
  CHECK(bp_device_fault(device) == BP_FAULT_HEAD_IN_FLIGHT);
}

// What the driver of a packed ring writes.
static void packed_offer(struct scene* scene, uint32_t at, int wrap, uint16_t id, uint16_t flags) {
  struct vring_packed_desc* const desc = (struct vring_packed_desc*)(scene->memory + kDesc) + at;
  desc->addr = kSceneAddress + kBuffers;
  desc->len = 64;
  desc->id = id;
  const unsigned mark = wrap ? 1U << VRING_PACKED_DESC_F_AVAIL : 1U << VRING_PACKED_DESC_F_USED;
  __atomic_store_n(&desc->flags, (uint16_t)(flags | mark), __ATOMIC_RELEASE);
}

static int packed_fault(struct scene* scene) {
  bp_piece pieces[kPieces];
  bp_chain chain;
  bp_budget budget = no_bounds();
  while (bp_device_take(&scene->device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN) {
  }
  return bp_device_fault(&scene->device);
}

void test_packed_device(void) {
  static struct scene scene;
  set_scene(&scene, BP_PACKED, 3, BP_F_EVENT_IDX | BP_F_INDIRECT_DESC);
  bp_device* const device = &scene.device;
  const struct vring_packed_desc* const ring = (struct vring_packed_desc*)scene.memory;
  bp_piece pieces[kPieces];
  bp_chain chain;
  for (uint32_t turn = 0; turn < 10; ++turn) {
    bp_budget budget = no_bounds();
    const int wrap = turn / 3 % 2 == 0;
    packed_offer(&scene, turn % 3, wrap, (uint16_t)(2 - turn % 3), VRING_DESC_F_WRITE);
    CHECK(bp_device_take(device, &budget, pieces, kPieces, &chain) == BP_PULL_CHAIN);
    CHECK(chain.head == 2 - turn % 3 && chain.writable == 1 && pieces[0].length == 64);
    memset(pieces[0].data, (int)turn, 64);
    bp_device_complete(device, &chain, 64);
    CHECK(bp_device_publish_and_test(device) == 1);
    const unsigned both = 1U << VRING_PACKED_DESC_F_AVAIL | 1U << VRING_PACKED_DESC_F_USED;
    CHECK((ring[turn % 3].flags & both) == (wrap ? both : 0) && ring[turn % 3].len == 64);
  }
  set_scene(&scene, BP_PACKED, 2, 0);
  packed_offer(&scene, 0, 1, 2, 0);
  CHECK(packed_fault(&scene) == BP_FAULT_ID_OUT_OF_RANGE);
  set_scene(&scene, BP_PACKED, 2, 0);
  packed_offer(&scene, 0, 1, 0, VRING_DESC_F_NEXT);
  CHECK(packed_fault(&scene) == BP_FAULT_DESCRIPTOR_NOT_READY);
  set_scene(&scene, BP_PACKED, 1, 0);
  packed_offer(&scene, 0, 1, 0, 0);
  CHECK(packed_fault(&scene) == BP_FAULT_NONE);
  packed_offer(&scene, 0, 0, 0, 0);
  CHECK(packed_fault(&scene) == BP_FAULT_RING_OVERRUN);
}

// A half stops, another goes on with what is out.
void test_device_state(void) {
  static struct scene scene;
  set_scene(&scene, BP_SPLIT, 4, 0);
  bp_piece pieces[kPieces];
  bp_chain chains[2];
  bp_budget budget = no_bounds();
  for (uint16_t i = 0; i < 3; ++i) {
    split_describe(&scene, i, 64U * i, 64, VRING_DESC_F_WRITE, 0);
    split_offer(&scene, i);
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(bp_device_take(&scene.device, &budget, pieces, kPieces, &chains[i]) == BP_PULL_CHAIN);
  }
  bp_device_complete(&scene.device, &chains[0], 1);
  bp_in_flight out[4];
  CHECK(bp_device_in_flight(&scene.device, NULL, 0) == 1);
  CHECK(bp_device_in_flight(&scene.device, out, 4) == 1 && out[0].head == 1);
  const bp_device_state state = bp_device_stop(&scene.device);
  CHECK(state.avail == 2 && state.used == 1 && split_used(&scene)->idx == 1);
  CHECK(bp_device_take(&scene.device, &budget, pieces, kPieces, chains) == BP_PULL_BROKEN);

  bp_device successor = {0};
  scene.options.resume = &state;
  EXPECT(BP_STATE_INVALID, bp_device_attach(&successor, &scene.queue, &scene.options));
  scene.options.in_flight = out;
  scene.options.in_flight_count = 1;
  const bp_device_state other = {4, 3};
  scene.options.resume = &other;
  EXPECT(BP_STATE_MISMATCH, bp_device_attach(&successor, &scene.queue, &scene.options));
  scene.options.resume = &state;
  EXPECT(BP_OK, bp_device_attach(&successor, &scene.queue, &scene.options));
  bp_device_complete(&successor, &chains[1], 2);
  bp_chain last;
  CHECK(bp_device_take(&successor, &budget, pieces, kPieces, &last) == BP_PULL_CHAIN);
  CHECK(last.head == 2);
  bp_device_complete(&successor, &last, 3);
  bp_device_publish(&successor);
  const struct vring_used* const used = split_used(&scene);
  CHECK(used->idx == 3 && used->ring[1].id == 1 && used->ring[1].len == 2 &&
        used->ring[2].len == 3);
}

// A driver in one thread, the device half in another; both sleep.
enum { kRounds = 20000 };
struct threads {
  struct scene scene;
  bp_doorbell kick;
  bp_doorbell bell;
};

static void sleep_at(bp_doorbell* bell) {
  struct pollfd watched = {bp_doorbell_fd(bell), POLLIN, 0};
  (void)poll(&watched, 1, -1);
  (void)bp_doorbell_hear(bell);
}

static void* serve(void* argument) {
  struct threads* const threads = argument;
  bp_device* const device = &threads->scene.device;
  bp_piece pieces[kPieces];
  bp_chain chain;
  for (int served = 0; served < kRounds;) {
    bp_budget budget = {4, UINT32_MAX, UINT64_MAX, 0, 0};
    int pull;
    while ((pull = bp_device_take(device, &budget, pieces, kPieces, &chain)) == BP_PULL_CHAIN) {
      uint32_t value;
      memcpy(&value, pieces[0].data, sizeof value);
      value += 1;
      memcpy(pieces[1].data, &value, sizeof value);
      bp_device_complete(device, &chain, sizeof value);
      ++served;
    }
    if (bp_device_publish_and_test(device)) bp_doorbell_ring(&threads->bell);
    if (pull == BP_PULL_BROKEN) break;
    if (pull == BP_PULL_EMPTY && served < kRounds && !bp_device_arm(device)) {
      sleep_at(&threads->kick);
    }
    bp_device_disarm(device);
  }
  return NULL;
}

void test_device_threads(void) {
  static struct threads threads;
  struct scene* const scene = &threads.scene;
  set_scene(scene, BP_SPLIT, 8, 0);
  EXPECT(BP_OK, bp_doorbell_make(&threads.kick));
  EXPECT(BP_OK, bp_doorbell_make(&threads.bell));
  for (uint16_t i = 0; i < 8; i = (uint16_t)(i + 2)) {
    split_describe(scene, i, 64U * i, 4, VRING_DESC_F_NEXT, (uint16_t)(i + 1));
    split_describe(scene, (uint16_t)(i + 1), 64U * i + 64, 4, VRING_DESC_F_WRITE, 0);
  }
  pthread_t thread;
  if (!CHECK(pthread_create(&thread, NULL, serve, &threads) == 0)) return;
  uint32_t sent = 0;
  uint32_t got = 0;
  uint32_t wrong = 0;
  while (got < kRounds) {
    int offered = 0;
    for (; sent < kRounds && sent - got < 4; ++sent, offered = 1) {
      const uint16_t head = (uint16_t)(sent % 4 * 2);
      memcpy(scene->memory + kBuffers + 64 * head, &sent, sizeof sent);
      split_offer(scene, head);
    }
    const uint16_t flags = __atomic_load_n(&split_used(scene)->flags, __ATOMIC_SEQ_CST);
    if (offered && !(flags & VRING_USED_F_NO_NOTIFY)) bp_doorbell_ring(&threads.kick);
    while ((uint16_t)got != __atomic_load_n(&split_used(scene)->idx, __ATOMIC_ACQUIRE)) {
      uint32_t value;
      memcpy(&value, scene->memory + kBuffers + 64 * (got % 4 * 2) + 64, sizeof value);
      wrong += value != got + 1;
      ++got;
    }
    if (sent - got == 4) sleep_at(&threads.bell);
  }
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(wrong == 0 && bp_device_count(&scene->device).faulty == 0);
  CHECK(bp_device_count(&scene->device).completed == kRounds);
  bp_doorbell_close(&threads.kick);
  bp_doorbell_close(&threads.bell);
}
