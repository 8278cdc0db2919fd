// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "bellpull/ring/runs.hpp"

namespace bellpull::ring {

/// Slots of a value ring that a producer may fill: what reserve() returns. Either commit() shows
/// the filled ones to the consumer, or the reservation is cancelled when it goes. One at a time per
/// producer, and no push() meanwhile. What was put in past a reservation of a ring of one producer
/// took its slots: the reservation shows nothing then, destroys what it still has, and counts a
/// misuse; what it had emplaced in those slots is lost without a destructor. In a ring of several
/// producers the second claim is refused, and counted. Of a half that was detached since, commit()
/// does nothing; the producer itself must outlive the reservation. On the producer's thread; no
/// call of it blocks or allocates.
template <class Producer>
class [[nodiscard]] Reservation {
 public:
  /// What the slots hold.
  using Value = typename Producer::Value;
  /// Values without constructors and destructors are filled in place; others are emplaced.
  static constexpr bool kFilledInPlace = std::is_trivially_copyable_v<Value>;

  /// The slots of `other`, which has none then.
  Reservation(Reservation&& other) noexcept
      : producer_(other.producer_),
        position_(other.position_),
        count_(std::exchange(other.count_, 0)),
        made_(std::exchange(other.made_, 0)) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  Reservation& operator=(Reservation&&) = delete;

  /// Cancels what was not committed.
  ~Reservation() {
    if (count_ != 0) cancel();
  }

  /// How many slots there are; fewer than were asked for where the ring had no more room.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }
  /// Whether there is at least one.
  explicit operator bool() const noexcept { return count_ != 0; }

  /// The slots, to be written in any order. What they hold before is of no meaning.
  [[nodiscard]] Runs<Value> slots() const noexcept requires kFilledInPlace {
    return producer_->slots_.runs(position_, count_);
  }

  /// Makes the value of the next slot. False when all are made.
  template <class... Arguments>
  bool emplace(Arguments&&... arguments) noexcept
      requires(!kFilledInPlace && std::is_nothrow_constructible_v<Value, Arguments...>) {
    if (made_ == count_) return false;
    std::construct_at(producer_->slots_.at(position_ + made_),
                      std::forward<Arguments>(arguments)...);
    ++made_;
    return true;
  }

  /// Shows the first `count` slots to the consumer and cancels the others. More than there are is
  /// a misuse: all are shown, and it is counted.
  void commit(std::uint32_t count) noexcept requires kFilledInPlace {
    producer_->template commit<false>(position_, count_, bounded(count));
    count_ = 0;
  }
  /// Shows the filled slots to the consumer: all of them, or those that were emplaced.
  void commit() noexcept {
    destroy_if_passed();
    producer_->template commit<false>(position_, count_, filled());
    count_ = made_ = 0;
  }

  /// commit(), for a consumer that may sleep: tells whether it asked to be told. One full barrier.
  [[nodiscard]] bool commit_and_test(std::uint32_t count) noexcept requires kFilledInPlace {
    const std::uint32_t shown = bounded(count);
    return producer_->template commit<true>(position_, std::exchange(count_, 0), shown);
  }
  /// As commit() is to commit(count).
  [[nodiscard]] bool commit_and_test() noexcept {
    destroy_if_passed();
    const std::uint32_t shown = filled();
    made_ = 0;
    return producer_->template commit<true>(position_, std::exchange(count_, 0), shown);
  }

 private:
  friend Producer;
  Reservation(Producer& producer, std::uint64_t position, std::uint32_t count) noexcept
      : producer_(&producer), position_(position), count_(count) {}

  [[nodiscard]] std::uint32_t filled() const noexcept { return kFilledInPlace ? count_ : made_; }
  [[nodiscard]] std::uint32_t bounded(std::uint32_t count) const noexcept {
    if (count <= count_) return count;
    producer_->count_misuse();
    return count_;
  }
  // From the slots on that were not taken over by another push().
  void destroy_made() noexcept {
    if constexpr (!kFilledInPlace) {
      for (std::uint64_t i = producer_->passed(position_); i < made_; ++i)
        std::destroy_at(producer_->slots_.at(position_ + i));
    }
  }
  void destroy_if_passed() noexcept {
    if constexpr (!kFilledInPlace) {
      if (made_ != 0 && producer_->passed(position_) != 0) [[unlikely]]
        destroy_made();
    }
  }
  void cancel() noexcept {
    destroy_made();
    producer_->template commit<false>(position_, count_, 0);
  }

  Producer* producer_;
  std::uint64_t position_;
  std::uint32_t count_;
  std::uint32_t made_ = 0;  // emplaced
};

}  // namespace bellpull::ring
