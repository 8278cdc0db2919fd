// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/mpsc_consumer.hpp"  // IWYU pragma: export
#include "bellpull/ring/mpsc_producer.hpp"  // IWYU pragma: export
#include "bellpull/ring/ring_storage.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring {

/// A value ring of several producers and one consumer on the heap of this program, with the
/// consuming half. Each producer has a MpscProducer of its own and attaches it to memory(), each
/// with another number. Made and destroyed by one thread while no other uses it; destroying it
/// destroys the values that are left.
template <class T, class Access = NativeAccess>
class MpscRing {
 public:
  MpscRing() = default;
  MpscRing(const MpscRing&) = delete;
  MpscRing& operator=(const MpscRing&) = delete;
  ~MpscRing() { clear(); }

  /// Makes the ring, empty, for `capacity` values, from 1 to 2^30, and up to `producers` producers,
  /// from 1 to 1024. What was in a former one goes.
  [[nodiscard]] SetupError make(std::uint32_t capacity, std::uint32_t producers) noexcept {
    clear();
    consumer_.detach();
    const SetupError error = storage_.make(ValueRing::mpsc, shape_of<T>(capacity, producers));
    return error == SetupError::none ? consumer_.attach(storage_.memory()) : error;
  }

  /// What producers attach to.
  [[nodiscard]] const ValueMemory& memory() const noexcept { return storage_.memory(); }
  /// The consuming half; for one thread.
  [[nodiscard]] MpscConsumer<T, Trusted, Access>& consumer() noexcept { return consumer_; }

 private:
  void clear() noexcept {
    constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();
    if (!consumer_.attached()) return;
    while (consumer_.poll(kAll, [](const T&) noexcept {}) != 0) {
    }
  }

  RingStorage storage_;
  alignas(kCacheLine) MpscConsumer<T, Trusted, Access> consumer_;
};

}  // namespace bellpull::ring
