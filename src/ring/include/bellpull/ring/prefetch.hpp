// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstddef>

namespace bellpull::ring::detail {

// Asks for the line of `address` in order to write it. Stores leave a processor in their order, so
// one that waits for a line which the other side read last holds up all behind it, the index that
// shows them included.
[[gnu::always_inline]] inline void prefetch_for_write(const void* address) noexcept {
#if defined(__x86_64__)
  // Compilers take __builtin_prefetch() for a read unless they are told of a processor with
  // PREFETCHW; where a processor of this architecture lacks it, it does nothing.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

// The same for all lines of `bytes` bytes but the first, which is written at once, up to as many as
// can be under way for a while.
[[gnu::always_inline]] inline void prefetch_rest_for_write(const void* address,
                                                           std::size_t bytes) noexcept {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kMost = 64 * kLine;
  const std::size_t end = std::min(bytes, kMost);
  for (std::size_t at = kLine; at < end; at += kLine) {
    prefetch_for_write(static_cast<const char*>(address) + at);
  }
}

}  // namespace bellpull::ring::detail
