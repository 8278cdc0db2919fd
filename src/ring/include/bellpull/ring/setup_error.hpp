// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// Why a queue could not be attached to its memory. The ring library is built without exceptions,
/// so set-up answers with this value; nothing was written when it is not `none`.
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
  }
  return "unknown set-up error";
}

}  // namespace bellpull::ring
