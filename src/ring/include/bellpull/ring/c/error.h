/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_RING_C_ERROR_H
#define BELLPULL_RING_C_ERROR_H

#include <stddef.h>
#include <stdint.h>

/// Marks what the library exports.
#define BP_API __attribute__((visibility("default")))

/// The version of the interface that a program was compiled with; raised by each addition.
#define BP_RING_C_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/// Why a call failed. The numbers are part of the ABI.
enum bp_error {
  BP_OK = 0,                     ///< it did not
  BP_SIZE_ZERO = 1,              ///< a queue needs at least one entry
  BP_SIZE_TOO_LARGE = 2,         ///< virtio 1.4 section 2.6: at most 32768 entries
  BP_SIZE_NOT_POWER_OF_TWO = 3,  ///< virtio 1.4 section 2.7: of a split queue
  BP_NULL_PART = 4,              ///< memory that is needed was not given
  BP_MISALIGNED_PART = 5,        ///< split 16, 2 and 4 bytes; packed 16, 4 and 4 bytes
  BP_PART_WRAPS = 6,             ///< a part goes on past the end of the address space
  BP_OVERLAPPING_PARTS = 7,      ///< two parts of a queue share bytes
  BP_MEMORY_TOO_SHORT = 8,       ///< the memory ends before the ring or queue does
  BP_PART_UNMAPPED = 9,          ///< a part is outside of the peer's memory, or spread over it
  BP_SLOTS_TOO_FEW = 10,         ///< less private memory than bp_device_private_bytes(), or
                                 ///< misaligned
  BP_REGION_EMPTY = 13,          ///< a mapping of no bytes, or without memory
  BP_REGION_WRAPS = 14,          ///< a mapping goes on past the end of the address space
  BP_REGIONS_OVERLAP = 15,       ///< two mappings share addresses or memory
  BP_STATE_INVALID = 16,         ///< a state or indices that no ring of this size can be in
  BP_STATE_MISMATCH = 17,        ///< a saved state that is not that of this memory
  BP_CAPACITY_ZERO = 18,         ///< a value ring needs room for at least one value
  BP_CAPACITY_TOO_LARGE = 19,    ///< a value ring has at most 2^30 slots
  BP_ELEMENT_UNFIT = 20,         ///< a value has from 1 to 65536 bytes, a multiple of its alignment
  BP_RING_MISALIGNED = 22,       ///< a value ring begins on a 128-byte boundary
  BP_NOT_A_RING = 23,            ///< the memory does not begin with a value ring's header
  BP_OTHER_VERSION = 24,         ///< made by a library with another layout
  BP_OTHER_KIND = 25,            ///< another kind of ring, of queue or of layout
  BP_OTHER_ELEMENT = 26,         ///< values of another size or alignment
  BP_NOT_A_MEMFD = 29,           ///< a file descriptor that has no seals
  BP_NOT_SEALED = 30,            ///< a memfd that may still shrink or grow
  BP_SYSTEM_CALL = 31,           ///< a system call failed, errno says why
  BP_NOT_A_REGION = 32,          ///< the memory does not begin with a shared region's header
  BP_PART_MISSING = 33,          ///< the region has no part of that number
  BP_PARTS_TOO_MANY = 34,        ///< a region has from 1 to 32 parts
  BP_NOT_AN_EVENTFD = 35,        ///< a file descriptor that is to be a bell, and is none
  BP_REGION_TOO_LARGE = 36,      ///< a shared region has at most 2^46 bytes
};

/// The error as a phrase for a message, in memory that is never freed; never null, whatever the
/// number. Any thread.
BP_API const char* bp_describe(int error);

/// BP_RING_C_VERSION of the library that the program runs with: at least as high as the one it was
/// compiled with, or functions are missing. Any thread.
BP_API uint32_t bp_ring_c_version(void);

#ifdef __cplusplus
}
#endif

#endif
