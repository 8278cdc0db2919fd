// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// One contiguous piece of a buffer: the fields of a descriptor that its author chooses.
struct Segment {
  std::uint64_t address = 0;  ///< as the device half will read it: here, an address of the program
  std::uint32_t length = 0;   ///< bytes
};

/// A buffer that came back: what the driver half's poll() reports.
struct Used {
  std::uint64_t token = 0;   ///< the value given at reserve(); from private memory, not the ring
  std::uint16_t head = 0;    ///< the id of the chain; free again as soon as it is reported
  std::uint32_t length = 0;  ///< bytes the device wrote into the writable part
};

/// A chain the device half took: what it must give back with complete().
struct Chain {
  std::uint16_t head = 0;      ///< id to complete
  std::uint16_t segments = 0;  ///< descriptors that were emitted
  bool well_formed = true;     ///< false: it left the table, looped, or had too many segments
};

/// No chain: what reserve() returns when there are too few free descriptors.
inline constexpr std::uint16_t kNoHead = 0xffff;

}  // namespace bellpull::ring
