// SPDX-License-Identifier: BSD-2-Clause
// Comparing with vectors of any width; for the sets' files only (sets.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace bellpull::engine::kernels {
namespace {

/// Kernels::mismatch.
template <class V>
std::size_t mismatch(const std::byte* a, const std::byte* b, std::size_t bytes) noexcept {
  if (bytes < V::kSize) return V::mismatch_in_less(a, b, bytes);
  constexpr std::size_t kStep = 4 * V::kSize;
  std::size_t at = 0;
  while (bytes - at >= kStep && V::four_equal(a + at, b + at)) at += kStep;
  for (; bytes - at >= V::kSize; at += V::kSize) {
    const std::uint64_t different = V::different(a + at, b + at);
    if (different != 0) return at + static_cast<std::size_t>(__builtin_ctzll(different));
  }
  // The rest, seen through a whole vector: what it sees again was equal.
  at = bytes - V::kSize;
  const std::uint64_t different = V::different(a + at, b + at);
  return different == 0 ? bytes : at + static_cast<std::size_t>(__builtin_ctzll(different));
}

}  // namespace
}  // namespace bellpull::engine::kernels
