// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

/// What a request that keeps the rules comes to.
struct CheckedOperation {
  PrepareError error{};      ///< kind none, or the first rule that it broke
  std::size_t slots = 0;     ///< that it takes in the ring
  std::uint64_t length = 0;  ///< bytes that it works on
};

/// Whether a segment keeps all rules and has a byte: looked at in no time.
[[nodiscard]] inline bool is_plain(const Segment& segment, const Capabilities& limits) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(segment.data);
  // One comparison for 1 <= length <= max_length, one for address and length as multiples and the
  // last byte within reach.
  return segment.data != nullptr && segment.length - 1 < limits.max_length &&
         address <= std::numeric_limits<std::uintptr_t>::max() - segment.length &&
         (((address | segment.length) & (limits.alignment - 1)) |
          ((address + (segment.length - 1)) & ~limits.address_mask)) == 0;
}

/// Whether it is the usual request, a copy of one segment to another, and keeps all rules; then it
/// takes two slots. Another request may keep them as well.
[[nodiscard]] inline bool is_plain_copy(const OperationRequest& request,
                                        const Capabilities& limits) noexcept {
  return request.operation == Operation::copy && limits.operations.contains(Operation::copy) &&
         request.source.size() == 1 && request.destination.size() == 1 &&
         request.source[0].length == request.destination[0].length &&
         is_plain(request.source[0], limits) && is_plain(request.destination[0], limits);
}

/// Checks a request against the rules of its operation and the limits of the channel.
[[nodiscard]] CheckedOperation check_operation(const OperationRequest& request,
                                               const Capabilities& limits) noexcept;

}  // namespace bellpull::engine
