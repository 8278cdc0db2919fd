// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/driver_slots.hpp"
#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/packed_event.hpp"
#include "bellpull/ring/packed_layout.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring::detail {

// How a driver half writes and reads a packed virtqueue (virtio 1.4 section 2.8). A chain has its
// place in the ring only when it is offered; until then its descriptors are in the slots.
template <class Access>
class PackedDriverRing {
 public:
  void start(const PackedMemory& memory, const Features& features,
             const DriverState* state) noexcept {
    memory_ = memory;
    event_idx_ = features.event_idx;
    offered_ = consumed_ = PackedPosition(0, memory.size);
    if (state != nullptr) {
      offered_ = PackedPosition::from_wrap(state->avail, memory.size);
      consumed_ = PackedPosition::from_wrap(state->used, memory.size);
    }
    first_ = nullptr;
    offered_total_ = consumed_total_ = 0;
    armed_ = false;
    test_.start(0, state != nullptr);
    disarm();
  }

  [[nodiscard]] static SetupError check(const PackedMemory& memory, const DriverState& state,
                                        std::uint32_t in_flight) noexcept {
    const auto avail = PackedPosition::from_wrap(state.avail, memory.size);
    const auto used = PackedPosition::from_wrap(state.used, memory.size);
    if (!avail.valid() || !used.valid() || used.plus(in_flight).at() != avail.at()) {
      return SetupError::state_invalid;
    }
    // What the next descriptor to offer holds is used, or was never written.
    const std::uint16_t flags =
        packed_flags(Access::template load<Site::used_poll>(memory.desc[avail.offset()].tail));
    return (flags & kPackedBoth) == avail.available() ? SetupError::state_mismatch
                                                      : SetupError::none;
  }

  // In-flight as check() counts it: a chain is as many entries as it has descriptors.
  [[nodiscard]] static std::uint32_t weight(const DriverSlot& slot) noexcept { return slot.slots; }

  // Descriptors have no place before they are offered; a chain that is posted at once needs none.
  static constexpr bool kStagesInSlots = true;

  void stage(DriverSlots& slots, std::uint16_t at, const Segment& segment,
             std::uint16_t flags) noexcept {
    slots[at].address = segment.address;
    slots[at].length = segment.length;
    slots[at].flags = flags;
  }

  static void fill_table(PackedDescriptor& entry, std::uint16_t, const Segment& segment,
                         std::uint16_t flags) noexcept {
    Access::write(entry, PackedDescriptor{segment.address, packed_tail(segment.length, 0, flags)});
  }
  // A table's entries follow each other; NEXT is reserved there (virtio 1.4 section 2.8.7).
  static constexpr std::uint16_t kTableNext = 0;

  void offer(const DriverSlots& slots, std::uint16_t head) noexcept {
    std::uint16_t at = head;
    for (std::uint16_t i = 0; i < slots[head].slots; ++i) {
      const DriverSlot& slot = slots[at];
      append({slot.address, slot.length}, slot.flags, head);
      at = slot.next;
    }
  }

  // One descriptor of the chain `head` into the next place of the ring.
  void append(const Segment& segment, std::uint16_t flags, std::uint16_t head) noexcept {
    PackedDescriptor& desc = memory_.desc[offered_.offset()];
    Access::write(desc.address, segment.address);
    const std::uint64_t tail =
        packed_tail(segment.length, head, static_cast<std::uint16_t>(flags | offered_.available()));
    if (first_ == nullptr) {  // held back: its flags show the whole batch
      first_ = &desc;
      first_tail_ = tail;
    } else {
      Access::template store<Site::avail_fill>(desc.tail, tail);
    }
    offered_.advance(1);
    ++offered_total_;
  }

  [[nodiscard]] bool unpublished() const noexcept { return first_ != nullptr; }

  void publish() noexcept {
    Access::template store<Site::avail_publish>(first_->tail, first_tail_);
    first_ = nullptr;
  }

  [[nodiscard]] bool publish_and_test() noexcept {
    Access::template store<Site::avail_publish_tested>(first_->tail, first_tail_);
    first_ = nullptr;
    return packed_event_asks(Access::template load<Site::avail_event_test>(*memory_.device_event),
                             test_, offered_total_, offered_, memory_.size, event_idx_);
  }

  struct Entry {
    std::uint32_t id;
    std::uint32_t length;
  };

  template <class Trust>
  [[nodiscard]] QueueFault begin_poll(unsigned) noexcept {
    return QueueFault::none;
  }

  template <class Trust>
  [[nodiscard]] bool next_used(Entry& entry) noexcept {
    const std::uint64_t tail =
        Access::template load<Site::used_poll>(memory_.desc[consumed_.offset()].tail);
    if ((packed_flags(tail) & kPackedBoth) != consumed_.used()) return false;
    entry.id = packed_id(tail);
    // Without the flag the length is reserved (virtio 1.4 section 2.8.5).
    entry.length = (packed_flags(tail) & VRING_DESC_F_WRITE) != 0 ? packed_length(tail) : 0;
    return true;
  }

  // Nothing is remembered of a look.
  void saw(std::uint32_t) noexcept {}

  // An in-order batch is bounded by what is in flight; the flags say nothing of its length.
  [[nodiscard]] std::uint64_t visible() const noexcept { return memory_.size; }

  void consume(const DriverSlot& slot) noexcept {
    consumed_.advance(slot.slots);
    consumed_total_ += slot.slots;
    // Two laps after it was armed the peer would step over the position again.
    if (armed_ && consumed_total_ - armed_total_ >= memory_.size) disarm();
  }

  template <class Trust>
  [[nodiscard]] bool arm(QueueFault& fault) noexcept {
    fault = QueueFault::none;
    armed_ = event_idx_;  // on or off stays as it is
    armed_total_ = consumed_total_;
    Access::template store<Site::used_event_arm>(*memory_.driver_event,
                                                 packed_event_word(consumed_, event_idx_));
    const std::uint64_t tail =
        Access::template load<Site::used_recheck>(memory_.desc[consumed_.offset()].tail);
    return (packed_flags(tail) & kPackedBoth) == consumed_.used();
  }

  void disarm() noexcept {
    armed_ = false;
    Access::template store<Site::used_event_park>(*memory_.driver_event,
                                                  packed_event(0, VRING_PACKED_EVENT_FLAG_DISABLE));
  }

  [[nodiscard]] std::uint16_t next_avail() const noexcept { return offered_.to_wrap(); }

  void save(DriverState& state) const noexcept {
    state.avail = offered_.to_wrap();
    state.used = consumed_.to_wrap();
  }

 private:
  PackedMemory memory_;
  PackedPosition offered_;
  PackedPosition consumed_;
  PackedDescriptor* first_ = nullptr;  // of the batch that is not published yet
  std::uint64_t first_tail_ = 0;
  std::uint64_t offered_total_ = 0;
  std::uint64_t consumed_total_ = 0;
  std::uint64_t armed_total_ = 0;
  bool event_idx_ = true;
  bool armed_ = false;
  EventTest test_;
};

}  // namespace bellpull::ring::detail
