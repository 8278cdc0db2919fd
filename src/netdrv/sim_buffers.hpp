// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::netdrv {

/// A buffer that a simulated NIC holds.
struct SimBuffer {
  std::uint64_t id = 0;                       ///< of the transfer
  std::span<const engine::Segment> segments;  ///< the client's
  std::uint64_t arrival = 0;                  ///< receive, once it is full: whose frame it has
};

/// The buffers that a simulated NIC holds, in order, in a ring of a fixed size.
class SimBuffers {
 public:
  explicit SimBuffers(unsigned most) : buffers_(std::bit_ceil(most)), most_(most) {}

  [[nodiscard]] unsigned count() const noexcept { return count_; }
  [[nodiscard]] unsigned room() const noexcept { return most_ - count_; }
  [[nodiscard]] const SimBuffer& front() const noexcept { return buffers_[first_]; }

  /// The one at `position` from the front.
  [[nodiscard]] SimBuffer& operator[](unsigned position) noexcept {
    return buffers_[(first_ + position) & mask()];
  }

  /// Appends those for which there is room, and returns how many.
  unsigned push(std::span<const engine::Op> ops) noexcept {
    const auto pushed = static_cast<unsigned>(std::min<std::size_t>(ops.size(), room()));
    for (const engine::Op& op : ops.first(pushed)) {
      const bool receives = op.operation == engine::Operation::read;
      (*this)[count_++] = {op.id, receives ? op.destination : op.source};
    }
    return pushed;
  }

  void pop() noexcept {
    first_ = (first_ + 1) & mask();
    --count_;
  }

  /// The position of a transfer, or count().
  [[nodiscard]] unsigned find(std::uint64_t id) noexcept {
    unsigned at = 0;
    while (at < count_ && (*this)[at].id != id) ++at;
    return at;
  }

  void remove(unsigned position) noexcept {
    for (--count_; position < count_; ++position) (*this)[position] = (*this)[position + 1];
  }

  void clear() noexcept { count_ = 0; }

 private:
  [[nodiscard]] unsigned mask() const noexcept {
    return static_cast<unsigned>(buffers_.size()) - 1;
  }

  std::vector<SimBuffer> buffers_;
  const unsigned most_;
  unsigned first_ = 0;
  unsigned count_ = 0;
};

}  // namespace bellpull::netdrv
