// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "bellpull/ring/order.hpp"
#include "bellpull/ring/overflow.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_event.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "bellpull/ring/value_slots.hpp"

namespace bellpull::ring {

namespace detail {

// A value that may be overwritten while it is read is copied word by word, each word atomically.
template <class T>
struct ValueWords {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(std::uint32_t) == 0 &&
                    alignof(T) >= alignof(std::uint32_t),
                "an overwritable value is made of whole 32-bit words");
  using Word =
      std::conditional_t<sizeof(T) % 8 == 0 && alignof(T) >= 8, std::uint64_t, std::uint32_t>;
  static constexpr std::size_t kCount = sizeof(T) / sizeof(Word);
  using Array = std::array<Word, kCount>;
};

}  // namespace detail

/// The producing half of a value ring whose oldest values the producer may overwrite: for what is
/// worth less the older it is, as samples and traces are. One producer, one consumer.
///
/// With Overflow::overwrite_oldest push() always succeeds, and never waits for the consumer, who
/// skips what was overwritten and counts it. One thread at a time may call the members; none of
/// them blocks, allocates or makes a system call.
template <class T, class Access = NativeAccess>
class OverwriteProducer {
  using Words = detail::ValueWords<T>;

 public:
  /// Attaches to a ring of the kind `overwrite` that no other producer is attached to. On an error
  /// nothing happened.
  [[nodiscard]] SetupError attach(const ValueMemory& memory) noexcept {
    if (const SetupError error = detail::ValueSlots<T>::check(memory, ValueRing::overwrite);
        error != SetupError::none) {
      return error;
    }
    memory_ = memory;
    tail_ = Access::template load<Site::tail_poll>(memory.control->tail.value);
    head_ = tested_ = Access::template load<Site::head_poll>(memory.control->head.value);
    floor_ = Access::template load<Site::floor_check>(memory.control->floor.value);
    counters_ = {};
    return SetupError::none;
  }

  /// Lets go of the ring. Every call but attach() does nothing after it.
  void detach() noexcept { memory_ = {}; }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return memory_.control != nullptr; }

  /// Puts `values` in, as many as `overflow` allows, the oldest first, shows them at once, and
  /// returns how many. Of more than the ring holds, overwrite_oldest keeps the newest; the others
  /// are counted as `dropped`.
  std::uint32_t push(std::span<const T> values, Overflow overflow) noexcept {
    const std::uint32_t count = put(values, overflow);
    if (count != 0) {
      Access::template store<Site::tail_publish>(memory_.control->tail.value, tail_);
    }
    return count;
  }
  /// The same with one value; whether it is in.
  bool push(const T& value, Overflow overflow) noexcept {
    return push(std::span(&value, 1), overflow) != 0;
  }

  /// push(), for a consumer that may sleep: `asks` becomes whether it asked to be told. One full
  /// barrier.
  std::uint32_t push_and_test(std::span<const T> values, Overflow overflow, bool& asks) noexcept {
    const std::uint32_t count = put(values, overflow);
    asks = false;
    if (count == 0) return 0;
    Access::template store<Site::tail_publish_tested>(memory_.control->tail.value, tail_);
    asks = detail::value_event_crossed(
        Access::template load<Site::data_event_test>(memory_.control->data_event.value), tested_,
        tail_);
    tested_ = tail_;
    if constexpr (Access::kCounters) ++(asks ? counters_.bells : counters_.bells_suppressed);
    return count;
  }

  /// Counts since attach(). What was overwritten, the consumer counts.
  [[nodiscard]] const ProducerCounters& counters() const noexcept { return counters_; }

 private:
  std::uint32_t put(std::span<const T> values, Overflow overflow) noexcept {
    if (!attached() || values.empty()) return 0;
    const std::uint64_t capacity = memory_.capacity;
    std::uint64_t count = values.size();
    if (overflow == Overflow::overwrite_oldest) {
      if (count > capacity) {
        if constexpr (Access::kCounters) counters_.dropped += count - capacity;
        values = values.last(capacity);
      }
      count = values.size();
    } else {
      count = std::min(count, room(count));
      if constexpr (Access::kCounters) {
        (overflow == Overflow::fail ? counters_.full : counters_.dropped) += values.size() - count;
      }
      if (count == 0) return 0;
    }
    if (tail_ + count - floor_ > capacity) {
      floor_ = tail_ + count - capacity;
      Access::template store<Site::floor_raise>(memory_.control->floor.value, floor_);
    }
    for (std::uint64_t i = 0; i < count; ++i) store(tail_ + i, values[i]);
    tail_ += count;
    if constexpr (Access::kCounters) {
      counters_.values += count;
      ++counters_.publishes;
    }
    return static_cast<std::uint32_t>(count);
  }

  [[nodiscard]] std::uint64_t room(std::uint64_t wanted) noexcept {
    if (free() < wanted) {
      head_ = Access::template load<Site::head_poll>(memory_.control->head.value);
      if ((tail_ - head_) >> 63U != 0) [[unlikely]] {
        if constexpr (Access::kCounters) ++counters_.peer_faults;
      }
    }
    return free();
  }
  // A consumer that was overtaken, or lies, frees nothing.
  [[nodiscard]] std::uint64_t free() const noexcept {
    const std::uint64_t used = tail_ - head_;
    return used < memory_.capacity ? memory_.capacity - used : 0;
  }

  void store(std::uint64_t position, const T& value) noexcept {
    using Word = typename Words::Word;
    const auto words = std::bit_cast<typename Words::Array>(value);
    auto* const to = reinterpret_cast<Word*>(memory_.elements) +
                     (position & (memory_.slots - 1)) * Words::kCount;
    for (std::size_t i = 0; i < Words::kCount; ++i) {
      Access::template store<Site::word_store>(to[i], words[i]);
    }
  }

  ValueMemory memory_;
  std::uint64_t tail_ = 0;
  std::uint64_t head_ = 0;   // the consumer's, as last seen
  std::uint64_t floor_ = 0;  // what lies below is overwritten, or about to be
  std::uint64_t tested_ = 0;
  ProducerCounters counters_;
};

/// The consuming half of a value ring whose oldest values the producer may overwrite. Values are
/// copied out; one that was overwritten meanwhile is thrown away, so that none is ever torn.
template <class T, class Access = NativeAccess>
class OverwriteConsumer {
  using Words = detail::ValueWords<T>;

 public:
  /// Attaches to a ring of the kind `overwrite` that no other consumer is attached to. Writes
  /// nothing but the parked event word, and nothing at all on an error.
  [[nodiscard]] SetupError attach(const ValueMemory& memory) noexcept {
    if (const SetupError error = detail::ValueSlots<T>::check(memory, ValueRing::overwrite);
        error != SetupError::none) {
      return error;
    }
    memory_ = memory;
    head_ = Access::template load<Site::head_poll>(memory.control->head.value);
    counters_ = {};
    disarm();
    return SetupError::none;
  }

  /// Lets go of the ring. Every call but attach() does nothing after it.
  void detach() noexcept { memory_ = {}; }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return memory_.control != nullptr; }

  /// Copies the oldest values that are left into `values`, as many as there are and fit; returns
  /// how many. Looks at the tail once: bounded however fast the producer is.
  std::uint32_t pop(std::span<T> values) noexcept {
    if (!attached() || values.empty()) return 0;
    const std::uint64_t tail = Access::template load<Site::tail_poll>(memory_.control->tail.value);
    skip_overwritten();
    std::uint32_t count = 0;
    if constexpr (Access::kCounters) {
      counters_.most_waiting = std::max(counters_.most_waiting, waiting(tail));
    }
    // The floor is raised before the tail moves on: no more than the ring holds is left above it.
    if (waiting(tail) > memory_.capacity) [[unlikely]] {
      if constexpr (Access::kCounters) ++counters_.peer_faults;
      return 0;
    }
    while (count < values.size() && waiting(tail) != 0) {
      load(head_, values[count]);
      // Was it still there after it was copied? Otherwise on to what is.
      if (!skip_overwritten()) {
        ++head_;
        ++count;
      }
    }
    Access::template store<Site::head_publish>(memory_.control->head.value, head_);
    if constexpr (Access::kCounters) {
      counters_.values += count;
      ++(count == 0 ? counters_.empty : counters_.releases);
    }
    return count;
  }
  /// The same with one value; whether there was one.
  [[nodiscard]] bool pop(T& value) noexcept { return pop(std::span(&value, 1)) != 0; }

  /// Asks to be told of the next value, and looks once more. True: there is one, do not sleep. One
  /// full barrier.
  [[nodiscard]] bool arm() noexcept {
    if (!attached()) return false;
    Access::template store<Site::data_event_arm>(memory_.control->data_event.value, head_);
    return waiting(Access::template load<Site::tail_recheck>(memory_.control->tail.value)) != 0;
  }
  /// Asks not to be told. A bell may be under way already.
  void disarm() noexcept {
    if (!attached()) return;
    Access::template store<Site::data_event_park>(memory_.control->data_event.value,
                                                  detail::value_event_parked(head_));
  }

  /// Counts since attach().
  [[nodiscard]] const ConsumerCounters& counters() const noexcept { return counters_; }

 private:
  // Values from head_ to `tail`; a tail behind the head is none.
  [[nodiscard]] std::uint64_t waiting(std::uint64_t tail) const noexcept {
    const std::uint64_t count = tail - head_;
    return count >> 63U == 0 ? count : 0;
  }

  // Moves on to what is not overwritten; true when that was necessary.
  bool skip_overwritten() noexcept {
    const std::uint64_t floor =
        Access::template load<Site::floor_check>(memory_.control->floor.value);
    const std::uint64_t lost = floor - head_;
    if (lost == 0 || lost >> 63U != 0) return false;
    // Nothing is overwritten before it was shown.
    const std::uint64_t tail = Access::template load<Site::tail_poll>(memory_.control->tail.value);
    if ((tail - floor) >> 63U != 0) [[unlikely]] {
      if constexpr (Access::kCounters) ++counters_.peer_faults;
      return false;
    }
    head_ = floor;
    if constexpr (Access::kCounters) counters_.overwritten += lost;
    return true;
  }

  void load(std::uint64_t position, T& value) const noexcept {
    using Word = typename Words::Word;
    typename Words::Array words;
    const auto* const from = reinterpret_cast<const Word*>(memory_.elements) +
                             (position & (memory_.slots - 1)) * Words::kCount;
    for (std::size_t i = 0; i < Words::kCount; ++i) {
      words[i] = Access::template load<Site::word_load>(from[i]);
    }
    value = std::bit_cast<T>(words);
  }

  ValueMemory memory_;
  std::uint64_t head_ = 0;
  ConsumerCounters counters_;
};

}  // namespace bellpull::ring
