/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_DEVICE_H
#define BELLPULL_RING_C_DEVICE_H

#include "bellpull/ring/c/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The untrusting device half of a virtqueue: takes the chains that a driver in another process or
/// machine made available, and gives them back used. One thread at a time.
typedef struct bp_device {
  uint64_t opaque[192];  ///< the library's
} bp_device;

/// The two layouts of a virtqueue.
enum bp_layout {
  BP_SPLIT = 1,   ///< virtio 1.4 section 2.7
  BP_PACKED = 2,  ///< virtio 1.4 section 2.8
};

/// VIRTIO_F_INDIRECT_DESC, in bp_device_options.features.
#define BP_F_INDIRECT_DESC (UINT64_C(1) << 28)
/// VIRTIO_F_EVENT_IDX.
#define BP_F_EVENT_IDX (UINT64_C(1) << 29)
/// VIRTIO_F_IN_ORDER.
#define BP_F_IN_ORDER (UINT64_C(1) << 35)

/// A contiguous part of the peer's memory and where it is mapped in this program.
typedef struct bp_mapping {
  uint64_t address;  ///< as the peer's descriptors have it
  uint64_t length;   ///< bytes, not 0
  void* data;        ///< its first byte here; stays mapped as long as a half is attached
} bp_mapping;

/// Where the parts of a virtqueue are in this program. The memory is the caller's.
typedef struct bp_queue {
  uint32_t layout;  ///< a bp_layout
  uint32_t size;    ///< entries: split: a power of two; up to 32768
  void* desc;       ///< descriptor table or ring
  void* driver;     ///< available ring; packed: driver event suppression
  void* device;     ///< used ring; packed: device event suppression
} bp_queue;

/// Where a device half stands; see bp_device_stop(). In the form of vhost-user's VRING_BASE.
typedef struct bp_device_state {
  uint16_t avail;  ///< the next chain to take
  uint16_t used;   ///< the next used entry to write
} bp_device_state;

/// A chain that was taken and not given back.
typedef struct bp_in_flight {
  uint16_t head;         ///< its id
  uint16_t descriptors;  ///< entries of the ring that it takes up
  uint32_t written;      ///< in-order: the length of a completion that waits its turn
  uint32_t writable;     ///< in-order: bytes of its writable part, saturated
  uint32_t completed;    ///< in-order: 1 when completed, behind one that is not
} bp_in_flight;

/// How a device half is set up.
typedef struct bp_device_options {
  uint64_t features;         ///< BP_F_ bits as agreed with the driver; others are not looked at
  uint64_t max_chain_bytes;  ///< longer chains are faulty; 0: 2^32, the most
  const bp_mapping* memory;  ///< the peer's memory, copied
  size_t mappings;           ///< how many
  void* private_memory;      ///< 16-aligned, out of the peer's reach; outlives the attachment
  size_t private_bytes;      ///< at least bp_device_private_bytes()
  const bp_device_state* resume;  ///< go on from here; null: from the start
  const bp_in_flight* in_flight;  ///< with `resume`: the chains that are still out, copied
  size_t in_flight_count;         ///< how many
} bp_device_options;

/// How much one poll may do; taken chains are taken off. A chain that does not fit is left for the
/// next poll, unless it is the first of this one. UINT32_MAX and UINT64_MAX: no bound.
typedef struct bp_budget {
  uint32_t chains;       ///< faulty ones included
  uint32_t descriptors;  ///< direct and indirect
  uint64_t bytes;        ///< readable and writable
  uint32_t used;         ///< 0 at first; 1 once a chain was taken on it
  uint32_t reserved;     ///< 0
} bp_budget;

/// One contiguous part of a buffer, laid out like `struct iovec`. Belongs to the device half until
/// the chain is completed; what the driver writes there may change at any time.
typedef struct __attribute__((may_alias)) bp_piece {
  void* data;     ///< in this program
  size_t length;  ///< bytes
} bp_piece;

/// A chain that was taken and must be given back once. Its pieces are first those to read, then
/// those to write.
typedef struct bp_chain {
  uint16_t head;            ///< its id, below the size of the queue
  uint16_t descriptors;     ///< entries of the ring that it takes up
  uint32_t readable;        ///< pieces to read
  uint32_t writable;        ///< pieces to write
  uint32_t reserved;        ///< the library's
  uint64_t readable_bytes;  ///< bytes of the readable pieces
  uint64_t writable_bytes;  ///< bytes of the writable pieces
} bp_chain;

/// How taking a chain ended.
enum bp_pull {
  BP_PULL_CHAIN = 0,   ///< one was taken
  BP_PULL_EMPTY = 1,   ///< the driver has made nothing more available
  BP_PULL_MORE = 2,    ///< the budget ends here; there may be more
  BP_PULL_BROKEN = 3,  ///< the queue is broken, see bp_device_fault(); or it is not attached
};

/// What broke a queue. The numbers are part of the ABI.
enum bp_fault {
  BP_FAULT_NONE = 0,               ///< nothing
  BP_FAULT_AVAIL_INDEX_JUMP = 1,   ///< the driver claims more chains than fit, or takes some back
  BP_FAULT_HEAD_OUT_OF_RANGE = 2,  ///< the driver names a head outside of the table
  BP_FAULT_HEAD_IN_FLIGHT = 3,     ///< the driver makes a chain available that is still out
  BP_FAULT_ID_OUT_OF_RANGE = 4,    ///< packed: a buffer id that is not below the size
  BP_FAULT_DESCRIPTOR_NOT_READY = 5,  ///< packed: a chain goes on into what is not available
  BP_FAULT_RING_OVERRUN = 6,          ///< packed: more descriptors in flight than the ring has
};

/// What a device half counted since it was attached.
typedef struct bp_device_counters {
  uint64_t taken;             ///< chains taken, faulty ones included
  uint64_t completed;         ///< chains given back, faulty ones included
  uint64_t publishes;         ///< stores that showed a batch
  uint64_t bells;             ///< tested publishes that said: notify
  uint64_t bells_suppressed;  ///< tested publishes that said: nobody asked
  uint64_t empty;             ///< looks that found no chain
  uint64_t budget_ends;       ///< polls that ended with their budget
  uint64_t misuses;           ///< chains given back that were not in flight
  uint64_t most_in_flight;    ///< most chains out at a time
  uint64_t faulty;            ///< chains that broke a rule, given back with length 0
} bp_device_counters;

/// Finds the parts of a queue whose addresses the peer named, in its memory. Errors:
/// BP_OTHER_KIND for an unknown layout, BP_SIZE_ZERO, BP_SIZE_TOO_LARGE, BP_SIZE_NOT_POWER_OF_TWO,
/// BP_PART_UNMAPPED for a part that no single mapping holds, BP_MISALIGNED_PART,
/// BP_OVERLAPPING_PARTS.
BP_API int bp_queue_locate(bp_queue* queue, uint32_t layout, uint32_t size, uint64_t desc,
                           uint64_t driver, uint64_t device, const bp_mapping* memory,
                           size_t mappings);

/// Bytes of private memory for a device half of a queue of `size` entries over `mappings` mappings,
/// whatever its layout and features.
BP_API size_t bp_device_private_bytes(uint32_t size, size_t mappings);

/// Attaches to a queue, in the place of what `device` had. Kicks are parked at first. Errors:
/// BP_OTHER_KIND for an unknown layout, BP_SIZE_ZERO, BP_SIZE_TOO_LARGE, BP_SIZE_NOT_POWER_OF_TWO,
/// BP_NULL_PART, BP_MISALIGNED_PART, BP_PART_WRAPS, BP_OVERLAPPING_PARTS, BP_SLOTS_TOO_FEW,
/// BP_REGION_EMPTY, BP_REGION_WRAPS, BP_REGIONS_OVERLAP, BP_STATE_INVALID, BP_STATE_MISMATCH;
/// `device` is a zeroed handle then, and no queue memory was written.
BP_API int bp_device_attach(bp_device* device, const bp_queue* queue,
                            const bp_device_options* options);

/// Takes the oldest available chain within `budget`, a bp_pull. Its pieces go into `pieces`, of
/// which there are `count`; a chain that needs more is faulty. Faulty chains are given back on the
/// way, with length 0.
BP_API int bp_device_take(bp_device* device, bp_budget* budget, bp_piece* pieces, size_t count,
                          bp_chain* chain);

/// Gives a chain back, the first `written` bytes of its writable part having been written. Not seen
/// by the driver before a publish. Any order; a chain that is not in flight is a misuse and
/// counted.
BP_API void bp_device_complete(bp_device* device, const bp_chain* chain, uint32_t written);

/// Shows all completed chains to the driver, with one store.
BP_API void bp_device_publish(bp_device* device);

/// bp_device_publish(), and 1 if the driver asked to be notified. One full barrier.
BP_API int bp_device_publish_and_test(bp_device* device);

/// Asks to be kicked at the next available chain, and looks once more. 1: there is one, or the
/// queue broke at this look; do not sleep. One full barrier.
BP_API int bp_device_arm(bp_device* device);

/// Asks not to be kicked. A kick may be under way already.
BP_API void bp_device_disarm(bp_device* device);

/// Why the queue is broken, a bp_fault. A broken queue is not touched until the half is attached
/// anew.
BP_API int bp_device_fault(const bp_device* device);

/// The reason that bp_device_fault() returned, as a phrase; never null, never freed.
BP_API const char* bp_describe_fault(int fault);

/// Counts since it was attached; all 0 for a zeroed handle.
BP_API bp_device_counters bp_device_count(const bp_device* device);

/// Writes the chains that are out to `chains`, at most `count`, and returns how many there are: for
/// a hand-over, before bp_device_stop(). `chains` may be null when `count` is 0.
BP_API size_t bp_device_in_flight(const bp_device* device, bp_in_flight* chains, size_t count);

/// Publishes what is completed and lets go of the queue; another half, in this process or another,
/// goes on from what it returns and from the chains that are out. Not for a broken queue.
BP_API bp_device_state bp_device_stop(bp_device* device);

/// Lets go of the queue, as at a queue reset: its memory is not touched any more, and the private
/// memory is the caller's again. A zeroed handle again.
BP_API void bp_device_reset(bp_device* device);

#ifdef __cplusplus
}
#endif

#endif
