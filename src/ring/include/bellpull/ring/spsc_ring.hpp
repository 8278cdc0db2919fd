// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>

#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/ring_storage.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/spsc_consumer.hpp"  // IWYU pragma: export
#include "bellpull/ring/spsc_producer.hpp"  // IWYU pragma: export
#include "bellpull/ring/value_layout.hpp"

namespace bellpull::ring {

/// A value ring of one producer and one consumer on the heap of this program, with both halves.
/// One thread uses producer(), one thread consumer(), at the same time. Made and destroyed by one
/// thread while no other uses it; destroying it destroys the values that are left.
template <class T, class Access = NativeAccess>
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the halves have lines of their own
class SpscRing {
 public:
  SpscRing() = default;
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;
  ~SpscRing() { clear(); }

  /// Makes the ring, empty, for `capacity` values, from 1 to 2^30. What was in a former one goes.
  [[nodiscard]] SetupError make(std::uint32_t capacity) noexcept {
    clear();
    producer_.detach();
    consumer_.detach();
    SetupError error = storage_.make(ValueRing::spsc, shape_of<T>(capacity));
    if (error == SetupError::none) error = producer_.attach(storage_.memory());
    if (error == SetupError::none) error = consumer_.attach(storage_.memory());
    return error;
  }

  /// The producing half; for one thread.
  [[nodiscard]] SpscProducer<T, Trusted, Access>& producer() noexcept { return producer_; }
  /// The consuming half; for one thread.
  [[nodiscard]] SpscConsumer<T, Trusted, Access>& consumer() noexcept { return consumer_; }

 private:
  void clear() noexcept {
    constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();
    if (!consumer_.attached()) return;
    while (consumer_.poll(kAll, [](const T&) noexcept {}) != 0) {
    }
  }

  RingStorage storage_;
  alignas(kCacheLine) SpscProducer<T, Trusted, Access> producer_;
  alignas(kCacheLine) SpscConsumer<T, Trusted, Access> consumer_;
};

}  // namespace bellpull::ring
