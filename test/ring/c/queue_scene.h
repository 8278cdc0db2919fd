/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_TEST_RING_C_QUEUE_SCENE_H
#define BELLPULL_TEST_RING_C_QUEUE_SCENE_H

#include <linux/virtio_ring.h>

#include "bellpull/ring/c.h"

/// A peer's memory with a queue and buffers in it, and a device half over it. The driver half is
/// written by hand in each test, from the text of virtio 1.4.
struct scene {
  unsigned char* memory;  ///< what the peer has, kSceneBytes long
  bp_mapping mapping;     ///< the same
  bp_queue queue;
  bp_device_options options;
  bp_device device;
};

enum {
  kSceneBytes = 8192,
  kSceneAddress = 0x10000,
  kDesc = 0,        ///< offset of the descriptors
  kDriver = 1024,   ///< offset of the available ring or the driver's event word
  kDevice = 2048,   ///< offset of the used ring or the device's event word
  kBuffers = 4096,  ///< offset of the buffers
};

/// Makes a scene with an attached device half.
void set_scene(struct scene* scene, uint32_t layout, uint32_t size, uint64_t features);
/// A split driver: makes the chain of `head` available and shows it.
void split_offer(struct scene* scene, uint16_t head);
/// A split driver: writes a descriptor with a buffer of the scene.
void split_describe(struct scene* scene, uint16_t at, uint32_t offset, uint32_t length,
                    uint16_t flags, uint16_t next);
/// The parts.
struct vring_desc* split_desc(struct scene* scene);
struct vring_avail* split_avail(struct scene* scene);
struct vring_used* split_used(struct scene* scene);
/// A budget without bounds.
bp_budget no_bounds(void);

#endif
