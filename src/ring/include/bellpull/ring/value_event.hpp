// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring::detail {

// Where an event word is out of the way: half the range of positions from where a side stands, so
// that no publish steps over it however much was published without a test.
[[nodiscard]] constexpr std::uint64_t value_event_parked(std::uint64_t position) noexcept {
  return position + (std::uint64_t{1} << 63U);
}

// Whether moving a position from `before` to `after` stepped over `event`.
[[nodiscard]] constexpr bool value_event_crossed(std::uint64_t event, std::uint64_t before,
                                                 std::uint64_t after) noexcept {
  return event - before < after - before;
}

}  // namespace bellpull::ring::detail
