// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <utility>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

class Channel;

/// The rule that a request broke, or what it has to wait for.
enum class PrepareReason : std::uint8_t {
  none,                     ///< nothing
  slots_in_use,             ///< not now: too few slots are free
  ring_too_small,           ///< more slots than the ring has
  too_many_segments,        ///< in one list
  too_long,                 ///< more bytes than a transfer can have
  no_segments,              ///< a list that the operation needs is empty
  segment_without_memory,   ///< a segment that begins nowhere
  segment_without_length,   ///< stream: a segment of 0 bytes
  segment_wraps,            ///< a segment that runs past the end of the address space
  zero_length,              ///< an operation on 0 bytes
  totals_differ,            ///< source and destination are not equally long
  source_unexpected,        ///< the operation reads none
  destination_unexpected,   ///< the operation writes none
  address_out_of_reach,     ///< of the back-end
  address_misaligned,       ///< for the back-end
  length_misaligned,        ///< for the back-end
  pattern_bytes,            ///< a pattern of no or more than 8 bytes
  operation_unknown,        ///< a value that names no operation
  operation_not_supported,  ///< not one of the channel's
};

/// One sentence for people: what is wrong and what to do.
[[nodiscard]] const char* describe(PrepareReason reason) noexcept;

/// Why prepare() took nothing.
struct PrepareError {
  /// The three ways to fail, each with its own cure.
  enum class Kind : std::uint8_t {
    none,         ///< it did not fail
    would_block,  ///< not now: `needed` slots, `free` are left; poll, then try again
    too_large,  ///< never: the limit is `max` (slots of the ring, segments or bytes of a transfer)
    bad_request,  ///< never: `reason` says which rule was broken, `segment` and `side` where
  };
  Kind kind = Kind::none;     ///< which
  std::uint32_t needed = 0;   ///< slots, when would_block
  std::uint32_t free = 0;     ///< slots, when would_block
  std::uint32_t max = 0;      ///< when too_large
  std::uint32_t request = 0;  ///< index in the batch, when too_large or bad_request
  std::uint32_t segment = 0;  ///< index in its list, where a segment is to blame
  Side side = Side::source;   ///< the list of that segment
  PrepareReason reason = PrepareReason::none;  ///< which rule
};

/// Transfers that hold their slots but are not submitted. Dropping it gives the slots back, and the
/// buffers were never lent. Owner thread of the channel only; must not outlive the channel.
class [[nodiscard]] Prepared {
 public:
  /// Holds nothing.
  Prepared() = default;
  /// Takes the slots over; `other` holds none afterwards.
  Prepared(Prepared&& other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)),
        first_(other.first_),
        count_(std::exchange(other.count_, 0)) {}
  /// Gives its own slots back, then takes those of `other` over.
  Prepared& operator=(Prepared&& other) noexcept;
  /// Gives the slots back.
  ~Prepared();

  /// Transfers in it; 0 after it was moved from.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }

 private:
  friend class Channel;
  Prepared(Channel* channel, std::uint16_t first, std::uint32_t count) noexcept
      : channel_(channel), first_(first), count_(count) {}

  Channel* channel_ = nullptr;
  std::uint16_t first_ = 0;
  std::uint32_t count_ = 0;
};

/// Answer of prepare(): transfers, or the reason.
struct [[nodiscard]] PrepareResult {
  Prepared prepared;   ///< empty when it failed
  PrepareError error;  ///< kind none when it did not
  /// Whether all transfers were prepared.
  explicit operator bool() const noexcept { return error.kind == PrepareError::Kind::none; }
};

}  // namespace bellpull::engine
