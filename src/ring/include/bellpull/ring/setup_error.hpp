// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// Why a queue could not be attached to its memory. The ring library is built without exceptions,
/// so set-up answers with this value; no shared memory was written when it is not `none`.
enum class SetupError : std::uint8_t {
  none,                   ///< attached
  size_zero,              ///< a queue needs at least one entry
  size_too_large,         ///< virtio 1.4 section 2.6: at most 32768 entries
  size_not_power_of_two,  ///< virtio 1.4 section 2.7: a split queue's size is a power of two
  null_part,              ///< one of the three parts has no memory
  misaligned_part,        ///< split 16, 2 and 4 bytes; packed 16, 4 and 4 bytes
  part_wraps,             ///< a part goes on past the end of the address space
  overlapping_parts,      ///< two of the three parts share bytes
  memory_too_short,       ///< the region ends before the queue does
  part_unmapped,          ///< a part is outside of the peer's memory, or spread over it
  slots_too_few,          ///< the private slots are fewer than the entries
  indirect_room,          ///< too little room for indirect tables
  map_missing,            ///< a device half that looks addresses up was given no map
  region_empty,           ///< a memory region of no bytes, or without memory
  region_wraps,           ///< a memory region goes on past the end of the address space
  regions_overlap,        ///< two memory regions share addresses or memory
  state_invalid,          ///< a saved state that no queue of this size can be in
  state_mismatch,         ///< a saved state that is not that of this memory or of these slots
  capacity_zero,          ///< a value ring needs room for at least one value
  capacity_too_large,     ///< a value ring has at most 2^30 slots
  element_unfit,          ///< a value's size or alignment that no value ring has
  producers_unfit,        ///< a number of producers, or one's number, that the ring does not have
  ring_misaligned,        ///< a value ring begins on a kCacheLine boundary
  not_a_ring,             ///< the memory does not begin with a value ring's header
  other_version,          ///< made by a library with another layout
  other_kind,             ///< another kind of ring than the one asked for
  other_element,          ///< values of another size or alignment than the ones asked for
  producer_taken,         ///< a producer of this number has claimed slots; recover() them first
  no_memory,              ///< the system has no memory for it
  not_a_memfd,            ///< a file descriptor that has no seals: no memfd
  not_sealed,             ///< a memfd that may still shrink or grow
  system_call,            ///< a system call failed; its errno is beside this value
  not_a_region,           ///< the memory does not begin with the header of a shared region
  part_missing,           ///< the region has no part of that number
  parts_too_many,         ///< more parts than a region's header has room for
  not_an_eventfd,         ///< a file descriptor that is to be a bell, and is none
  region_too_large,       ///< a part that no process can map with the others of its region
};

/// The rule that was broken, as a phrase for an error message. Never null.
[[nodiscard]] constexpr const char* describe(SetupError error) noexcept {
  switch (error) {
    case SetupError::none:
      return "no error";
    case SetupError::size_zero:
      return "the queue size is 0; it must be from 1 to 32768";
    case SetupError::size_too_large:
      return "the queue size is above 32768; it must be from 1 to 32768";
    case SetupError::size_not_power_of_two:
      return "the size of a split queue must be a power of two from 1 to 32768";
    case SetupError::null_part:
      return "a part of the queue has no memory";
    case SetupError::misaligned_part:
      return "a part of the queue is misaligned; a split queue needs 16, 2 and 4 bytes for "
             "descriptors, available and used ring, a packed one 16, 4 and 4";
    case SetupError::part_wraps:
      return "a part of the queue goes on past the end of the address space";
    case SetupError::overlapping_parts:
      return "two parts of the queue overlap";
    case SetupError::memory_too_short:
      return "the memory region is shorter than the queue";
    case SetupError::part_unmapped:
      return "a part of the queue is not inside of one memory region";
    case SetupError::slots_too_few:
      return "this half needs one private slot per entry of the queue";
    case SetupError::indirect_room:
      return "indirect descriptors need room: the driver half one table per entry, the device half "
             "as many descriptors as the queue has entries";
    case SetupError::map_missing:
      return "this device half looks addresses up and needs an address map";
    case SetupError::region_empty:
      return "a memory region has no bytes or no memory";
    case SetupError::region_wraps:
      return "a memory region goes on past the end of the address space";
    case SetupError::regions_overlap:
      return "two memory regions overlap";
    case SetupError::state_invalid:
      return "the saved state is not one that a queue of this size can be in";
    case SetupError::state_mismatch:
      return "the saved state does not belong to this memory or these slots";
    case SetupError::capacity_zero:
      return "the capacity is 0; it must be from 1 to 2^30";
    case SetupError::capacity_too_large:
      return "the capacity is above 2^30; it must be from 1 to 2^30";
    case SetupError::element_unfit:
      return "a value must have from 1 to 65536 bytes, a multiple of its alignment, which must be "
             "a "
             "power of two up to 128";
    case SetupError::producers_unfit:
      return "the ring has no producer of that number; a ring of several has from 1 to 1024";
    case SetupError::ring_misaligned:
      return "the memory of a value ring must begin on a 128-byte boundary";
    case SetupError::not_a_ring:
      return "the memory does not begin with the header of a value ring";
    case SetupError::other_version:
      return "the ring has the layout of another version of the library; make it anew";
    case SetupError::other_kind:
      return "the ring is of another kind than the one asked for";
    case SetupError::other_element:
      return "the ring's values have another size or alignment than the ones asked for";
    case SetupError::producer_taken:
      return "the producer of this number has claimed slots that it did not commit; recover it "
             "first";
    case SetupError::no_memory:
      return "there is no memory for the ring";
    case SetupError::not_a_memfd:
      return "the file descriptor is no memfd; make it with SharedRegion::create() or "
             "memfd_create()";
    case SetupError::not_sealed:
      return "the memfd may still shrink or grow under its readers; add F_SEAL_SHRINK and "
             "F_SEAL_GROW";
    case SetupError::system_call:
      return "a system call failed";
    case SetupError::not_a_region:
      return "the memory does not begin with the header of a shared region that fits it";
    case SetupError::part_missing:
      return "the region has no part of that number";
    case SetupError::parts_too_many:
      return "a region has from 1 to 32 parts";
    case SetupError::not_an_eventfd:
      return "the file descriptor is no eventfd; make it with Doorbell::make() or eventfd()";
    case SetupError::region_too_large:
      return "a shared region has at most 2^46 bytes";
  }
  return "unknown set-up error";
}

}  // namespace bellpull::ring
