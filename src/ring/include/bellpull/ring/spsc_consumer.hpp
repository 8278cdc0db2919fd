// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "bellpull/ring/order.hpp"
#include "bellpull/ring/runs.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/spsc_positions.hpp"
#include "bellpull/ring/trust.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "bellpull/ring/value_slots.hpp"

namespace bellpull::ring {

/// The consuming half of a value ring of one producer and one consumer.
///
/// Values come out by peek() -> release(), a batch with one store that gives its slots back, by
/// poll(), or by pop(). One thread at a time may call the members; none of them blocks, allocates
/// or makes a system call. The memory belongs to the caller and outlives the attachment. `Trust`
/// says whether the producer is believed: an index of an untrusted one that cannot be is counted
/// and what was seen last holds; and since it may write a value while it is looked at, copy before
/// you check.
template <class T, class Trust = Trusted, class Access = NativeAccess>
class SpscConsumer {
  static_assert(std::is_nothrow_destructible_v<T>);
  static_assert(!Trust::kChecks || std::is_trivially_copyable_v<T>,
                "what a peer wrote is no object of any other type");

 public:
  /// What the ring holds.
  using Value = T;

  SpscConsumer() = default;
  SpscConsumer(const SpscConsumer&) = delete;
  SpscConsumer& operator=(const SpscConsumer&) = delete;

  /// Attaches to a ring that no other consumer is attached to; goes on where a former one released
  /// last. Writes nothing but the parked event word, and nothing at all on an error.
  [[nodiscard]] SetupError attach(const ValueMemory& memory) noexcept {
    if (const SetupError error = detail::ValueSlots<T>::check(memory, ValueRing::spsc);
        error != SetupError::none) {
      return error;
    }
    Positions positions;
    if (const SetupError error = positions.start(memory); error != SetupError::none) return error;
    positions_ = positions;
    slots_.start(memory);
    counters_ = {};
    first_ = positions.head();
    joined_ = 0;
    return SetupError::none;
  }

  /// Lets go of the ring; what was not released stays in it. Every call but attach() does nothing
  /// after it.
  void detach() noexcept {
    counters_ = counters();
    positions_ = Positions{};
  }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return positions_.attached(); }

  /// The oldest values, up to `most`. They belong to the caller until they are released; a second
  /// peek() begins with the same ones.
  [[nodiscard, gnu::always_inline]] Runs<T> peek(std::uint32_t most) noexcept {
    return slots_.runs(positions_.head(), positions_.ready(most, counters_));
  }

  /// Destroys the `count` oldest values and gives their slots back, with one store. More than were
  /// seen is a misuse: those that were seen are released, and it is counted.
  [[gnu::always_inline]] void release(std::uint32_t count) noexcept {
    if (const std::uint32_t bounded = end(count); bounded != 0) positions_.release(bounded);
  }

  /// release(), for a producer that may sleep until there is room: tells whether it asked to be
  /// told. One full barrier.
  [[nodiscard]] bool release_and_test(std::uint32_t count) noexcept {
    const std::uint32_t bounded = end(count);
    if (bounded == 0) return false;
    const bool asks = positions_.release_and_test(bounded);
    if constexpr (Access::kCounters) ++(asks ? counters_.bells : counters_.bells_suppressed);
    return asks;
  }

  /// Hands up to `limit` of the oldest values to `visit(T&)`, then releases them all at once.
  /// Returns how many.
  template <class Visit>
  [[gnu::always_inline]] std::uint32_t poll(std::uint32_t limit, Visit&& visit) noexcept {
    const Runs<T> values = peek(limit);
    values.for_each(visit);
    release(static_cast<std::uint32_t>(values.size()));
    return static_cast<std::uint32_t>(values.size());
  }

  /// Takes the oldest value out into `value`. False when there is none.
  [[nodiscard, gnu::always_inline]] bool pop(
      T& value) noexcept requires std::is_nothrow_move_assignable_v<T> {
    if (positions_.ready(1, counters_) == 0) return false;
    value = std::move(*slots_.at(positions_.head()));
    release(1);
    return true;
  }

  /// Takes the oldest value out; nothing when there is none.
  [[nodiscard, gnu::always_inline]] std::optional<T> pop() noexcept requires
      std::is_nothrow_move_constructible_v<T> {
    if (positions_.ready(1, counters_) == 0) return std::nullopt;
    std::optional<T> value(std::move(*slots_.at(positions_.head())));
    release(1);
    return value;
  }

  /// Takes the oldest values out into `values`, as many as there are and fit; returns how many.
  [[gnu::always_inline]] std::uint32_t pop(
      std::span<T> values) noexcept requires std::is_trivially_copyable_v<T> {
    if (values.empty()) return 0;
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(values.size(), std::size_t{1} << 30U));
    const Runs<T> from = peek(wanted);
    std::copy_n(from.first.data(), from.first.size(), values.data());
    std::copy_n(from.second.data(), from.second.size(), values.data() + from.first.size());
    release(static_cast<std::uint32_t>(from.size()));
    return static_cast<std::uint32_t>(from.size());
  }

  /// Asks to be told of the next value, and looks once more. True: there is one, do not sleep. The
  /// producer learns of it from its commit_and_test(). One full barrier.
  [[nodiscard]] bool arm() noexcept { return attached() && positions_.arm(counters_); }
  /// Asks not to be told. A bell may be under way already.
  void disarm() noexcept {
    if (attached()) positions_.disarm();
  }

  /// Counts since attach().
  [[nodiscard]] ConsumerCounters counters() const noexcept {
    ConsumerCounters counted = counters_;
    if constexpr (Access::kCounters) {
      if (attached()) {
        counted.values = positions_.head() - first_;
        counted.releases = counted.values - joined_;
      }
    }
    return counted;
  }

 private:
  using Positions = detail::SpscConsumerPositions<Trust, Access>;

  // The `count` oldest values end here, as many as were seen.
  [[gnu::always_inline]] std::uint32_t end(std::uint32_t count) noexcept {
    if (count > positions_.known_ready()) [[unlikely]] {
      count = positions_.known_ready();
      if constexpr (Access::kCounters) ++counters_.misuses;
    }
    if constexpr (!std::is_trivially_destructible_v<T>) {
      slots_.runs(positions_.head(), count).for_each([](T& value) { std::destroy_at(&value); });
    }
    if (count == 0) return 0;
    if constexpr (Access::kCounters) {
      if (count != 1) joined_ += count - 1;
    }
    return count;
  }

  Positions positions_;
  detail::ValueSlots<T> slots_;
  ConsumerCounters counters_;
  // As in the producer: no store per value for what follows from the head.
  std::uint64_t first_ = 0;
  std::uint64_t joined_ = 0;
};

}  // namespace bellpull::ring
