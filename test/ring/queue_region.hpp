// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "bellpull/ring/shared_region.hpp"
#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring::test {

/// The most bytes of a request, and of an answer.
inline constexpr std::uint32_t kMostBytes = 48;

/// What a chain carries follows from its number, so that each side knows what it must find. No byte
/// is below 0x80: content never looks like an address of this program.
inline std::uint32_t request_bytes(std::uint64_t number) {
  return 1 + static_cast<std::uint32_t>(number * 7 % kMostBytes);
}
inline std::uint32_t answer_bytes(std::uint64_t number) {
  return 1 + static_cast<std::uint32_t>(number * 11 % kMostBytes);
}
inline std::byte request_byte(std::uint64_t number, std::uint32_t at) {
  return static_cast<std::byte>(0x80U | ((number * 31 + at) & 0x7fU));
}
inline std::byte answer_byte(std::uint64_t number, std::uint32_t at) {
  return static_cast<std::byte>(0x80U | ((number * 37 + at * 3U + 1) & 0x7fU));
}

/// A region with a queue, a buffer for a request and one for an answer per entry, and room for
/// indirect tables.
inline constexpr std::uint32_t kQueuePart = 0;
inline constexpr std::uint32_t kBufferPart = 1;
inline constexpr std::uint32_t kTablePart = 2;
inline constexpr std::uint32_t kTableEach = 4;

template <class Layout>
[[nodiscard]] RegionPlan queue_plan(std::uint32_t size) {
  RegionPlan plan;
  REQUIRE(plan.add_queue<Layout>(size) == SetupError::none);
  REQUIRE(plan.add_bytes(std::uint64_t{size} * 2 * kMostBytes) == SetupError::none);
  REQUIRE(plan.add_bytes(sizeof(typename Layout::TableEntry) * kTableEach * size) ==
          SetupError::none);
  return plan;
}

/// The driver's side over one mapping of such a region: numbered requests, checked answers. For a
/// child process too, so that it counts what is wrong and asserts nothing.
template <class Layout>
class Asker {
 public:
  Asker(const SharedRegion& region, std::uint32_t size, const Features& features,
        std::uint64_t first = 0)
      : next(first), region_(region), features_(features), slots_(size), number_(size, kNobody) {
    for (std::uint32_t i = 0; i < size; ++i) free_.push_back(i);
  }

  [[nodiscard]] SetupError attach(const DriverState* resume = nullptr) {
    typename Layout::Memory memory;
    if (const SetupError error = region_.queue<Layout>(kQueuePart, memory);
        error != SetupError::none) {
      return error;
    }
    DriverOptions<Layout> options{.features = features_, .slots = slots_, .resume = resume};
    if (features_.indirect) {
      const std::span<std::byte> part = region_.part(kTablePart);
      options.indirect = {{reinterpret_cast<typename Layout::TableEntry*>(part.data()),
                           std::size_t{kTableEach} * memory.size},
                          kTableEach,
                          region_.address_of(part.data())};
    }
    return half.attach(memory, options);
  }

  /// Offers the next chain, of two to four descriptors; false when there is no room.
  bool post() {
    if (free_.empty()) return false;
    const std::uint32_t slot = free_.back();
    std::byte* const request = request_of(slot);
    std::byte* const answer = request + kMostBytes;
    for (std::uint32_t i = 0; i < request_bytes(next); ++i) request[i] = request_byte(next, i);
    std::memset(answer, 0xff, kMostBytes);  // no former answer is taken for this one; see begun()
    std::array<Segment, 2> readable, writable;
    const std::size_t reads = halve(request, request_bytes(next), next % 3 == 0, readable);
    const std::size_t writes = halve(answer, answer_bytes(next), next % 4 == 0, writable);
    if (half.post({readable.data(), reads}, {writable.data(), writes}, next << 16 | slot) ==
        kNoHead) {
      return false;
    }
    free_.pop_back();
    number_[slot] = next++;
    return true;
  }

  /// Takes back what was answered; how many.
  unsigned poll() {
    return half.poll(std::numeric_limits<unsigned>::max(), [this](const Used& used) {
      const auto slot = static_cast<std::uint32_t>(used.token & 0xffff);
      const std::uint64_t number = used.token >> 16;
      ++back;
      if (slot >= number_.size() || number_[slot] != number) {
        ++wrong;  // it was back before, or was never out
        return;
      }
      number_[slot] = kNobody;
      free_.push_back(slot);
      wrong += used.length != answer_bytes(number);
      const std::byte* const answer = request_of(slot) + kMostBytes;
      for (std::uint32_t i = 0; i < answer_bytes(number); ++i) {
        wrong += answer[i] != answer_byte(number, i);
      }
    });
  }

  /// Chains that are not back and whose answer was begun: the device's side had taken them. Read
  /// it when that side is gone.
  [[nodiscard]] unsigned begun() const {
    unsigned count = 0;
    for (std::uint32_t slot = 0; slot < number_.size(); ++slot) {
      const std::byte first = *(request_of(slot) + kMostBytes);
      count += number_[slot] != kNobody && first != std::byte{0xff} ? 1U : 0U;
    }
    return count;
  }

  Driver<Layout, Untrusted> half;
  std::uint64_t next;       // the number of the next chain to offer
  std::uint64_t back = 0;   // chains that came back
  std::uint64_t wrong = 0;  // of them: twice, with another length, with other bytes

 private:
  static constexpr std::uint64_t kNobody = ~std::uint64_t{0};

  [[nodiscard]] std::byte* request_of(std::uint32_t slot) const {
    return region_.part(kBufferPart).data() + std::size_t{slot} * 2 * kMostBytes;
  }
  std::size_t halve(std::byte* at, std::uint32_t bytes, bool in_two,
                    std::array<Segment, 2>& segments) const {
    const std::uint32_t first = in_two && bytes > 1 ? bytes / 2 : bytes;
    segments[0] = {region_.address_of(at), first};
    segments[1] = {region_.address_of(at + first), bytes - first};
    return first < bytes ? 2 : 1;
  }

  const SharedRegion& region_;
  Features features_;
  std::vector<DriverSlot> slots_;
  std::vector<std::uint64_t> number_;  // of the chain in each buffer
  std::vector<std::uint32_t> free_;    // buffers
};

/// The device's side over one mapping of such a region, which believes nothing: checked requests in
/// the order of their numbers, answers to them. Counts like an Asker.
template <class Layout>
class Answerer {
 public:
  Answerer(const SharedRegion& region, std::uint32_t size, const Features& features,
           std::uint64_t first = 0)
      : next(first),
        region_(region),
        features_(features),
        regions_{region.as_region()},
        table_(table_of(regions_)),
        map_(table_),
        slots_(size),
        copies_(size) {}
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  [[nodiscard]] SetupError attach(const DeviceState* resume = nullptr) {
    typename Layout::Memory memory;
    if (const SetupError error = region_.queue<Layout>(kQueuePart, memory);
        error != SetupError::none) {
      return error;
    }
    typename Device<Layout, Untrusted, RegionMap<>>::Options options;
    options.features = features_;
    options.slots = slots_;
    options.indirect = copies_;
    options.map = &map_;
    options.resume = resume;
    return half.attach(memory, options);
  }

  /// Takes and answers up to `most` chains into `held`; how many.
  unsigned take(unsigned most) {
    unsigned count = 0;
    for (Chain chain; count < most && half.take(pieces_, chain); ++count) {
      answer(chain);
      held.push_back(chain);
    }
    return count;
  }

  void complete(const Chain& chain) {
    half.complete(chain, static_cast<std::uint32_t>(chain.writable_bytes));
  }

  /// Whether the driver's side kept to every rule.
  [[nodiscard]] bool well() const {
    std::uint64_t faults = half.counters().misuses;
    for (const std::uint64_t count : half.counters().chain_faults) faults += count;
    return wrong == 0 && faults == 0 && half.fault() == QueueFault::none;
  }

  Device<Layout, Untrusted, RegionMap<>> half;
  std::vector<Chain> held;
  std::uint64_t next;       // the number of the chain that is taken next
  std::uint64_t wrong = 0;  // chains with another number, and pieces outside of the buffers

 private:
  static RegionTable table_of(std::span<Region> regions) {
    RegionTable table;
    static_cast<void>(RegionTable::make(regions, table));  // otherwise of no memory at all
    return table;
  }

  void answer(const Chain& chain) {
    const std::uint64_t number = next++;
    wrong += chain.readable_bytes != request_bytes(number);
    wrong += chain.writable_bytes != answer_bytes(number);
    std::uint32_t at = 0;
    for (const Piece& piece : chain.readable_of(pieces_)) {
      if (!inside(piece)) return;
      for (std::size_t i = 0; i < piece.length; ++i) {
        wrong += piece.data[i] != request_byte(number, at++);
      }
    }
    at = 0;
    for (const Piece& piece : chain.writable_of(pieces_)) {
      if (!inside(piece)) return;
      for (std::size_t i = 0; i < piece.length; ++i) piece.data[i] = answer_byte(number, at++);
    }
  }

  bool inside(const Piece& piece) {
    const std::span<std::byte> part = region_.part(kBufferPart);
    const auto offset = static_cast<std::size_t>(piece.data - part.data());
    const bool is = offset < part.size() && piece.length <= part.size() - offset;
    wrong += is ? 0 : 1;
    return is;
  }

  const SharedRegion& region_;
  Features features_;
  std::array<Region, 1> regions_;
  RegionTable table_;
  RegionMap<> map_;
  std::vector<DeviceSlot> slots_;
  std::vector<typename Layout::TableEntry> copies_;
  std::array<Piece, 8> pieces_;
};

}  // namespace bellpull::ring::test
