/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_TEST_RING_FOREIGN_UAPI_LAYOUT_H
#define BELLPULL_TEST_RING_FOREIGN_UAPI_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Where the kernel's vring_init() puts the parts of a split queue, in bytes from its beginning.
struct uapi_places {
  size_t avail;
  size_t used;
  size_t used_event;   ///< as vring_used_event() has it
  size_t avail_event;  ///< as vring_avail_event() has it
  size_t end;          ///< as vring_size() has it
};

/// Asks the kernel's header; `memory` is not touched, and aligned to `align`, a power of two.
struct uapi_places uapi_place(void* memory, unsigned size, unsigned long align);

/// The kernel's vring_need_event().
int uapi_need_event(uint16_t event, uint16_t after, uint16_t before);

/// The kernel's structures with these values in their fields, as bytes. They are little-endian.
void uapi_split_desc(void* bytes, uint64_t address, uint32_t length, uint16_t flags, uint16_t next);
void uapi_split_used(void* bytes, uint32_t id, uint32_t length);
void uapi_packed_desc(void* bytes, uint64_t address, uint32_t length, uint16_t id, uint16_t flags);
void uapi_packed_event(void* bytes, uint16_t off_wrap, uint16_t flags);

#ifdef __cplusplus
}
#endif

#endif
