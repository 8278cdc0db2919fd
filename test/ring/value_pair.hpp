// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "bellpull/ring/mpsc_ring.hpp"
#include "bellpull/ring/overwrite_ring.hpp"
#include "bellpull/ring/spsc_ring.hpp"
#include "queue_memory.hpp"

namespace bellpull::ring::test {

/// A value ring of one producer, as the tests take it.
template <class T, class Trust = Trusted, class Access = NativeAccess>
struct Spsc {
  using Value = T;
  using Producer = SpscProducer<T, Trust, Access>;
  using Consumer = SpscConsumer<T, Trust, Access>;
  static constexpr ValueRing kRing = ValueRing::spsc;
  static SetupError attach(Producer& producer, const ValueMemory& memory) {
    return producer.attach(memory);
  }
};

/// A value ring of several producers, of which most tests use the first.
template <class T, class Trust = Trusted, class Access = NativeAccess>
struct Mpsc {
  using Value = T;
  using Producer = MpscProducer<T, Trust, Access>;
  using Consumer = MpscConsumer<T, Trust, Access>;
  static constexpr ValueRing kRing = ValueRing::mpsc;
  static SetupError attach(Producer& producer, const ValueMemory& memory) {
    return producer.attach(memory, 0);
  }
};

/// A value ring that is overwritten.
template <class T, class Access = NativeAccess>
struct Overwrite {
  using Value = T;
  using Producer = OverwriteProducer<T, Access>;
  using Consumer = OverwriteConsumer<T, Access>;
  static constexpr ValueRing kRing = ValueRing::overwrite;
  static SetupError attach(Producer& producer, const ValueMemory& memory) {
    return producer.attach(memory);
  }
};

/// The memory of one ring, on the heap and not a byte longer, so that AddressSanitizer notices
/// whoever leaves it.
class ValueHeap {
 public:
  ValueHeap(ValueRing kind, const ValueShape& shape)
      : bytes_(value_ring_bytes(kind, shape), kCacheLine) {
    REQUIRE(format_value_ring({bytes_.data(), bytes_.size()}, kind, shape, memory_) ==
            SetupError::none);
  }
  [[nodiscard]] const ValueMemory& memory() const { return memory_; }
  [[nodiscard]] ValueControl& control() const { return *memory_.control; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  AlignedBytes bytes_;
  ValueMemory memory_;
};

/// A ring with its halves. What is left in it at the end is destroyed.
template <class K>
struct ValuePair {
  using T = typename K::Value;

  explicit ValuePair(std::uint32_t capacity, std::uint64_t start = 0, std::uint32_t producers = 1)
      : heap(K::kRing, {.capacity = capacity,
                        .element_bytes = sizeof(T),
                        .element_align = alignof(T),
                        .producers = producers,
                        .start = start}) {
    REQUIRE(K::attach(producer, heap.memory()) == SetupError::none);
    REQUIRE(consumer.attach(heap.memory()) == SetupError::none);
  }
  ~ValuePair() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      while (consumer.pop()) {
      }
    }
  }
  ValuePair(const ValuePair&) = delete;
  ValuePair& operator=(const ValuePair&) = delete;

  ValueHeap heap;
  typename K::Producer producer;
  typename K::Consumer consumer;
};

/// First positions: the ordinary one, and such as make indices, notes and tags turn over soon.
inline constexpr std::array<std::uint64_t, 7> kStarts = {
    0,
    5,
    (std::uint64_t{1} << 31U) - 3,
    (std::uint64_t{1} << 32U) - 3,
    (std::uint64_t{1} << 48U) - 3,
    (std::uint64_t{1} << 63U) - 3,
    std::numeric_limits<std::uint64_t>::max() - 3,
};

/// Capacities, powers of two and others.
inline constexpr std::array<std::uint32_t, 8> kCapacities = {1, 2, 3, 5, 7, 64, 100, 1000};

// The rings that hand values over, with both trusts.
#define BELLPULL_VALUE_KINDS                                                \
  Spsc<std::uint64_t>, Spsc<std::uint64_t, Untrusted>, Mpsc<std::uint64_t>, \
      Mpsc<std::uint64_t, Untrusted>

}  // namespace bellpull::ring::test
