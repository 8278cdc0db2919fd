// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <bit>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine {

/// The transfers an in-order back-end holds: a ring of a fixed size.
class OpQueue {
 public:
  /// Throws std::invalid_argument unless 1 <= window <= 1024.
  explicit OpQueue(unsigned window) : window_(window) {
    if (window == 0 || window > 1024) {
      throw std::invalid_argument("back-end window of " + std::to_string(window) +
                                  " transfers: choose 1 to 1024");
    }
    ops_.resize(std::bit_ceil(window));
  }

  [[nodiscard]] unsigned room() const noexcept { return window_ - count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] unsigned count() const noexcept { return count_; }
  [[nodiscard]] const Op& front() const noexcept { return ops_[first_]; }
  [[nodiscard]] const Op& at(unsigned position) const noexcept {
    return ops_[(first_ + position) & mask()];
  }

  /// Appends as many as there is room for and returns how many.
  unsigned push(std::span<const Op> ops) noexcept {
    unsigned pushed = 0;
    for (const Op& op : ops.first(ops.size() < room() ? ops.size() : room())) {
      ops_[(first_ + count_ + pushed++) & mask()] = op;
    }
    count_ += pushed;
    return pushed;
  }

  void pop() noexcept {
    first_ = (first_ + 1) & mask();
    --count_;
  }

  /// Removes one from anywhere; false when it is not there.
  bool remove(std::uint64_t id) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      if (at(i).id != id) continue;
      erase(i);
      return true;
    }
    return false;
  }

  /// Removes the one at `position`, which is below count().
  void erase(unsigned position) noexcept {
    if (position == 0) return pop();
    for (unsigned i = position; i + 1 < count_; ++i) ops_[(first_ + i) & mask()] = at(i + 1);
    --count_;
  }

  void clear() noexcept { count_ = 0; }

 private:
  [[nodiscard]] unsigned mask() const noexcept { return static_cast<unsigned>(ops_.size()) - 1; }

  std::vector<Op> ops_;
  unsigned window_;
  unsigned first_ = 0;
  unsigned count_ = 0;
};

}  // namespace bellpull::engine
