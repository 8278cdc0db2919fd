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
  misaligned_part,        ///< descriptor table 16, available ring 2, used ring 4 bytes
  overlapping_parts,      ///< two of the three parts share bytes
  memory_too_short,       ///< the region ends before the queue does
  slots_too_few,          ///< the private slots are fewer than the entries
};

/// The rule that was broken, as a phrase for an error message. Never null.
[[nodiscard]] constexpr const char* describe(SetupError error) noexcept {
  switch (error) {
    case SetupError::none:
      return "no error";
    case SetupError::size_zero:
      return "the queue size is 0; use a power of two from 1 to 32768";
    case SetupError::size_too_large:
      return "the queue size is above 32768; use a power of two from 1 to 32768";
    case SetupError::size_not_power_of_two:
      return "the size of a split queue must be a power of two from 1 to 32768";
    case SetupError::null_part:
      return "a part of the queue has no memory";
    case SetupError::misaligned_part:
      return "a part of the queue is misaligned; descriptor table 16, available ring 2, used ring "
             "4";
    case SetupError::overlapping_parts:
      return "two parts of the queue overlap";
    case SetupError::memory_too_short:
      return "the memory region is shorter than the queue";
    case SetupError::slots_too_few:
      return "the driver half needs one private slot per entry";
  }
  return "unknown set-up error";
}

}  // namespace bellpull::ring
