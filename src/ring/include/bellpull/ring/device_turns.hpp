// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/device_slots.hpp"

namespace bellpull::ring {

/// Gives chains back in the order in which they were taken, whatever the order in which they are
/// completed, and as few used entries as that allows (virtio 1.4 sections 2.7.9 and 2.8.9): one
/// stands for a batch, and may skip only chains that were filled completely. Part of the device
/// half; its slots say which chains are taken.
class DeviceTurns {
 public:
  /// For a queue of `size` entries with these slots.
  void start(DeviceSlot* slots, std::uint32_t size) noexcept {
    *this = DeviceTurns{};
    slots_ = slots;
    size_ = size;
  }

  /// A chain was taken; its slot is filled in.
  void push(std::uint16_t head) noexcept {
    if (slots_[head].completed) ++waiting_;
    slots_[next_].turn_head = head;
    next_ = after(next_);
    ++count_;
  }

  /// A chain was completed. Calls `put(head, written, chains, descriptors)` for each batch that
  /// cannot grow any more.
  template <class Put>
  void complete(std::uint16_t head, std::uint32_t written, Put&& put) noexcept {
    slots_[head].written = written;
    if (head != slots_[oldest_].turn_head) {
      slots_[head].completed = true;
      ++waiting_;
      return;
    }
    end(head, put);
    while (waiting_ != 0 && slots_[slots_[oldest_].turn_head].completed) {
      --waiting_;
      end(slots_[oldest_].turn_head, put);
    }
  }

  /// Before a publish: the batch, if there is one, ends here.
  template <class Put>
  void flush(Put&& put) noexcept {
    if (chains_ == 0) return;
    put(head_, written_, chains_, descriptors_);
    chains_ = descriptors_ = 0;
  }

  /// Calls `visit(head)` for each chain that is taken and not given back, the oldest first.
  template <class Visit>
  void visit(Visit&& visit) const noexcept {
    std::uint32_t turn = oldest_;
    for (std::uint32_t i = 0; i < count_; ++i, turn = after(turn)) visit(slots_[turn].turn_head);
  }

 private:
  [[nodiscard]] std::uint32_t after(std::uint32_t turn) const noexcept {
    return turn + 1 == size_ ? 0 : turn + 1;
  }

  // The oldest chain joins the batch.
  template <class Put>
  void end(std::uint16_t head, Put& put) noexcept {
    DeviceSlot& slot = slots_[head];
    slot.taken = slot.completed = false;
    oldest_ = after(oldest_);
    --count_;
    if (!full_) flush(put);  // the chain before this one must not be skipped
    head_ = head;
    written_ = slot.written;
    full_ = slot.written == slot.writable;
    ++chains_;
    descriptors_ += slot.descriptors;
  }

  DeviceSlot* slots_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t count_ = 0;    // chains that have not had their turn
  std::uint32_t waiting_ = 0;  // of these, completed
  std::uint32_t oldest_ = 0;   // turns, below size_
  std::uint32_t next_ = 0;
  std::uint32_t chains_ = 0;  // of the batch, from here on
  std::uint32_t descriptors_ = 0;
  std::uint32_t written_ = 0;
  std::uint16_t head_ = 0;
  bool full_ = false;
};

}  // namespace bellpull::ring
