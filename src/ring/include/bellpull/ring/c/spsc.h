/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_SPSC_H
#define BELLPULL_RING_C_SPSC_H

#include "bellpull/ring/c/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Where a value ring of one producer and one consumer lies: what the halves attach to. Any number
/// of them may look at one ring, in any process. Does not own the memory.
typedef struct bp_spsc {
  uint64_t opaque[12];  ///< the library's
} bp_spsc;

/// The producing half, for one thread at a time.
typedef struct bp_producer {
  uint64_t opaque[32];  ///< the library's
} bp_producer;

/// The consuming half, for one thread at a time.
typedef struct bp_consumer {
  uint64_t opaque[32];  ///< the library's
} bp_consumer;

/// Slots that follow each other. Belongs to the ring; valid until the slots are committed or
/// released, or the half is attached anew.
typedef struct bp_run {
  void* data;      ///< the first slot, aligned as the values are
  uint32_t count;  ///< slots, 0 for an empty run; each is as long as a value
} bp_run;

/// What a producer counted since it was attached.
typedef struct bp_producer_counters {
  uint64_t values;            ///< put into the ring
  uint64_t publishes;         ///< batches shown to the consumer
  uint64_t full;              ///< values that found no room
  uint64_t cancelled;         ///< slots reserved and not committed
  uint64_t bells;             ///< tested commits that said: ring
  uint64_t bells_suppressed;  ///< tested commits that said: nobody asked
  uint64_t misuses;           ///< commits of more than was reserved
  uint64_t peer_faults;       ///< indices of the consumer that cannot be, not believed
} bp_producer_counters;

/// What a consumer counted since it was attached.
typedef struct bp_consumer_counters {
  uint64_t values;            ///< taken out of the ring
  uint64_t releases;          ///< batches of slots given back
  uint64_t empty;             ///< looks that found nothing
  uint64_t most_waiting;      ///< the most values that one look found
  uint64_t bells;             ///< tested releases that said: ring
  uint64_t bells_suppressed;  ///< tested releases that said: nobody asked
  uint64_t misuses;           ///< releases of more than was seen
  uint64_t peer_faults;       ///< indices of the producer that cannot be, not believed
} bp_consumer_counters;

/// Bytes that a ring takes for `capacity` values, 1 to 2^30, of `element_bytes` bytes, 1 to 65536,
/// a multiple of `element_align`, a power of two up to 128. 0 for numbers outside of that.
BP_API uint64_t bp_spsc_bytes(uint32_t capacity, uint32_t element_bytes, uint32_t element_align);

/// Makes an empty ring in `memory`, on a 128-byte boundary and `bytes` bytes long, which nobody
/// else touches meanwhile, and fills `ring`. The memory stays the caller's and outlives the halves.
/// Errors: BP_CAPACITY_ZERO, BP_CAPACITY_TOO_LARGE, BP_ELEMENT_UNFIT, BP_NULL_PART,
/// BP_RING_MISALIGNED, BP_MEMORY_TOO_SHORT; nothing was written then.
BP_API int bp_spsc_format(bp_spsc* ring, void* memory, uint64_t bytes, uint32_t capacity,
                          uint32_t element_bytes, uint32_t element_align);

/// Fills `ring` for the ring that somebody, maybe a peer nobody trusts, made in `memory`. Writes
/// nothing there. Errors: BP_NULL_PART, BP_RING_MISALIGNED, BP_MEMORY_TOO_SHORT, BP_NOT_A_RING,
/// BP_OTHER_VERSION, BP_OTHER_KIND, BP_OTHER_ELEMENT, BP_STATE_INVALID and those of the shape.
BP_API int bp_spsc_open(bp_spsc* ring, void* memory, uint64_t bytes, uint32_t element_bytes,
                        uint32_t element_align);

/// How many values the ring holds; 0 for a zeroed handle.
BP_API uint32_t bp_spsc_capacity(const bp_spsc* ring);

/// Attaches the only producer of a ring; it goes on where a former one stopped or died. Errors:
/// BP_NULL_PART for a zeroed ring, BP_STATE_INVALID; `producer` is as it was then.
BP_API int bp_producer_attach(bp_producer* producer, const bp_spsc* ring);

/// Reserves up to `most` slots, as many as are free, and says where they are: the second run is
/// empty unless the end of the ring lies between. Returns how many. Nothing is taken from the ring
/// by it: another reserve begins with the same slots, and what was reserved need not be committed.
BP_API uint32_t bp_producer_reserve(bp_producer* producer, uint32_t most, bp_run runs[2]);

/// Shows the first `count` of the reserved slots to the consumer, with one store. More than were
/// reserved is a misuse: all are shown, and it is counted.
BP_API void bp_producer_commit(bp_producer* producer, uint32_t count);

/// bp_producer_commit() for a consumer that may sleep: 1 if it asked to be told, then ring its
/// bell. One full barrier.
BP_API int bp_producer_commit_and_test(bp_producer* producer, uint32_t count);

/// Copies as many of `count` values into the ring as there is room for, from the start of `values`,
/// shows them, and returns how many.
BP_API uint32_t bp_producer_push(bp_producer* producer, const void* values, uint32_t count);

/// Asks to be told when the full ring has room, and looks once more. 1: there is room, do not
/// sleep. The consumer learns of it from bp_consumer_release_and_test(). One full barrier.
BP_API int bp_producer_arm(bp_producer* producer);

/// Asks not to be told. A bell may be under way already.
BP_API void bp_producer_disarm(bp_producer* producer);

/// Counts since it was attached; all 0 for a zeroed handle.
BP_API bp_producer_counters bp_producer_count(const bp_producer* producer);

/// Attaches the only consumer of a ring; it goes on where a former one released last. Errors as
/// bp_producer_attach().
BP_API int bp_consumer_attach(bp_consumer* consumer, const bp_spsc* ring);

/// Says where the oldest values are, up to `most`, and returns how many. They stay until they are
/// released: another peek begins with the same ones. A peer may change them meanwhile: copy a value
/// before you check it.
BP_API uint32_t bp_consumer_peek(bp_consumer* consumer, uint32_t most, bp_run runs[2]);

/// Gives the slots of the `count` oldest values back, with one store. More than were seen is a
/// misuse: those are released, and it is counted.
BP_API void bp_consumer_release(bp_consumer* consumer, uint32_t count);

/// bp_consumer_release() for a producer that may sleep until there is room: 1 if it asked to be
/// told, then ring its bell. One full barrier.
BP_API int bp_consumer_release_and_test(bp_consumer* consumer, uint32_t count);

/// Takes up to `count` of the oldest values out, copies them to `values`, and returns how many.
BP_API uint32_t bp_consumer_pop(bp_consumer* consumer, void* values, uint32_t count);

/// Asks to be told of the next value, and looks once more. 1: there is one, do not sleep. The
/// producer learns of it from bp_producer_commit_and_test(). One full barrier.
BP_API int bp_consumer_arm(bp_consumer* consumer);

/// Asks not to be told. A bell may be under way already.
BP_API void bp_consumer_disarm(bp_consumer* consumer);

/// Counts since it was attached; all 0 for a zeroed handle.
BP_API bp_consumer_counters bp_consumer_count(const bp_consumer* consumer);

#ifdef __cplusplus
}
#endif

#endif
