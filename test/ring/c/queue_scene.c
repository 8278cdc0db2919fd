/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue_scene.h"

#include <string.h>

#include "check.h"

void set_scene(struct scene* scene, uint32_t layout, uint32_t size, uint64_t features) {
  memset(scene, 0, sizeof *scene);
  scene->memory = zeroed(kSceneBytes);
  scene->mapping = (bp_mapping){kSceneAddress, kSceneBytes, scene->memory};
  EXPECT(BP_OK,
         bp_queue_locate(&scene->queue, layout, size, kSceneAddress + kDesc,
                         kSceneAddress + kDriver, kSceneAddress + kDevice, &scene->mapping, 1));
  scene->options.features = features;
  scene->options.memory = &scene->mapping;
  scene->options.mappings = 1;
  scene->options.private_bytes = bp_device_private_bytes(size, 1);
  scene->options.private_memory = zeroed(scene->options.private_bytes);
  EXPECT(BP_OK, bp_device_attach(&scene->device, &scene->queue, &scene->options));
}

struct vring_desc* split_desc(struct scene* scene) {
  return (struct vring_desc*)(scene->memory + kDesc);
}
struct vring_avail* split_avail(struct scene* scene) {
  return (struct vring_avail*)(scene->memory + kDriver);
}
struct vring_used* split_used(struct scene* scene) {
  return (struct vring_used*)(scene->memory + kDevice);
}

void split_describe(struct scene* scene, uint16_t at, uint32_t offset, uint32_t length,
                    uint16_t flags, uint16_t next) {
  split_desc(scene)[at] =
      (struct vring_desc){kSceneAddress + kBuffers + offset, length, flags, next};
}

void split_offer(struct scene* scene, uint16_t head) {
  struct vring_avail* const avail = split_avail(scene);
  const uint16_t at = avail->idx;
  avail->ring[at % scene->queue.size] = head;
  __atomic_store_n(&avail->idx, (uint16_t)(at + 1), __ATOMIC_SEQ_CST);
}

bp_budget no_bounds(void) {
  return (bp_budget){UINT32_MAX, UINT32_MAX, UINT64_MAX, 0, 0};
}
