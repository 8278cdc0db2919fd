/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_REGION_H
#define BELLPULL_RING_C_REGION_H

#include "bellpull/ring/c/device.h"
#include "bellpull/ring/c/error.h"
#include "bellpull/ring/c/spsc.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Memory that processes share: a sealed memfd with rings, virtqueues and buffers in it. Owns its
/// mapping and its file descriptor. One thread makes, opens and closes it.
typedef struct bp_region {
  uint64_t opaque[128];  ///< the library's
} bp_region;

/// What a part of a region is.
enum bp_part_kind {
  BP_PART_BYTES = 1,   ///< plain memory, for buffers
  BP_PART_SPSC = 2,    ///< a value ring of one producer and one consumer
  BP_PART_SPLIT = 3,   ///< a split virtqueue
  BP_PART_PACKED = 4,  ///< a packed virtqueue
};

/// A part that a region is to have. Fields that a kind does not name are not looked at.
typedef struct bp_part {
  uint32_t kind;           ///< a bp_part_kind
  uint32_t element_bytes;  ///< BP_PART_SPSC: of a value; see bp_spsc_bytes()
  uint32_t element_align;  ///< BP_PART_SPSC: of a value
  uint32_t reserved;       ///< 0
  uint64_t size;           ///< bytes; values that the ring holds; or entries of the queue
} bp_part;

/// Makes a region of `count` parts, 1 to 32, numbered from 0, each on a 128-byte boundary, with
/// empty rings and zeroed memory, in the place of what `region` had. `name` is what /proc shows.
/// Blocks as memory allocation does. Errors: BP_PARTS_TOO_MANY, BP_OTHER_KIND for an unknown kind,
/// BP_REGION_EMPTY, BP_REGION_TOO_LARGE, those of the shape of a ring or queue, BP_SYSTEM_CALL;
/// `region` is a zeroed handle then.
BP_API int bp_region_create(bp_region* region, const char* name, const bp_part* parts,
                            size_t count);

/// Opens the region of another process, in the place of what `region` had. `memfd` stays the
/// caller's. Errors: BP_NOT_A_MEMFD, BP_NOT_SEALED, BP_NOT_A_REGION, BP_OTHER_VERSION,
/// BP_SYSTEM_CALL; `region` is a zeroed handle then.
BP_API int bp_region_open(bp_region* region, int memfd);

/// Unmaps and closes; halves that are attached have no memory any more. A zeroed handle again.
BP_API void bp_region_close(bp_region* region);

/// The memfd, to be sent to other processes; -1 for a zeroed handle. Closed with the region.
BP_API int bp_region_fd(const bp_region* region);

/// How many parts there are.
BP_API uint32_t bp_region_parts(const bp_region* region);

/// The memory of part `number`, and its length in `bytes` unless that is null; null and 0 when
/// there is none. Valid until the region is closed.
BP_API void* bp_region_part(const bp_region* region, uint32_t number, uint64_t* bytes);

/// Fills `ring` for the value ring of part `number`. Errors: BP_PART_MISSING when it is no value
/// ring, and those of bp_spsc_open().
BP_API int bp_region_spsc(const bp_region* region, uint32_t number, uint32_t element_bytes,
                          uint32_t element_align, bp_spsc* ring);

/// Fills `queue` for the virtqueue of part `number`. Errors: BP_PART_MISSING when it is none of
/// that `layout`, those of the queue's size, BP_MEMORY_TOO_SHORT, BP_OTHER_KIND for an unknown
/// layout.
BP_API int bp_region_queue(const bp_region* region, uint32_t number, uint32_t layout,
                           bp_queue* queue);

/// The whole region as a device half wants it: addresses are offsets from its start.
BP_API bp_mapping bp_region_mapping(const bp_region* region);

#ifdef __cplusplus
}
#endif

#endif
