// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "plan.hpp"
#include "random.hpp"

namespace bellpull::tools::dmatest {

/// Bytes of the memory of a list that a transfer uses, guards included.
[[nodiscard]] inline std::size_t end_of(const std::vector<Part>& parts) noexcept {
  return parts.empty() ? 0 : parts.back().offset + parts.back().length + kGuard;
}

/// The rows of random bytes that the two sides start with.
[[nodiscard]] inline RandomBytes source_bytes(const Plan& plan) noexcept {
  return RandomBytes(plan.key);
}
/// See source_bytes().
[[nodiscard]] inline RandomBytes destination_bytes(const Plan& plan) noexcept {
  return RandomBytes(mixed(plan.key) + 1);
}

/// Calls `act(offset of the transfer, bytes of a, bytes of b)` for each run that lies together in
/// both, until it returns false.
template <class Act>
void each_run(std::span<const engine::Segment> a, std::span<const engine::Segment> b, Act&& act) {
  std::size_t at = 0;
  std::size_t done_a = 0;
  std::size_t done_b = 0;
  while (!a.empty() && !b.empty()) {
    const std::size_t run = std::min(a.front().length - done_a, b.front().length - done_b);
    if (run != 0 && !act(at, std::span(a.front().data + done_a, run),
                         std::span(b.front().data + done_b, run))) {
      return;
    }
    at += run;
    done_a += run;
    done_b += run;
    if (done_a == a.front().length) a = a.subspan(1), done_a = 0;
    if (done_b == b.front().length) b = b.subspan(1), done_b = 0;
  }
}

}  // namespace bellpull::tools::dmatest
