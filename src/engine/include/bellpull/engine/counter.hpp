// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>

namespace bellpull::engine {

/// A statistic that one thread writes and any thread may read. Costs what a plain integer costs:
/// a load and a store, never a locked instruction, and is exact because there is one writer.
class Counter {
 public:
  /// Adds `amount`. Writer thread only.
  void add(std::uint64_t amount) noexcept {
    // Relaxed: the writer reads back its own store, readers want no order with other data.
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  /// The value at some moment not before the caller's last synchronisation with the writer. Any
  /// thread.
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace bellpull::engine
