// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bellpull/engine/queue_layout.hpp"
#include "bellpull/ring/device.hpp"

namespace bellpull::engine {

/// The memory of a channel's virtqueue and the device half that is attached to it, of whichever
/// layout.
class DeviceQueue {
 public:
  /// With `beside` bytes behind the ring, zero, for records. Throws std::system_error for a size
  /// that the layout cannot have.
  DeviceQueue(QueueLayout layout, std::uint32_t size, std::size_t beside = 0);

  [[nodiscard]] QueueLayout layout() const noexcept { return layout_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// For the driver half to attach to; the one of the layout.
  [[nodiscard]] const ring::SplitMemory& split_memory() const noexcept { return split_memory_; }
  [[nodiscard]] const ring::PackedMemory& packed_memory() const noexcept { return packed_memory_; }

  /// The bytes behind the ring, at the boundary of a cache line.
  [[nodiscard]] std::byte* beside() const noexcept { return region_.get() + ring_bytes_; }

  /// Calls `act` with the device half. One predictable branch per call; the two halves share no
  /// base class on purpose.
  template <class Do>
  decltype(auto) with(Do&& act) noexcept {
    return layout_ == QueueLayout::split ? act(split_) : act(packed_);
  }

  /// Whether something was issued that is not taken.
  [[nodiscard]] bool available() noexcept {
    return with([](auto& ring) noexcept { return ring.ready() != 0 || ring.refresh() != 0; });
  }

 private:
  struct RegionDelete {
    void operator()(std::byte* region) const noexcept;
  };

  template <class Layout>
  void attach(std::size_t beside, typename Layout::Memory& memory, ring::Device<Layout>& ring);

  std::unique_ptr<std::byte[], RegionDelete> region_;
  QueueLayout layout_;
  std::uint32_t size_;
  std::size_t ring_bytes_ = 0;
  ring::SplitMemory split_memory_;
  ring::PackedMemory packed_memory_;
  ring::Device<ring::Split> split_;
  ring::Device<ring::Packed> packed_;
};

}  // namespace bellpull::engine
