/* SPDX-License-Identifier: BSD-2-Clause */
// Every error that the header names can happen, and leaves what was there.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "queue_scene.h"

void test_spsc_errors(void) {
  bp_spsc ring = {0};
  unsigned char* const memory = zeroed(4096);
  EXPECT(BP_CAPACITY_ZERO, bp_spsc_format(&ring, memory, 4096, 0, 8, 8));
  EXPECT(BP_CAPACITY_TOO_LARGE, bp_spsc_format(&ring, memory, 4096, (1U << 30) + 1, 8, 8));
  EXPECT(BP_ELEMENT_UNFIT, bp_spsc_format(&ring, memory, 4096, 4, 9, 8));
  EXPECT(BP_NULL_PART, bp_spsc_format(&ring, NULL, 4096, 4, 8, 8));
  EXPECT(BP_RING_MISALIGNED, bp_spsc_format(&ring, memory + 8, 4000, 4, 8, 8));
  EXPECT(BP_MEMORY_TOO_SHORT, bp_spsc_format(&ring, memory, 100, 4, 8, 8));
  EXPECT(BP_NOT_A_RING, bp_spsc_open(&ring, memory, 4096, 8, 8));
  CHECK(bp_spsc_bytes(0, 8, 8) == 0 && bp_spsc_capacity(&ring) == 0);
  bp_producer producer = {0};
  EXPECT(BP_NULL_PART, bp_producer_attach(&producer, &ring));

  EXPECT(BP_OK, bp_spsc_format(&ring, memory, 4096, 4, 8, 8));
  EXPECT(BP_OTHER_ELEMENT, bp_spsc_open(&ring, memory, 4096, 4, 4));
  memory[6] = 2;  // the kind
  EXPECT(BP_OTHER_KIND, bp_spsc_open(&ring, memory, 4096, 8, 8));
  memory[6] = 1;
  memory[4] ^= 0x80;  // the version
  EXPECT(BP_OTHER_VERSION, bp_spsc_open(&ring, memory, 4096, 8, 8));
  memory[4] ^= 0x80;
  memory[128] = 77;  // the tail
  EXPECT(BP_STATE_INVALID, bp_producer_attach(&producer, &ring));
}

static int memfd_of(size_t bytes, int seals) {
  const int fd = memfd_create("bellpull-c-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0);
  return fd;
}

void test_region_errors(void) {
  bp_region region = {0};
  bp_part parts[33];
  for (int i = 0; i < 33; ++i) parts[i] = (bp_part){.kind = BP_PART_BYTES, .size = 1};
  EXPECT(BP_PARTS_TOO_MANY, bp_region_create(&region, "c", parts, 33));
  EXPECT(BP_PARTS_TOO_MANY, bp_region_create(&region, "c", parts, 0));
  bp_part wrong = {.kind = BP_PART_SPLIT, .size = 6};
  EXPECT(BP_SIZE_NOT_POWER_OF_TWO, bp_region_create(&region, "c", &wrong, 1));
  wrong = (bp_part){.kind = BP_PART_PACKED, .size = UINT64_MAX};
  EXPECT(BP_SIZE_TOO_LARGE, bp_region_create(&region, "c", &wrong, 1));
  wrong = (bp_part){.kind = BP_PART_BYTES, .size = 0};
  EXPECT(BP_REGION_EMPTY, bp_region_create(&region, "c", &wrong, 1));
  const bp_part large = {.kind = BP_PART_BYTES, .size = UINT64_MAX};
  EXPECT(BP_REGION_TOO_LARGE, bp_region_create(&region, "c", &large, 1));
  wrong = (bp_part){.kind = 9, .size = 1};
  EXPECT(BP_OTHER_KIND, bp_region_create(&region, "c", &wrong, 1));
  EXPECT(BP_OK, bp_region_create(&region, "c", parts, 2));
  bp_spsc ring = {0};
  bp_queue queue;
  EXPECT(BP_PART_MISSING, bp_region_spsc(&region, 0, 8, 8, &ring));
  EXPECT(BP_PART_MISSING, bp_region_queue(&region, 7, BP_SPLIT, &queue));
  EXPECT(BP_OTHER_KIND, bp_region_queue(&region, 0, 3, &queue));

  const int no_memfd = eventfd(0, EFD_CLOEXEC);
  const int open = memfd_of(4096, 0);
  const int empty = memfd_of(4096, F_SEAL_SHRINK | F_SEAL_GROW);
  EXPECT(BP_NOT_A_MEMFD, bp_region_open(&region, no_memfd));
  CHECK(bp_region_fd(&region) == -1 && bp_region_part(&region, 0, NULL) == NULL);
  EXPECT(BP_NOT_SEALED, bp_region_open(&region, open));
  EXPECT(BP_NOT_A_REGION, bp_region_open(&region, empty));
  errno = 0;
  EXPECT(BP_SYSTEM_CALL, bp_region_open(&region, -1));
  CHECK(errno == EBADF);
  bp_doorbell bell = {0};
  EXPECT(BP_SYSTEM_CALL, bp_doorbell_adopt(&bell, -1));
  EXPECT(BP_NOT_AN_EVENTFD, bp_doorbell_adopt(&bell, open));
  CHECK(bp_doorbell_fd(&bell) == -1);
  close(no_memfd);
  close(open);
  close(empty);
}

void test_device_errors(void) {
  static struct scene scene;
  set_scene(&scene, BP_SPLIT, 8, 0);
  bp_device device = {0};
  bp_device_options options = scene.options;
  bp_queue queue = scene.queue;
  const bp_mapping* const memory = &scene.mapping;
  const uint64_t at = kSceneAddress;
  EXPECT(BP_SIZE_ZERO, bp_queue_locate(&queue, BP_PACKED, 0, at, at, at, memory, 1));
  EXPECT(BP_SIZE_TOO_LARGE, bp_queue_locate(&queue, BP_SPLIT, 65536, at, at, at, memory, 1));
  EXPECT(BP_SIZE_NOT_POWER_OF_TWO, bp_queue_locate(&queue, BP_SPLIT, 3, at, at, at, memory, 1));
  EXPECT(BP_OTHER_KIND, bp_queue_locate(&queue, 0, 8, at, at, at, memory, 1));
  EXPECT(BP_PART_UNMAPPED,
         bp_queue_locate(&queue, BP_SPLIT, 8, at + kSceneBytes - 16, at, at, memory, 1));
  EXPECT(BP_MISALIGNED_PART,
         bp_queue_locate(&queue, BP_SPLIT, 8, at + 8, at + 1024, at + 2048, memory, 1));
  EXPECT(BP_OVERLAPPING_PARTS,
         bp_queue_locate(&queue, BP_PACKED, 8, at, at + 4, at + 2048, memory, 1));

  // The last 16 bytes of all addresses: nothing is read there.
  queue.desc = (void*)(UINTPTR_MAX - 15);  // NOLINT(performance-no-int-to-ptr)
  EXPECT(BP_PART_WRAPS, bp_device_attach(&device, &queue, &options));
  queue = scene.queue;
  queue.layout = 7;
  EXPECT(BP_OTHER_KIND, bp_device_attach(&device, &queue, &options));
  options.private_bytes -= 1;
  EXPECT(BP_SLOTS_TOO_FEW, bp_device_attach(&device, &scene.queue, &options));
  options.private_bytes += 1;
  options.mappings = SIZE_MAX;
  EXPECT(BP_SLOTS_TOO_FEW, bp_device_attach(&device, &scene.queue, &options));
  options.mappings = 1;
  bp_mapping mappings[2] = {{0, 0, scene.memory}, {1 << 20, 4096, scene.memory}};
  options.memory = mappings;
  EXPECT(BP_REGION_EMPTY, bp_device_attach(&device, &scene.queue, &options));
  mappings[0] = (bp_mapping){UINT64_MAX - 1, 4096, scene.memory};
  EXPECT(BP_REGION_WRAPS, bp_device_attach(&device, &scene.queue, &options));
  mappings[0] = (bp_mapping){0, 4096, scene.memory};
  options.mappings = 2;
  options.private_bytes = bp_device_private_bytes(8, 2);
  options.private_memory = zeroed(options.private_bytes);
  EXPECT(BP_REGIONS_OVERLAP, bp_device_attach(&device, &scene.queue, &options));
  CHECK(bp_device_arm(&device) == 0);
}

void test_zeroed_handles(void) {
  bp_producer producer = {0};
  bp_consumer consumer = {0};
  bp_device device = {0};
  bp_region region = {0};
  bp_doorbell bell = {0};
  bp_run runs[2];
  uint64_t value = 0;
  CHECK(bp_producer_reserve(&producer, 1, runs) == 0 && runs[0].count == 0);
  CHECK(bp_producer_push(&producer, &value, 1) == 0 && bp_producer_arm(&producer) == 0);
  CHECK(bp_producer_commit_and_test(&producer, 1) == 0);
  bp_producer_commit(&producer, 1);
  bp_producer_disarm(&producer);
  CHECK(bp_producer_count(&producer).misuses == 0);
  CHECK(bp_consumer_peek(&consumer, 1, runs) == 0 && bp_consumer_pop(&consumer, &value, 1) == 0);
  CHECK(bp_consumer_release_and_test(&consumer, 1) == 0 && bp_consumer_arm(&consumer) == 0);
  bp_consumer_release(&consumer, 1);
  bp_consumer_disarm(&consumer);
  CHECK(bp_consumer_count(&consumer).values == 0);
  bp_budget budget = no_bounds();
  bp_chain chain = {0};
  CHECK(bp_device_take(&device, &budget, NULL, 0, &chain) == BP_PULL_BROKEN);
  bp_device_complete(&device, &chain, 0);
  bp_device_publish(&device);
  CHECK(bp_device_publish_and_test(&device) == 0 && bp_device_fault(&device) == 0);
  bp_device_disarm(&device);
  CHECK(bp_device_in_flight(&device, NULL, 0) == 0 && bp_device_stop(&device).avail == 0);
  CHECK(bp_device_count(&device).taken == 0);
  CHECK(bp_region_mapping(&region).data == NULL && bp_region_parts(&region) == 0);
  bp_region_close(&region);
  CHECK(bp_doorbell_ring(&bell) == 0 && bp_doorbell_hear(&bell) == 0);
  bp_doorbell_close(&bell);
}

void test_every_error(void) {
  static const int kAll[] = {BP_OK,
                             BP_SIZE_ZERO,
                             BP_SIZE_TOO_LARGE,
                             BP_SIZE_NOT_POWER_OF_TWO,
                             BP_NULL_PART,
                             BP_MISALIGNED_PART,
                             BP_PART_WRAPS,
                             BP_OVERLAPPING_PARTS,
                             BP_PART_UNMAPPED,
                             BP_MEMORY_TOO_SHORT,
                             BP_SLOTS_TOO_FEW,
                             BP_REGION_EMPTY,
                             BP_REGION_WRAPS,
                             BP_REGIONS_OVERLAP,
                             BP_STATE_INVALID,
                             BP_STATE_MISMATCH,
                             BP_CAPACITY_ZERO,
                             BP_CAPACITY_TOO_LARGE,
                             BP_ELEMENT_UNFIT,
                             BP_RING_MISALIGNED,
                             BP_NOT_A_RING,
                             BP_OTHER_VERSION,
                             BP_OTHER_KIND,
                             BP_OTHER_ELEMENT,
                             BP_NOT_A_MEMFD,
                             BP_NOT_SEALED,
                             BP_SYSTEM_CALL,
                             BP_NOT_A_REGION,
                             BP_PART_MISSING,
                             BP_PARTS_TOO_MANY,
                             BP_NOT_AN_EVENTFD,
                             BP_REGION_TOO_LARGE};
  const char* const unknown = bp_describe(-1);
  CHECK(strcmp(unknown, bp_describe(100000)) == 0);
  for (size_t i = 0; i < sizeof kAll / sizeof *kAll; ++i) {
    CHECK(was_seen(kAll[i]));
    CHECK(strcmp(bp_describe(kAll[i]), unknown) != 0);
  }
}
