// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace bellpull::ring {

/// Slots of a value ring that follow each other: at most two runs of memory, for the ring ends
/// somewhere. A view; valid as long as the reservation or the peek that it came from.
template <class T>
struct Runs {
  std::span<T> first;   ///< the older ones
  std::span<T> second;  ///< empty unless the end of the ring lies between

  /// How many slots.
  [[nodiscard]] std::size_t size() const noexcept { return first.size() + second.size(); }
  /// Whether there is none.
  [[nodiscard]] bool empty() const noexcept { return first.empty(); }
  /// Slot number `i`, below size(), the oldest being 0.
  [[nodiscard]] T& operator[](std::size_t i) const noexcept {
    return i < first.size() ? first[i] : second[i - first.size()];
  }
  /// Calls `visit(T&)` for each, the oldest first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (T& value : first) visit(value);
    for (T& value : second) visit(value);
  }
};

}  // namespace bellpull::ring
