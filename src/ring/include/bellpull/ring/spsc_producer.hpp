// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "bellpull/ring/order.hpp"
#include "bellpull/ring/overflow.hpp"
#include "bellpull/ring/reservation.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/spsc_positions.hpp"
#include "bellpull/ring/trust.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "bellpull/ring/value_slots.hpp"

namespace bellpull::ring {

/// The producing half of a value ring of one producer and one consumer.
///
/// Values go in by reserve() -> fill -> commit(), a batch with one store that shows it, or by
/// push(). One thread at a time may call the members; none of them blocks, allocates or makes a
/// system call. The memory belongs to the caller and outlives the attachment. `Trust` says whether
/// the consumer is believed: an index of an untrusted one that cannot be is counted and what was
/// seen last holds, so that it can at worst let the ring look full.
template <class T, class Trust = Trusted, class Access = NativeAccess>
class SpscProducer {
  static_assert(std::is_nothrow_destructible_v<T>);
  static_assert(!Trust::kChecks || std::is_trivially_copyable_v<T>,
                "what a peer wrote is no object of any other type");

 public:
  /// What the ring holds.
  using Value = T;

  SpscProducer() = default;
  SpscProducer(const SpscProducer&) = delete;
  SpscProducer& operator=(const SpscProducer&) = delete;

  /// Attaches to a ring that no other producer is attached to; goes on where a former one stopped
  /// or died. Writes nothing but the parked event word, and nothing at all on an error.
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
    first_ = positions.tail();
    joined_ = 0;
    return SetupError::none;
  }

  /// Lets go of the ring. Every call but attach() does nothing after it.
  void detach() noexcept {
    counters_ = counters();
    positions_ = Positions{};
  }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return positions_.attached(); }

  /// Reserves up to `most` slots, as many as are free. None is counted as `full`.
  [[gnu::always_inline]] Reservation<SpscProducer> reserve(std::uint32_t most) noexcept {
    const std::uint32_t count = positions_.room(most, counters_);
    if (count == 0 && most != 0) count_full(most);
    return reserved(count);
  }

  /// Reserves `exactly` slots, or none when fewer are free.
  [[gnu::always_inline]] Reservation<SpscProducer> reserve_all(std::uint32_t exactly) noexcept {
    const std::uint32_t count = positions_.room(exactly, counters_);
    if (count == exactly) return reserved(count);
    count_full(exactly);
    return reserved(0);
  }

  /// Puts one value in and shows it. False when the ring is full: `value` is as it was then, unless
  /// it was to be dropped.
  [[gnu::always_inline]] bool push(T&& value, Overflow overflow = Overflow::fail) noexcept requires
      std::is_nothrow_move_constructible_v<T> {
    if (positions_.room(1, counters_) == 0) [[unlikely]]
      return refuse(value, overflow);
    std::construct_at(slots_.at(positions_.tail()), std::move(value));
    commit<false>(positions_.tail(), 1, 1);
    return true;
  }
  /// The same with a copy.
  [[gnu::always_inline]] bool push(const T& value, Overflow overflow = Overflow::fail) noexcept
      requires std::is_nothrow_copy_constructible_v<T> {
    if (positions_.room(1, counters_) == 0) [[unlikely]] {
      count_refused(1, overflow);
      return false;
    }
    std::construct_at(slots_.at(positions_.tail()), value);
    commit<false>(positions_.tail(), 1, 1);
    return true;
  }

  /// Puts as many of `values` in as there is room for, from their start, shows them at once, and
  /// returns how many. The others are counted as `overflow` says.
  [[gnu::always_inline]] std::uint32_t push(
      std::span<const T> values,
      Overflow overflow = Overflow::fail) noexcept requires std::is_trivially_copyable_v<T> {
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(values.size(), std::size_t{1} << 30U));
    const std::uint32_t count = positions_.room(wanted, counters_);
    if (count < wanted) count_refused(wanted - count, overflow);
    if (count == 0) return 0;
    const Runs<T> to = slots_.runs(positions_.tail(), count);
    std::copy_n(values.data(), to.first.size(), to.first.data());
    std::copy_n(values.data() + to.first.size(), to.second.size(), to.second.data());
    commit<false>(positions_.tail(), count, count);
    return count;
  }

  /// Asks to be told when the full ring has room, and looks once more. True: there is room, do not
  /// sleep. The consumer learns of it from its release_and_test(). One full barrier.
  [[nodiscard]] bool arm() noexcept { return attached() && positions_.arm(counters_); }
  /// Asks not to be told. A bell may be under way already.
  void disarm() noexcept {
    if (attached()) positions_.disarm();
  }

  /// Free slots, as far as known without a look at the consumer's index; at least as many are.
  [[nodiscard]] std::uint32_t known_room() const noexcept { return positions_.known_room(); }

  /// Counts since attach().
  [[nodiscard]] ProducerCounters counters() const noexcept {
    ProducerCounters counted = counters_;
    if constexpr (Access::kCounters) {
      if (attached()) {
        counted.values = positions_.tail() - first_;
        counted.publishes = counted.values - joined_;
      }
    }
    return counted;
  }

 private:
  friend class Reservation<SpscProducer>;
  using Positions = detail::SpscProducerPositions<Trust, Access>;
  using Slots = detail::ValueSlots<T>;

  [[gnu::always_inline]] Reservation<SpscProducer> reserved(std::uint32_t count) noexcept {
    slots_.prefetch_for_write(positions_.tail(), count);
    return {*this, positions_.tail(), count};
  }

  // Values that were put in since the tail was there.
  [[nodiscard]] std::uint64_t passed(std::uint64_t position) const noexcept {
    return positions_.tail() - position;
  }

  // Of `reserved` slots from `position` on, which is the tail, the first `shown` are filled.
  template <bool kTested>
  [[gnu::always_inline]] bool commit(std::uint64_t position, std::uint32_t reserved,
                                     std::uint32_t shown) noexcept {
    if (position != positions_.tail()) [[unlikely]] {
      // Others went into the same slots since: these would be shown twice.
      if (shown != 0) count_misuse();
      shown = 0;
    }
    if constexpr (Access::kCounters) {
      if (reserved != shown) [[unlikely]]
        counters_.cancelled += reserved - shown;
    }
    if (shown == 0) return false;
    if constexpr (Access::kCounters) {
      if (shown != 1) joined_ += shown - 1;
    }
    if constexpr (!kTested) {
      positions_.publish(shown);
      if (positions_.known_room() > Slots::kAhead) {
        detail::prefetch_for_write(slots_.at(positions_.tail() + Slots::kAhead));
      }
      return false;
    } else {
      const bool asks = positions_.publish_and_test(shown);
      if constexpr (Access::kCounters) ++(asks ? counters_.bells : counters_.bells_suppressed);
      return asks;
    }
  }

  [[nodiscard]] bool refuse(T& value, Overflow overflow) noexcept {
    if (overflow == Overflow::drop_newest) static_cast<void>(T(std::move(value)));
    count_refused(1, overflow);
    return false;
  }
  void count_refused(std::uint32_t values, Overflow overflow) noexcept {
    if constexpr (Access::kCounters) {
      (overflow == Overflow::drop_newest ? counters_.dropped : counters_.full) += values;
    }
  }
  void count_full(std::uint32_t values) noexcept { count_refused(values, Overflow::fail); }
  void count_misuse() noexcept {
    if constexpr (Access::kCounters) ++counters_.misuses;
  }

  Positions positions_;
  Slots slots_;
  ProducerCounters counters_;
  // A store per value is what a single push() costs, and a store less is a tenth of it: how many
  // were put in and shown follows from where the tail began and how many had company.
  std::uint64_t first_ = 0;
  std::uint64_t joined_ = 0;
};

}  // namespace bellpull::ring
