// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bellpull::netdrv {

/// Numbers of slots in line, at most as many as it was made for.
class SlotFifo {
 public:
  explicit SlotFifo(unsigned most) : slots_(std::bit_ceil(most)) {}

  [[nodiscard]] bool empty() const noexcept { return first_ == last_; }
  [[nodiscard]] std::size_t size() const noexcept { return last_ - first_; }
  [[nodiscard]] unsigned front() const noexcept { return slots_[first_ & (slots_.size() - 1)]; }
  void push(unsigned slot) noexcept { slots_[last_++ & (slots_.size() - 1)] = slot; }
  unsigned pop() noexcept { return slots_[first_++ & (slots_.size() - 1)]; }
  void clear() noexcept { first_ = last_; }

 private:
  std::vector<unsigned> slots_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
};

}  // namespace bellpull::netdrv
