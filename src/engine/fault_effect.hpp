// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "bellpull/engine/backend.hpp"
#include "fault_choice.hpp"
#include "segment_walk.hpp"

namespace bellpull::engine {

/// Whether it makes a transfer end before its end.
[[nodiscard]] inline bool shortens(FaultKind kind) noexcept {
  return kind == FaultKind::read_error || kind == FaultKind::write_error ||
         kind == FaultKind::false_success;
}

/// The first so many bytes of `list`, which are put into `into`.
[[nodiscard]] inline std::span<const Segment> cut_off(std::span<const Segment> list,
                                                      std::uint64_t bytes,
                                                      std::span<Segment> into) noexcept {
  std::size_t count = 0;
  for (const Segment& segment : list) {
    if (bytes == 0 || count == into.size()) break;
    into[count] = {segment.data, std::min<std::uint64_t>(segment.length, bytes)};
    bytes -= into[count++].length;
  }
  return into.first(count);
}

/// Changes what was written or found out; false when there is nothing.
[[nodiscard]] inline bool corrupt(const Op& op, std::uint64_t random, Done& done) noexcept {
  if (op.operation == Operation::compare) {
    done.value = done.value == 0 ? 1 : 0;
    done.bytes = done.value == 0 ? bytes_of(op) : random % bytes_of(op);
    return true;
  }
  if (op.destination.empty()) {
    done.value ^= 1u << random % 32;
    return true;
  }
  if (done.bytes == 0) return false;
  SegmentWalk walk;
  walk.start(op.destination);
  std::uint64_t at = random % done.bytes;
  for (std::size_t run = walk.run(); run != 0 && run <= at; run = walk.run()) {
    at -= run;
    walk.advance(run);
  }
  if (walk.run() == 0) return false;
  walk.data()[at] ^= std::byte{1};
  return true;
}

/// What becomes of the report of a transfer that the inner back-end ended; false when the fault did
/// not come to pass.
[[nodiscard]] inline bool apply(const Fault& fault, const Op& op, Done& done) noexcept {
  const bool differs = op.operation == Operation::compare && done.value != 0;
  switch (fault.kind) {
    case FaultKind::read_error:
    case FaultKind::write_error:
      if (differs || done.error != 0) return false;
      done.error = fault.error;
      done.side = fault.side;
      done.segment = fault.segment;
      done.end = false;
      return true;
    case FaultKind::false_success:
      done = {.id = done.id, .bytes = bytes_of(op), .value = differs ? 0 : done.value};
      return true;
    case FaultKind::corrupt:
      return corrupt(op, fault.random, done);
    default:
      return true;
  }
}

}  // namespace bellpull::engine
