// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/ring/prefetch.hpp"
#include "bellpull/ring/runs.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring::detail {

// The slots of a value ring as places of values of a type.
template <class T>
class ValueSlots {
 public:
  [[nodiscard]] static SetupError check(const ValueMemory& memory, ValueRing kind) noexcept {
    if (memory.control == nullptr) return SetupError::null_part;
    if (memory.kind != kind) return SetupError::other_kind;
    if (memory.element_bytes != sizeof(T) ||
        reinterpret_cast<std::uintptr_t>(memory.elements) % alignof(T) != 0) {
      return SetupError::other_element;
    }
    return SetupError::none;
  }

  void start(const ValueMemory& memory) noexcept {
    slots_ = reinterpret_cast<T*>(memory.elements);
    mask_ = memory.slots - 1;
  }

  [[nodiscard]] T* at(std::uint64_t position) const noexcept { return slots_ + (position & mask_); }

  // How far before they are filled slots are fetched one by one: a few lines.
  static constexpr std::uint32_t kAhead = sizeof(T) < 512 ? 512 / sizeof(T) : 1;

  // The `count` slots from `position` on are about to be filled.
  [[gnu::always_inline]] void prefetch_for_write(std::uint64_t position,
                                                 std::uint32_t count) const noexcept {
    if (std::size_t{count} * sizeof(T) > 64) {
      const Runs<T> slots = runs(position, count);
      prefetch_rest_for_write(slots.first.data(), slots.first.size_bytes());
    }
  }

  [[nodiscard, gnu::always_inline]] Runs<T> runs(std::uint64_t position,
                                                 std::uint32_t count) const noexcept {
    const auto begin = static_cast<std::uint32_t>(position & mask_);
    const std::uint32_t to_end = mask_ + 1 - begin;
    const std::uint32_t first = count < to_end ? count : to_end;
    return {{slots_ + begin, first}, {slots_, count - first}};
  }

 private:
  T* slots_ = nullptr;
  std::uint32_t mask_ = 0;
};

}  // namespace bellpull::ring::detail
