// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/packet_pool.hpp"
#include "bellpull/netdrv/tap_device.hpp"
#include "slot_fifo.hpp"

namespace bellpull::netdrv {

/// Bytes of a list of segments.
[[nodiscard]] inline std::uint64_t bytes_in(std::span<const engine::Segment> list) noexcept {
  std::uint64_t sum = 0;
  for (const engine::Segment& segment : list) sum += segment.length;
  return sum;
}

/// The byte of a list at `at`, which is less than what it holds.
[[nodiscard]] inline std::byte& byte_at(std::span<const engine::Segment> list,
                                        std::uint64_t at) noexcept {
  while (at >= list.front().length) {
    at -= list.front().length;
    list = list.subspan(1);
  }
  return list.front().data[at];
}

/// Buffers for frames that there have to be twice, or that belong to somebody else and are to be
/// changed. A bounded number, made beforehand.
class FrameCopies {
 public:
  /// Most frames.
  static constexpr unsigned kMost = 32;
  /// Longest frame, with its header: what a port posts a buffer for.
  static constexpr std::uint32_t kBytes = kVnetHeader + kHeadData + kTailData;

  FrameCopies() : memory_(new std::byte[std::size_t{kMost} * kBytes]), free_(kMost) {
    for (unsigned i = 0; i < kMost; ++i) free_.push(i);
  }

  [[nodiscard]] bool fits(std::uint64_t bytes) const noexcept {
    return !free_.empty() && bytes <= kBytes;
  }

  /// Copies the first so many bytes of `list`, for which fits() says yes. Returns the copy's
  /// number.
  unsigned gather(std::span<const engine::Segment> list, std::uint64_t bytes) noexcept {
    const unsigned copy = free_.pop();
    bytes_[copy] = bytes;
    std::byte* to = memory(copy);
    for (const engine::Segment& segment : list) {
      const auto part = std::min<std::uint64_t>(segment.length, bytes);
      std::memcpy(to, segment.data, part);
      to += part;
      bytes -= part;
    }
    return copy;
  }

  /// Copies it back, as far as `list` has room, and returns how many bytes that were.
  std::uint64_t scatter(unsigned copy, std::span<const engine::Segment> list) noexcept {
    const std::byte* const from = memory(copy);
    std::uint64_t copied = 0;
    for (const engine::Segment& segment : list) {
      const auto part = std::min<std::uint64_t>(segment.length, bytes_[copy] - copied);
      std::memcpy(segment.data, from + copied, part);
      copied += part;
    }
    return copied;
  }

  [[nodiscard]] std::byte* memory(unsigned copy) noexcept {
    return memory_.get() + std::size_t{copy} * kBytes;
  }
  void release(unsigned copy) noexcept { free_.push(copy); }

 private:
  const std::unique_ptr<std::byte[]> memory_;  // not written before it is used
  std::array<std::uint64_t, kMost> bytes_{};
  SlotFifo free_;
};

}  // namespace bellpull::netdrv
