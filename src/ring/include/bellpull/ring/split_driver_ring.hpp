// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/driver_slots.hpp"
#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/split_layout.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring::detail {

// How a driver half writes and reads a split virtqueue (virtio 1.4 section 2.7). It knows positions
// and event words; which chains are in flight, Driver knows.
template <class Access>
class SplitDriverRing {
 public:
  static constexpr std::uint32_t kModulus = 0x10000;

  void start(const SplitMemory& memory, const Features& features,
             const DriverState* state) noexcept {
    memory_ = memory;
    mask_ = static_cast<std::uint16_t>(memory.size - 1);
    event_idx_ = features.event_idx;
    // Totals begin a lap up, so that the word parked behind them is a number too.
    offered_ = published_ = kModulus + (state != nullptr ? state->avail : 0U);
    seen_ = consumed_ =
        published_ -
        (state != nullptr ? static_cast<std::uint16_t>(state->avail - state->used) : 0U);
    test_.start(published_, state != nullptr);
    disarm();
  }

  [[nodiscard]] static SetupError check(const SplitMemory& memory, const DriverState& state,
                                        std::uint32_t in_flight) noexcept {
    if (static_cast<std::uint16_t>(state.avail - state.used) != in_flight) {
      return SetupError::state_invalid;
    }
    const auto index = Access::template load<Site::avail_poll>(memory.avail->idx);
    return index == state.avail ? SetupError::none : SetupError::state_mismatch;
  }

  // In-flight as check() counts it: each chain is one entry.
  [[nodiscard]] static std::uint32_t weight(const DriverSlot&) noexcept { return 1; }

  // Descriptors are written where they stay.
  static constexpr bool kStagesInSlots = false;

  void stage(DriverSlots& slots, std::uint16_t at, const Segment& segment,
             std::uint16_t flags) noexcept {
    const std::uint16_t next = (flags & VRING_DESC_F_NEXT) != 0 ? slots[at].next : std::uint16_t{0};
    Access::write(memory_.desc[at], make_desc(segment.address, segment.length, flags, next));
  }

  static void fill_table(vring_desc& entry, std::uint16_t at, const Segment& segment,
                         std::uint16_t flags) noexcept {
    const auto next = static_cast<std::uint16_t>((flags & VRING_DESC_F_NEXT) != 0 ? at + 1 : 0);
    Access::write(entry, make_desc(segment.address, segment.length, flags, next));
  }
  // A table's entries are linked (virtio 1.4 section 2.7.5.3).
  static constexpr std::uint16_t kTableNext = VRING_DESC_F_NEXT;

  void offer(const DriverSlots&, std::uint16_t head) noexcept {
    Access::write(memory_.avail->ring[static_cast<std::uint16_t>(offered_) & mask_],
                  static_cast<__virtio16>(head));
    ++offered_;
  }

  [[nodiscard]] bool unpublished() const noexcept { return offered_ != published_; }

  void publish() noexcept {
    published_ = offered_;
    Access::template store<Site::avail_publish>(memory_.avail->idx,
                                                static_cast<__virtio16>(published_));
  }

  [[nodiscard]] bool publish_and_test() noexcept {
    published_ = offered_;
    Access::template store<Site::avail_publish_tested>(memory_.avail->idx,
                                                       static_cast<__virtio16>(published_));
    if (!event_idx_) {
      return (Access::template load<Site::avail_event_test>(memory_.used->flags) &
              VRING_USED_F_NO_NOTIFY) == 0;
    }
    return test_.crossed(published_, static_cast<std::uint16_t>(published_),
                         Access::template load<Site::avail_event_test>(avail_event_word(memory_)),
                         kModulus);
  }

  struct Entry {
    std::uint32_t id;
    std::uint32_t length;
  };

  // Before a poll for up to `limit` entries: at most one look at the device's index.
  template <class Trust>
  [[nodiscard]] QueueFault begin_poll(unsigned limit) noexcept {
    if (seen_ - consumed_ >= limit) return QueueFault::none;
    return see<Trust>(Access::template load<Site::used_poll>(memory_.used->idx));
  }

  template <class Trust>
  [[nodiscard]] bool next_used(Entry& entry) noexcept {
    if (seen_ == consumed_) return false;
    const vring_used_elem& from = memory_.used->ring[static_cast<std::uint16_t>(consumed_) & mask_];
    vring_used_elem elem;
    if constexpr (Trust::kChecks) {
      elem = Access::copy_once(from);
    } else {
      elem = Access::read(from);
    }
    entry = {elem.id, elem.len};
    return true;
  }

  // After start(): a former owner looked as far as `entries` ahead already.
  void saw(std::uint32_t entries) noexcept { seen_ = consumed_ + entries; }

  // How many entries are there to consume: what bounds an in-order batch.
  [[nodiscard]] std::uint64_t visible() const noexcept { return seen_ - consumed_; }

  void consume(const DriverSlot&) noexcept {
    ++consumed_;
    if (event_idx_ && event_.stale(consumed_)) disarm();
  }

  template <class Trust>
  [[nodiscard]] bool arm(QueueFault& fault) noexcept {
    if (event_idx_) {
      Access::template store<Site::used_event_arm>(used_event_word(memory_), event_.arm(consumed_));
    } else {
      Access::template store<Site::used_event_arm>(memory_.avail->flags, __virtio16{0});
    }
    fault = see<Trust>(Access::template load<Site::used_recheck>(memory_.used->idx));
    return fault != QueueFault::none || seen_ != consumed_;
  }

  void disarm() noexcept {
    if (event_idx_) {
      Access::template store<Site::used_event_park>(used_event_word(memory_),
                                                    event_.park(consumed_));
    } else {
      Access::template store<Site::used_event_park>(memory_.avail->flags,
                                                    __virtio16{VRING_AVAIL_F_NO_INTERRUPT});
    }
  }

  [[nodiscard]] std::uint16_t next_avail() const noexcept {
    return static_cast<std::uint16_t>(published_);
  }

  void save(DriverState& state) const noexcept {
    state.avail = static_cast<std::uint16_t>(published_);
    state.used = static_cast<std::uint16_t>(consumed_);
  }

 private:
  template <class Trust>
  [[nodiscard]] QueueFault see(std::uint16_t used_index) noexcept {
    const auto ready = static_cast<std::uint16_t>(used_index - consumed_);
    if constexpr (Trust::kChecks) {
      // Neither more than was published nor less than was seen before.
      if (ready > published_ - consumed_ || ready < seen_ - consumed_) {
        return QueueFault::used_index_jump;
      }
    }
    seen_ = consumed_ + ready;
    return QueueFault::none;
  }

  SplitMemory memory_;
  std::uint16_t mask_ = 0;
  bool event_idx_ = true;
  std::uint64_t offered_ = 0;
  std::uint64_t published_ = 0;  // visible to the device
  std::uint64_t consumed_ = 0;
  std::uint64_t seen_ = 0;  // used.idx as last read
  EventTest test_;
  EventWord event_;
};

}  // namespace bellpull::ring::detail
