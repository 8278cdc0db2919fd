// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>

namespace bellpull::engine {

/// Number of a transfer within its channel, given at submit: 1, 2, 3 … and never used again in the
/// life of the channel, for at a thousand million transfers a second 64 bits last for 584 years.
/// Behind the largest comes 1; 0 names no transfer.
using Cookie = std::uint64_t;

/// The cookie that is given after `cookie`.
[[nodiscard]] constexpr Cookie next_cookie(Cookie cookie) noexcept {
  return cookie + 1 + (cookie == std::numeric_limits<Cookie>::max() ? 1 : 0);
}

/// The cookie that was given before `cookie`, which is not 0.
[[nodiscard]] constexpr Cookie previous_cookie(Cookie cookie) noexcept {
  return cookie == 1 ? std::numeric_limits<Cookie>::max() : cookie - 1;
}

/// How many steps of next_cookie() lead from `from` to `to`, neither of them 0.
[[nodiscard]] constexpr std::uint64_t cookie_distance(Cookie from, Cookie to) noexcept {
  return to >= from ? to - from : to - from - 1;  // no step leads to 0
}

/// Whether `first` was given before `second`: use it instead of <. Right for any two cookies of a
/// channel with fewer than 2^63 between them.
[[nodiscard]] constexpr bool cookie_before(Cookie first, Cookie second) noexcept {
  return first != second && cookie_distance(first, second) < std::uint64_t{1} << 63;
}

}  // namespace bellpull::engine
