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
#include "bellpull/ring/trust.hpp"
#include "bellpull/ring/value_counters.hpp"
#include "bellpull/ring/value_layout.hpp"
#include "bellpull/ring/value_slots.hpp"

namespace bellpull::ring {

/// One of the producing halves of a value ring of several producers and one consumer.
///
/// Values go in by reserve() -> fill -> commit(), or by push(). Slots are claimed by moving the
/// tail over them, and tagged when they are filled: the consumer takes them in the order of the
/// claims and stops at the first that is not tagged. A producer that stops between the two holds
/// the consumer up, but no other producer until the ring is full; if it died, the consumer's
/// recover() passes over what it had claimed. One thread at a time may call the members; none of
/// them blocks, allocates or makes a system call; claiming tries anew as often as another producer
/// was faster. Where the consumer sleeps, every claim ends in commit_and_test(), a cancelled one in
/// commit_and_test(0): values of others may wait behind it. The memory belongs to the caller and
/// outlives the attachment. `Trust` says whether the peers are believed: indices of untrusted ones
/// that cannot be are counted and make the ring look full.
template <class T, class Trust = Trusted, class Access = NativeAccess>
class MpscProducer {
  static_assert(std::is_nothrow_destructible_v<T>);
  static_assert(!Trust::kChecks || std::is_trivially_copyable_v<T>,
                "what a peer wrote is no object of any other type");

 public:
  /// What the ring holds.
  using Value = T;

  MpscProducer() = default;
  MpscProducer(const MpscProducer&) = delete;
  MpscProducer& operator=(const MpscProducer&) = delete;

  /// Attaches as producer `number`, below the ring's number of producers; no two have the same one
  /// at a time. Refused while slots are claimed that a former producer of that number did not
  /// commit. Writes nothing.
  [[nodiscard]] SetupError attach(const ValueMemory& memory, std::uint32_t number) noexcept {
    if (const SetupError error = detail::ValueSlots<T>::check(memory, ValueRing::mpsc);
        error != SetupError::none) {
      return error;
    }
    if (number >= memory.producers) return SetupError::producers_unfit;
    if (Access::template load<Site::recover_note>(memory.notes[number].value) != detail::kNoClaim) {
      return SetupError::producer_taken;
    }
    memory_ = memory;
    note_ = &memory.notes[number].value;
    slots_.start(memory);
    look();
    untested_ = false;
    claimed_ = false;
    counters_ = {};
    return SetupError::none;
  }

  /// Lets go of the ring. Every call but attach() does nothing after it.
  void detach() noexcept {
    memory_ = {};
    note_ = nullptr;
  }

  /// Whether the half has a ring.
  [[nodiscard]] bool attached() const noexcept { return memory_.control != nullptr; }

  /// Reserves up to `most` slots that follow each other, as many as are free and at most 65535.
  /// None is counted as `full`.
  Reservation<MpscProducer> reserve(std::uint32_t most) noexcept {
    std::uint64_t position = 0;
    const std::uint32_t count = claim(1, most, position);
    if (count == 0 && most != 0) count_refused(most, Overflow::fail);
    slots_.prefetch_for_write(position, count);
    return {*this, position, count};
  }

  /// Reserves `exactly` slots, or none when fewer are free.
  Reservation<MpscProducer> reserve_all(std::uint32_t exactly) noexcept {
    std::uint64_t position = 0;
    const std::uint32_t count = claim(exactly, exactly, position);
    if (count == 0 && exactly != 0) count_refused(exactly, Overflow::fail);
    slots_.prefetch_for_write(position, count);
    return {*this, position, count};
  }

  /// Puts one value in and shows it. False when the ring is full: `value` is as it was then, unless
  /// it was to be dropped.
  bool push(T&& value, Overflow overflow = Overflow::fail) noexcept requires
      std::is_nothrow_move_constructible_v<T> {
    std::uint64_t position = 0;
    if (claim(1, 1, position) == 0) {
      if (overflow == Overflow::drop_newest) static_cast<void>(T(std::move(value)));
      count_refused(1, overflow);
      return false;
    }
    std::construct_at(slots_.at(position), std::move(value));
    commit<false>(position, 1, 1);
    return true;
  }
  /// The same with a copy.
  bool push(const T& value, Overflow overflow = Overflow::fail) noexcept requires
      std::is_nothrow_copy_constructible_v<T> {
    std::uint64_t position = 0;
    if (claim(1, 1, position) == 0) {
      count_refused(1, overflow);
      return false;
    }
    std::construct_at(slots_.at(position), value);
    commit<false>(position, 1, 1);
    return true;
  }

  /// Puts as many of `values` in as there is room for, from their start, one behind the other (but
  /// for each 65535th, which another producer's may follow), and returns how many. The others are
  /// counted as `overflow` says.
  std::uint32_t push(std::span<const T> values, Overflow overflow = Overflow::fail) noexcept
      requires std::is_trivially_copyable_v<T> {
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(values.size(), std::size_t{1} << 30U));
    std::uint32_t done = 0;
    std::uint32_t count = 0;
    do {  // a claim has an end, which is no lack of room
      count = put(values.subspan(done, wanted - done));
      done += count;
    } while (count == detail::kMaxClaim);
    if (done < wanted) count_refused(wanted - done, overflow);
    return done;
  }

  /// Counts since attach().
  [[nodiscard]] const ProducerCounters& counters() const noexcept { return counters_; }

 private:
  friend class Reservation<MpscProducer>;

  // A claim is nobody else's.
  [[nodiscard]] static std::uint64_t passed(std::uint64_t) noexcept { return 0; }

  // Sees how far the consumer is.
  void look() noexcept {
    const std::uint64_t head = Access::template load<Site::head_poll>(memory_.control->head.value);
    limit_ = head + memory_.capacity;
  }

  // Claims, fills and shows as many slots at once as it can.
  std::uint32_t put(std::span<const T> values) noexcept {
    std::uint64_t position = 0;
    const std::uint32_t count = claim(1, static_cast<std::uint32_t>(values.size()), position);
    if (count == 0) return 0;
    const Runs<T> to = slots_.runs(position, count);
    std::copy_n(values.data(), to.first.size(), to.first.data());
    std::copy_n(values.data() + to.first.size(), to.second.size(), to.second.data());
    commit<false>(position, count, count);
    return count;
  }

  // Claims from `least` to `most` slots, as many as are free, and says where. None: 0.
  [[nodiscard]] std::uint32_t claim(std::uint32_t least, std::uint32_t most,
                                    std::uint64_t& position) noexcept {
    if (!attached() || most == 0 || least > detail::kMaxClaim) return 0;
    if (claimed_) [[unlikely]] {
      // Its note would go, and with it what recover() knows of the claim.
      count_misuse();
      return 0;
    }
    most = std::min(most, detail::kMaxClaim);
    for (;;) {
      position = Access::template load<Site::claim_tail>(memory_.control->tail.value);
      std::uint64_t free = limit_ - position;
      if (free < most || free > memory_.capacity) {
        // The head is loaded behind the tail: no more were free then than it says.
        look();
        free = limit_ - position;
        if (free > memory_.capacity) [[unlikely]] {
          // The consumer went past that tail, so it is not the newest any more; or a peer lies.
          if (Access::template load<Site::claim_tail>(memory_.control->tail.value) != position) {
            continue;
          }
          if constexpr (Trust::kChecks && Access::kCounters) ++counters_.peer_faults;
          return 0;
        }
      }
      if (free < least || free == 0) return 0;
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(free, most));
      // Noted before it is true, so that a claim without a note cannot be left behind.
      Access::template store<Site::claim_note>(*note_, detail::note_of(position, count));
      if (Access::template compare_exchange<Site::claim_take>(memory_.control->tail.value, position,
                                                              position + count)) {
        claimed_ = true;
        return count;
      }
      Access::template store<Site::claim_end>(*note_, detail::kNoClaim);
    }
  }

  // Of `reserved` slots from `position` on the first `shown` are filled; the others are to be
  // skipped. The first tag is the last to be stored: who sees it sees all.
  template <bool kTested>
  bool commit(std::uint64_t position, std::uint32_t reserved, std::uint32_t shown) noexcept {
    if (reserved == 0 || !attached()) return false;
    claimed_ = false;
    for (std::uint32_t i = reserved - 1; i > 0; --i) {
      Access::template store<Site::tag_fill>(tag_at(position + i),
                                             tag(position + i, /*skip=*/i >= shown));
    }
    const std::uint32_t first = tag(position, shown == 0);
    bool asks = false;
    if constexpr (kTested) {
      Access::template store<Site::tag_publish_tested>(tag_at(position), first);
      // Who sleeps waits for the first slot: one behind it is only seen with the first. Or for one
      // that was shown since the last test.
      const std::uint64_t since = untested_ ? oldest_untested_ : position;
      const std::uint64_t event =
          Access::template load<Site::data_event_test>(memory_.control->data_event.value);
      asks = event - since <= position - since;
      untested_ = false;
    } else {
      Access::template store<Site::tag_publish>(tag_at(position), first);
      if (!untested_) oldest_untested_ = position;
      untested_ = true;
    }
    Access::template store<Site::claim_end>(*note_, detail::kNoClaim);
    if constexpr (Access::kCounters) {
      counters_.cancelled += reserved - shown;
      counters_.values += shown;
      ++counters_.publishes;
      if (kTested) ++(asks ? counters_.bells : counters_.bells_suppressed);
    }
    return asks;
  }

  [[nodiscard]] std::uint32_t& tag_at(std::uint64_t position) const noexcept {
    return memory_.tags[position & (memory_.slots - 1)];
  }
  [[nodiscard]] std::uint32_t tag(std::uint64_t position, bool skip) const noexcept {
    return detail::tag_of(position, memory_.slots, skip);
  }

  void count_refused(std::uint32_t values, Overflow overflow) noexcept {
    if constexpr (Access::kCounters) {
      (overflow == Overflow::drop_newest ? counters_.dropped : counters_.full) += values;
    }
  }
  void count_misuse() noexcept {
    if constexpr (Access::kCounters) ++counters_.misuses;
  }

  ValueMemory memory_;
  std::uint64_t* note_ = nullptr;
  std::uint64_t limit_ = 0;  // the head as last seen, and a capacity: where the tail must stop
  std::uint64_t oldest_untested_ = 0;  // shown since the last test, if any was
  bool untested_ = false;
  bool claimed_ = false;  // and not committed or cancelled
  detail::ValueSlots<T> slots_;
  ProducerCounters counters_;
};

}  // namespace bellpull::ring
