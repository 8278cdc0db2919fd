// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/ring/fault.hpp"

namespace bellpull::ring {

/// One contiguous part of a buffer as the driver half describes it: the fields of a descriptor that
/// its author chooses.
struct Segment {
  std::uint64_t address = 0;  ///< as the device half will read it
  std::uint32_t length = 0;   ///< bytes
};

/// One contiguous part of a buffer as the device half can touch it. Laid out like `struct iovec`.
struct Piece {
  std::byte* data = nullptr;  ///< in this program; belongs to the device half until complete()
  std::size_t length = 0;     ///< bytes
};

/// A buffer that came back: what the driver half's poll() reports.
struct Used {
  std::uint64_t token = 0;   ///< the value given at reserve(); from private memory, not the ring
  std::uint16_t head = 0;    ///< the id of the chain; free again as soon as it is reported
  std::uint32_t length = 0;  ///< bytes the device wrote into the writable part
};

/// A chain that the device half took and must give back with complete(), once.
struct Chain {
  std::uint16_t head = 0;         ///< the id of the chain, below the size of the queue
  std::uint16_t descriptors = 0;  ///< entries of the ring that it takes up, the indirect table not
  std::uint32_t readable = 0;     ///< pieces that the device reads; they come first
  std::uint32_t writable = 0;     ///< pieces that the device writes; they follow
  std::uint32_t first = 0;        ///< where its pieces begin in the span that take() filled
  std::uint64_t readable_bytes = 0;  ///< bytes of the readable pieces
  std::uint64_t writable_bytes = 0;  ///< bytes of the writable pieces
  std::uint8_t map_turn = 0;         ///< which of the address map's tables its pieces come from

  /// The pieces that the device reads, given the span that take() filled.
  [[nodiscard]] std::span<Piece> readable_of(std::span<Piece> pieces) const noexcept {
    return pieces.subspan(first, readable);
  }
  /// The pieces that the device writes, given the span that take() filled.
  [[nodiscard]] std::span<Piece> writable_of(std::span<Piece> pieces) const noexcept {
    return pieces.subspan(first + readable, writable);
  }
};

/// No chain: what reserve() returns when there are too few free descriptors.
inline constexpr std::uint16_t kNoHead = 0xffff;

}  // namespace bellpull::ring
