// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring::test {

/// Bytes at an alignment, all zero, freed at the end of life.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t bytes, std::size_t alignment = 16)
      : bytes_(bytes),
        data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment})),
              Free{alignment}) {
    std::memset(data_.get(), 0, bytes);
  }

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::span<std::byte> span() const { return {data_.get(), bytes_}; }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* data) const {
      ::operator delete (data, std::align_val_t{alignment});
    }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> data_;
};

/// A split queue whose parts are allocations of their own, each exactly as long as virtio 1.4
/// section 2.7 says, so that AddressSanitizer sees any access outside of a part.
class QueueMemory {
 public:
  explicit QueueMemory(std::uint32_t size)
      : desc_(split_desc_bytes(size)),
        avail_(split_avail_bytes(size)),
        used_(split_used_bytes(size)) {
    split.size = size;
    split.desc = reinterpret_cast<vring_desc*>(desc_.data());
    split.avail = reinterpret_cast<vring_avail*>(avail_.data());
    split.used = reinterpret_cast<vring_used*>(used_.data());
  }

  [[nodiscard]] std::span<std::byte> desc_bytes() const { return desc_.span(); }
  [[nodiscard]] std::span<std::byte> avail_bytes() const { return avail_.span(); }
  [[nodiscard]] std::span<std::byte> used_bytes() const { return used_.span(); }

  SplitMemory split;

 private:
  AlignedBytes desc_;
  AlignedBytes avail_;
  AlignedBytes used_;
};

/// A queue with both halves attached to it.
struct Pair {
  explicit Pair(std::uint32_t size) : memory(size), slots(size) {
    attached = driver.attach(memory.split, slots) == SetupError::none &&
               device.attach(memory.split) == SetupError::none;
  }

  /// Reserves and offers one readable descriptor.
  std::uint16_t offer_one(std::uint64_t token) {
    const Segment segment{token, 1};
    const std::uint16_t head = driver.reserve({&segment, 1}, {}, token);
    if (head != kNoHead) driver.offer(head);
    return head;
  }

  /// Takes one chain without looking at it.
  Chain take_one() {
    return device.take(memory.split.size, [](const Segment&, bool) {});
  }

  QueueMemory memory;
  std::vector<DriverSlot> slots;
  SplitDriver<> driver;
  SplitDevice<> device;
  bool attached = false;
};

}  // namespace bellpull::ring::test
