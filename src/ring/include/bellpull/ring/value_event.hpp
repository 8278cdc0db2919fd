// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring::detail {

// Whether moving a position from `before` to `after` stepped over `event`. Positions run freely
// over 64 bits, so that a parked word, behind `before`, is not stepped over again.
[[nodiscard]] constexpr bool value_event_crossed(std::uint64_t event, std::uint64_t before,
                                                 std::uint64_t after) noexcept {
  return event - before < after - before;
}

}  // namespace bellpull::ring::detail
