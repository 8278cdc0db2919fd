// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring {

/// Memory of this program for one value ring.
class RingStorage {
 public:
  /// Makes an empty ring of this shape on the heap, in the place of what was there.
  [[nodiscard]] SetupError make(ValueRing kind, const ValueShape& shape) noexcept {
    const std::uint64_t bytes = value_ring_bytes(kind, shape);
    std::byte none{};
    ValueMemory memory;
    if (bytes == 0) return format_value_ring({&none, 0}, kind, shape, memory);
    std::unique_ptr<std::byte, Free> data(static_cast<std::byte*>(
        ::operator new (bytes, std::align_val_t{kCacheLine}, std::nothrow)));
    if (data == nullptr) return SetupError::no_memory;
    const SetupError error = format_value_ring({data.get(), bytes}, kind, shape, memory);
    if (error != SetupError::none) return error;
    data_ = std::move(data);
    memory_ = memory;
    return SetupError::none;
  }

  /// Where the ring is; nowhere before make().
  [[nodiscard]] const ValueMemory& memory() const noexcept { return memory_; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept {
      ::operator delete (data, std::align_val_t{kCacheLine});
    }
  };
  std::unique_ptr<std::byte, Free> data_;
  ValueMemory memory_;
};

}  // namespace bellpull::ring
