// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "bellpull/ring/order.hpp"
#include "bellpull/ring/runs.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/trust.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "bellpull/ring/value_slots.hpp"

namespace bellpull::ring {

/// What recover() found.
enum class Recovery : std::uint8_t {
  nothing,    ///< the producer had claimed nothing that was not committed
  recovered,  ///< its slots are to be skipped now; a producer of its number may attach
  contended,  ///< the same slot was noted by a producer that may live: call again later, or when
              ///< that one has ended too, for both of them
};

/// The consuming half of a value ring of several producers.
///
/// Values come out in the order in which their slots were claimed, by peek() -> release(), by
/// poll() or by pop(). One thread at a time may call the members; none of them blocks, allocates or
/// makes a system call. The memory belongs to the caller and outlives the attachment. What an
/// untrusted producer wrote is inside of the ring but may be anything, and may change while it is
/// looked at: copy before you check.
template <class T, class Trust = Trusted, class Access = NativeAccess>
class MpscConsumer {
  static_assert(std::is_nothrow_destructible_v<T>);
  static_assert(!Trust::kChecks || std::is_trivially_copyable_v<T>,
                "what a peer wrote is no object of any other type");

 public:
  /// What the ring holds.
  using Value = T;

  MpscConsumer() = default;
  MpscConsumer(const MpscConsumer&) = delete;
  MpscConsumer& operator=(const MpscConsumer&) = delete;

  /// Attaches to a ring that no other consumer is attached to; goes on where a former one released
  /// last. Writes nothing but the parked event word, and nothing at all on an error.
  [[nodiscard]] SetupError attach(const ValueMemory& memory) noexcept {
    if (const SetupError error = detail::ValueSlots<T>::check(memory, ValueRing::mpsc);
        error != SetupError::none) {
      return error;
    }
    const std::uint64_t head = Access::template load<Site::head_poll>(memory.control->head.value);
    const std::uint64_t tail =
        Access::template load<Site::recover_tail>(memory.control->tail.value);
    if (tail - head > memory.capacity) return SetupError::state_invalid;
    memory_ = memory;
    slots_.start(memory);
    head_ = seen_ = head;
    dead_ = {};
    counters_ = {};
    disarm();
    return SetupError::none;
  }

  /// Lets go of the ring; what was not released stays in it. Every call but attach() does nothing
  /// after it.
  void detach() noexcept {
    memory_ = {};
    head_ = seen_ = 0;
  }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return memory_.control != nullptr; }

  /// The oldest values, up to `most`, as far as they are committed without a gap. They belong to
  /// the caller until they are released; a second peek() begins with the same ones. Slots to be
  /// skipped are given back on the way.
  [[nodiscard]] Runs<T> peek(std::uint32_t most) noexcept {
    const std::uint32_t count = ready(most);  // moves head_ over slots to be skipped
    return slots_.runs(head_, count);
  }

  /// Destroys the `count` oldest values and gives their slots back, with one store. More than were
  /// seen is a misuse: those that were seen are released, and it is counted.
  void release(std::uint32_t count) noexcept {
    const auto seen = static_cast<std::uint32_t>(seen_ - head_);
    if (count > seen) [[unlikely]] {
      count = seen;
      if constexpr (Access::kCounters) ++counters_.misuses;
    }
    if (count == 0) return;
    if constexpr (!std::is_trivially_destructible_v<T>) {
      slots_.runs(head_, count).for_each([](T& value) { std::destroy_at(&value); });
    }
    head_ += count;
    Access::template store<Site::head_publish>(memory_.control->head.value, head_);
    if constexpr (Access::kCounters) {
      counters_.values += count;
      ++counters_.releases;
    }
  }

  /// Hands up to `limit` of the oldest values to `visit(T&)`, then releases them all at once.
  /// Returns how many.
  template <class Visit>
  std::uint32_t poll(std::uint32_t limit, Visit&& visit) noexcept {
    const Runs<T> values = peek(limit);
    values.for_each(visit);
    release(static_cast<std::uint32_t>(values.size()));
    return static_cast<std::uint32_t>(values.size());
  }

  /// Takes the oldest value out into `value`. False when there is none.
  [[nodiscard]] bool pop(T& value) noexcept requires std::is_nothrow_move_assignable_v<T> {
    if (ready(1) == 0) return false;
    value = std::move(*slots_.at(head_));
    release(1);
    return true;
  }

  /// Takes the oldest value out; nothing when there is none.
  [[nodiscard]] std::optional<T> pop() noexcept requires std::is_nothrow_move_constructible_v<T> {
    if (ready(1) == 0) return std::nullopt;
    std::optional<T> value(std::move(*slots_.at(head_)));
    release(1);
    return value;
  }

  /// Takes the oldest values out into `values`, as many as there are and fit; returns how many.
  std::uint32_t pop(std::span<T> values) noexcept requires std::is_trivially_copyable_v<T> {
    if (values.empty()) return 0;
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(values.size(), std::size_t{1} << 30U));
    const Runs<T> from = peek(wanted);
    std::copy_n(from.first.data(), from.first.size(), values.data());
    std::copy_n(from.second.data(), from.second.size(), values.data() + from.first.size());
    release(static_cast<std::uint32_t>(from.size()));
    return static_cast<std::uint32_t>(from.size());
  }

  /// Asks to be told of the next value, and looks once more. True: there is one, or slots to skip;
  /// do not sleep. A producer learns of it from its commit_and_test(). One full barrier.
  [[nodiscard]] bool arm() noexcept {
    if (!attached()) return false;
    if (seen_ != head_) return true;
    Access::template store<Site::data_event_arm>(memory_.control->data_event.value, head_);
    return tagged(head_, Access::template load<Site::tag_recheck>(tag_at(head_)));
  }

  /// Asks not to be told. A bell may be under way already.
  void disarm() noexcept {
    if (!attached()) return;
    Access::template store<Site::data_event_park>(memory_.control->data_event.value,
                                                  detail::value_event_parked(head_));
  }

  /// Passes over what producer `number` had claimed and not committed. The caller knows that it
  /// does not run any more: it died, or its thread ended. Slots of others that lie behind become
  /// visible.
  [[nodiscard]] Recovery recover(std::uint32_t number) noexcept {
    if (!attached() || number >= memory_.producers) return Recovery::nothing;
    const std::uint64_t note = note_at(number);
    const std::uint64_t tail =
        Access::template load<Site::recover_tail>(memory_.control->tail.value);
    // It noted the claim before it made it: beyond the tail nobody did.
    const std::uint64_t claimed = std::min<std::uint64_t>(tail - head_, memory_.capacity);
    const auto [begin, end] = detail::note_within(note, head_, claimed);
    dead_[number / 64] |= std::uint64_t{1} << number % 64;
    // Several may have noted the same slots, of which one got them. Only one that lives can say.
    for (std::uint64_t position = begin; position != end; ++position) {
      if (!tagged(position) && awaited(position)) return Recovery::contended;
    }
    // Whoever struck a note out since the first look had tagged its slots before.
    const std::uint64_t own = unfinished(note, begin, end);
    bool recovered = false;
    for (std::uint64_t position = begin; position != end; ++position) {
      if (position - begin >= own && tagged(position)) continue;
      recovered = true;
      Access::template store<Site::tag_fill>(tag_at(position),
                                             detail::tag_of(position, memory_.slots, true));
    }
    dead_[number / 64] &= ~(std::uint64_t{1} << number % 64);
    Access::template store<Site::claim_end>(memory_.notes[number].value, detail::kNoClaim);
    return recovered ? Recovery::recovered : Recovery::nothing;
  }

  /// Counts since attach().
  [[nodiscard]] const ConsumerCounters& counters() const noexcept { return counters_; }

 private:
  // How many values wait, up to `wanted`, after slots to be skipped.
  [[nodiscard]] std::uint32_t ready(std::uint32_t wanted) noexcept {
    if (seen_ - head_ >= wanted) return wanted;
    if (!attached()) return 0;
    const std::uint64_t before = head_;
    for (;;) {
      while (seen_ - head_ < wanted && seen_ - head_ < memory_.capacity) {
        const std::uint32_t tag = Access::template load<Site::tag_poll>(tag_at(seen_));
        if (tag != detail::tag_of(seen_, memory_.slots, false)) {
          judge(tag);
          break;
        }
        ++seen_;
      }
      // A peer that cancels as fast as this goes on does not keep it here.
      if (seen_ != head_ || head_ - before >= memory_.capacity || !skip_one()) break;
    }
    const auto waiting = static_cast<std::uint32_t>(seen_ - head_);
    if constexpr (Access::kCounters) {
      if (waiting > counters_.most_waiting) counters_.most_waiting = waiting;
      if (waiting == 0) ++counters_.empty;
    }
    return waiting;
  }

  // A tag that is not that of a value may say to skip it, or be that of the lap before.
  void judge(std::uint32_t tag) noexcept {
    if constexpr (Trust::kChecks && Access::kCounters) {
      if (!tagged(seen_, tag) && !tagged(seen_ - memory_.slots, tag)) ++counters_.peer_faults;
    }
  }

  // Gives back the slots to be skipped that are the oldest. False when there is none.
  [[nodiscard]] bool skip_one() noexcept {
    const std::uint64_t before = head_;
    while (head_ - before < memory_.capacity &&
           Access::template load<Site::tag_poll>(tag_at(head_)) ==
               detail::tag_of(head_, memory_.slots, true)) {
      ++head_;
    }
    if (head_ == before) return false;
    seen_ = head_;
    Access::template store<Site::head_publish>(memory_.control->head.value, head_);
    if constexpr (Access::kCounters) counters_.skipped += head_ - before;
    return true;
  }

  // How many slots from `begin` on are for sure of one claim that was not committed, by a dead
  // producer with this note. It may have tagged all of them but the first.
  [[nodiscard]] std::uint64_t unfinished(std::uint64_t note, std::uint64_t begin,
                                         std::uint64_t end) const noexcept {
    if (begin == end || detail::note_distance(note, begin) != 0 || tagged(begin)) return 0;
    std::uint64_t count = end - begin;
    for (std::uint32_t number = 0; number < memory_.producers; ++number) {
      const std::uint64_t other = note_at(number);
      if (other == detail::kNoClaim || detail::note_distance(other, begin) != 0) continue;
      count = std::min(count, other & detail::kMaxClaim);
    }
    return count;
  }

  // Whether a producer that may live has noted the slot of `position`.
  [[nodiscard]] bool awaited(std::uint64_t position) const noexcept {
    for (std::uint32_t number = 0; number < memory_.producers; ++number) {
      const bool dead = (dead_[number / 64] >> number % 64 & 1U) != 0;
      if (!dead && detail::note_covers(note_at(number), position)) return true;
    }
    return false;
  }

  // Whether the slot of `position` is committed, filled or not.
  [[nodiscard]] bool tagged(std::uint64_t position) const noexcept {
    return tagged(position, Access::template load<Site::tag_poll>(tag_at(position)));
  }
  [[nodiscard]] bool tagged(std::uint64_t position, std::uint32_t tag) const noexcept {
    return (tag | 1U) == detail::tag_of(position, memory_.slots, true);
  }

  [[nodiscard]] std::uint32_t& tag_at(std::uint64_t position) const noexcept {
    return memory_.tags[position & (memory_.slots - 1)];
  }
  [[nodiscard]] std::uint64_t note_at(std::uint32_t number) const noexcept {
    return Access::template load<Site::recover_note>(memory_.notes[number].value);
  }

  ValueMemory memory_;
  std::uint64_t head_ = 0;
  std::uint64_t seen_ = 0;  // up to here the values are committed
  // The producers that are known to be dead, and not recovered yet, a bit each.
  std::array<std::uint64_t, kMaxValueProducers / 64> dead_{};
  detail::ValueSlots<T> slots_;
  ConsumerCounters counters_;
};

}  // namespace bellpull::ring
