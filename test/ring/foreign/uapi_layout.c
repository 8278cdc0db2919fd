/* SPDX-License-Identifier: BSD-2-Clause */
// The part of the kernel's header that is C and not C++, for the tests.
#include "ring/foreign/uapi_layout.h"

#include <linux/virtio_ring.h>
#include <string.h>

struct uapi_places uapi_place(void* memory, unsigned size, unsigned long align) {
  struct vring ring;
  vring_init(&ring, size, memory, align);
  const char* const start = memory;
  struct uapi_places places;
  places.avail = (size_t)((const char*)ring.avail - start);
  places.used = (size_t)((const char*)ring.used - start);
  places.used_event = (size_t)((const char*)&vring_used_event(&ring) - start);
  places.avail_event = (size_t)((const char*)&vring_avail_event(&ring) - start);
  places.end = vring_size(size, align);
  return places;
}

int uapi_need_event(uint16_t event, uint16_t after, uint16_t before) {
  return vring_need_event(event, after, before);
}

void uapi_split_desc(void* bytes, uint64_t address, uint32_t length, uint16_t flags,
                     uint16_t next) {
  const struct vring_desc desc = {.addr = address, .len = length, .flags = flags, .next = next};
  memcpy(bytes, &desc, sizeof desc);
}

void uapi_split_used(void* bytes, uint32_t id, uint32_t length) {
  const struct vring_used_elem used = {.id = id, .len = length};
  memcpy(bytes, &used, sizeof used);
}

void uapi_packed_desc(void* bytes, uint64_t address, uint32_t length, uint16_t id, uint16_t flags) {
  const struct vring_packed_desc desc = {.addr = address, .len = length, .id = id, .flags = flags};
  memcpy(bytes, &desc, sizeof desc);
}

void uapi_packed_event(void* bytes, uint16_t off_wrap, uint16_t flags) {
  const struct vring_packed_desc_event event = {.off_wrap = off_wrap, .flags = flags};
  memcpy(bytes, &event, sizeof event);
}
