// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring {

/// What the driver half remembers per descriptor, in memory that the device cannot see. Shared
/// memory is only ever written, never believed. The caller owns the array, gives it to attach() and
/// may save it along with a DriverState; the fields are the driver half's business.
struct DriverSlot {
  /// What the chain that starts here is.
  enum class State : std::uint8_t {
    free,      ///< in no chain
    reserved,  ///< prepared, not in the ring
    offered,   ///< in the ring
  };

  std::uint64_t token = 0;  ///< the caller's value for the chain that starts here
  /// Packed: of the descriptor, from reserve() to offer(). Then, of a first slot, the number of the
  /// offer.
  std::uint64_t address = 0;
  std::uint32_t length = 0;    ///< packed: of the descriptor, from reserve() to offer()
  std::uint32_t writable = 0;  ///< bytes that the device may write into the chain, saturated
  std::uint16_t next = 0;      ///< next slot of the chain, or of the free list
  std::uint16_t slots = 0;     ///< slots of the chain that starts here; 0: none starts here
  std::uint16_t flags = 0;     ///< packed: of the descriptor
  State state = State::free;   ///< of the chain that starts here
  bool mark = false;           ///< scratch of the check of a saved state
};

/// The slots of a driver half as free and used chains. Without in-order they are a free list; with
/// it they are taken and come back in ring order, as virtio 1.4 section 2.7.5 asks for.
class DriverSlots {
 public:
  /// Starts with all slots free. The slots stay the caller's.
  void start(std::span<DriverSlot> slots, bool in_order) noexcept {
    adopt(slots, in_order, static_cast<std::uint32_t>(slots.size()), 0);
    for (std::uint32_t i = 0; i < size_; ++i) {
      slots_[i] = DriverSlot{.next = static_cast<std::uint16_t>(i + 1 == size_ ? 0 : i + 1)};
    }
  }

  /// Goes on with slots that another driver half of the same size filled. Refuses slots that are
  /// no set of chains and one free list.
  [[nodiscard]] SetupError resume(std::span<DriverSlot> slots, bool in_order,
                                  std::uint16_t free_head) noexcept {
    adopt(slots, in_order, 0, free_head);
    for (std::uint32_t i = 0; i < size_; ++i) slots_[i].mark = false;
    std::uint32_t taken = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const bool starts = slots_[i].slots != 0;
      if (starts == (slots_[i].state == DriverSlot::State::free)) return SetupError::state_invalid;
      if (!starts) continue;
      if (!mark_chain(i, slots_[i].slots)) return SetupError::state_invalid;
      taken += slots_[i].slots;
    }
    free_ = size_ - taken;
    if (free_head >= size_ || !mark_chain(free_head, free_)) return SetupError::state_invalid;
    return SetupError::none;
  }

  /// Lets go of the slots; size() is 0 after it.
  void detach() noexcept { *this = DriverSlots{}; }

  /// Entries of the queue.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// Slots that are in no chain.
  [[nodiscard]] std::uint32_t free() const noexcept { return free_; }
  /// The slot that the next chain starts in.
  [[nodiscard]] std::uint16_t free_head() const noexcept { return free_head_; }
  /// One slot; `at` is below size().
  [[nodiscard]] DriverSlot& operator[](std::uint32_t at) const noexcept { return slots_[at]; }

  /// Makes the first `count` free slots a chain; the caller found them by following `next` from
  /// free_head(), and `next_free` is the one after them.
  void take(std::uint16_t count, std::uint16_t next_free, std::uint64_t token,
            std::uint64_t writable, DriverSlot::State state) noexcept {
    DriverSlot& first = slots_[free_head_];
    first.token = token;
    first.slots = count;
    first.state = state;
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    first.writable = static_cast<std::uint32_t>(writable < kMost ? writable : kMost);
    free_head_ = next_free;
    free_ -= count;
  }

  /// Whether a reserved chain starts at `head`.
  [[nodiscard]] bool reserved(std::uint16_t head) const noexcept {
    return head < size_ && slots_[head].state == DriverSlot::State::reserved;
  }

  /// Gives the slots of a chain back that the device had.
  void give_back(std::uint16_t head) noexcept {
    DriverSlot& first = slots_[head];
    if (!in_order_) {
      slots_[last_of(head)].next = free_head_;
      free_head_ = head;
    }
    free_ += first.slots;
    first.slots = 0;
    first.state = DriverSlot::State::free;
  }

  /// Gives the slots of a reserved chain back. In-order only the newest reserved one can go, since
  /// the others have their places behind it; false when it is not that.
  [[nodiscard]] bool cancel(std::uint16_t head) noexcept {
    if (!in_order_) {
      give_back(head);
      return true;
    }
    if (after(head) != free_head_) return false;
    free_head_ = head;
    give_back(head);
    return true;
  }

  /// In-order: the slot behind the chain that starts at `head`, where the next chain starts.
  [[nodiscard]] std::uint16_t after(std::uint16_t head) const noexcept {
    const std::uint32_t next = std::uint32_t{head} + slots_[head].slots;
    return static_cast<std::uint16_t>(next < size_ ? next : next - size_);
  }

 private:
  void adopt(std::span<DriverSlot> slots, bool in_order, std::uint32_t free,
             std::uint16_t free_head) noexcept {
    slots_ = slots.data();
    size_ = static_cast<std::uint32_t>(slots.size());
    in_order_ = in_order;
    free_ = free;
    free_head_ = free_head;
  }

  [[nodiscard]] std::uint16_t last_of(std::uint16_t head) const noexcept {
    std::uint16_t last = head;
    for (std::uint16_t i = 1; i < slots_[head].slots; ++i) last = slots_[last].next;
    return last;
  }

  // Whether `count` slots hang together from `at` on and nobody had them before.
  [[nodiscard]] bool mark_chain(std::uint32_t at, std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (at >= size_ || slots_[at].mark) return false;
      slots_[at].mark = true;
      if (in_order_ && slots_[at].next != (at + 1 == size_ ? 0 : at + 1)) return false;
      at = slots_[at].next;
    }
    return true;
  }

  DriverSlot* slots_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t free_ = 0;
  std::uint16_t free_head_ = 0;
  bool in_order_ = false;
};

}  // namespace bellpull::ring
