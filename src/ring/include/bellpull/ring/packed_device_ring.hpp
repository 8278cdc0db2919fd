// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/descriptor_pair.hpp"
#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/packed_event.hpp"
#include "bellpull/ring/packed_layout.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring::detail {

// How a device half reads and writes a packed virtqueue (virtio 1.4 section 2.8). It knows
// positions and event words; what makes a chain acceptable, Device knows.
template <class Access>
class PackedDeviceRing {
 public:
  // The buffer id is that of the chain's last descriptor: even a bad chain is read to its end.
  static constexpr bool kIdComesLast = true;

  // One descriptor of a chain, copied.
  struct Cursor {
    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint16_t flags = 0;
    std::uint16_t id = 0;
    std::uint32_t descriptors = 0;  // of the chain, up to this one
  };

  template <class Map>
  void start(const PackedMemory& memory, const Features& features, const DeviceState* state,
             Map& map) noexcept {
    memory_ = memory;
    event_idx_ = features.event_idx;
    avail_ = used_ = PackedPosition(0, memory.size);
    if (state != nullptr) {
      avail_ = PackedPosition::from_wrap(state->avail, memory.size);
      used_ = PackedPosition::from_wrap(state->used, memory.size);
    }
    first_ = nullptr;
    seen_ = false;
    used_total_ = 0;
    taken_total_ = avail_.since(used_);  // what is in flight
    armed_ = false;
    test_.start(0, state != nullptr);
    disarm(map);
  }

  [[nodiscard]] static SetupError check(const PackedMemory& memory, const DeviceState& state,
                                        std::uint32_t in_flight) noexcept {
    const auto avail = PackedPosition::from_wrap(state.avail, memory.size);
    const auto used = PackedPosition::from_wrap(state.used, memory.size);
    if (!avail.valid() || !used.valid() || in_flight > memory.size ||
        used.plus(in_flight).at() != avail.at()) {
      return SetupError::state_invalid;
    }
    // The next used descriptor must not look used already.
    const std::uint16_t flags =
        packed_flags(Access::template load<Site::avail_poll>(memory.desc[used.offset()].tail));
    return (flags & kPackedBoth) == used.used() ? SetupError::state_mismatch : SetupError::none;
  }

  // In-flight as check() counts it: a chain is as many entries as it has descriptors.
  [[nodiscard]] static std::uint32_t weight(const InFlight& chain) noexcept {
    return chain.descriptors;
  }

  template <class Trust>
  [[nodiscard]] QueueFault refresh() noexcept {
    (void)look();
    return QueueFault::none;
  }
  [[nodiscard]] unsigned ready() const noexcept { return seen_ ? 1 : 0; }

  template <class Trust>
  [[nodiscard]] QueueFault begin_batch(unsigned) noexcept {
    return QueueFault::none;
  }

  // The flags of each chain's first descriptor are the index here. Loaded once: first() uses what
  // was seen.
  [[nodiscard]] bool look() noexcept {
    return seen_ ||
           see(Access::template load<Site::avail_poll>(memory_.desc[avail_.offset()].tail));
  }

  // Whether the next chain, which look() saw, is one direct descriptor to read and one to write;
  // then it is copied. Trusted only: first() reads it again.
  [[nodiscard, gnu::always_inline]] bool pair(DescriptorPair& pair) const noexcept {
    if ((packed_flags(tail_) & DescriptorPair::kKind) != VRING_DESC_F_NEXT) return false;
    const PackedDescriptor& two = memory_.desc[avail_.plus(1).offset()];
    const std::uint64_t tail = Access::template load<Site::avail_entry>(two.tail);
    pair.read = {Access::read(memory_.desc[avail_.offset()].address), packed_length(tail_)};
    pair.write = {Access::read(two.address), packed_length(tail)};
    pair.head = packed_id(tail);
    return (packed_flags(tail) & DescriptorPair::kKind) == VRING_DESC_F_WRITE;
  }

  template <class Trust>
  [[nodiscard]] QueueFault first(Cursor& cursor) noexcept {
    cursor.descriptors = 0;
    fill<Trust>(memory_.desc[avail_.offset()], tail_, cursor);
    return QueueFault::none;
  }

  template <class Trust>
  [[nodiscard]] QueueFault next(Cursor& cursor, ChainFault&) noexcept {
    if constexpr (Trust::kChecks) {
      if (cursor.descriptors == memory_.size) return QueueFault::ring_overrun;
    }
    const PackedPosition position = avail_.plus(cursor.descriptors);
    const PackedDescriptor& desc = memory_.desc[position.offset()];
    const std::uint64_t tail = Access::template load<Site::avail_entry>(desc.tail);
    if constexpr (Trust::kChecks) {
      if ((packed_flags(tail) & kPackedBoth) != position.available()) {
        return QueueFault::descriptor_not_ready;
      }
    }
    fill<Trust>(desc, tail, cursor);
    return QueueFault::none;
  }

  template <class Trust>
  [[nodiscard]] QueueFault id(const Cursor& cursor, std::uint16_t& head) const noexcept {
    head = cursor.id;
    if constexpr (Trust::kChecks) {
      if (head >= memory_.size) return QueueFault::id_out_of_range;
      if (taken_total_ - used_total_ + cursor.descriptors > memory_.size) {
        return QueueFault::ring_overrun;
      }
    }
    return QueueFault::none;
  }

  void commit(const Cursor& cursor) noexcept { commit(cursor.descriptors); }
  void commit_pair() noexcept { commit(2); }
  // Two laps after it was armed the peer would step over the position again.
  [[nodiscard]] bool stale() const noexcept {
    return armed_ && taken_total_ - armed_total_ >= memory_.size;
  }

  // A used descriptor that stands for chains of `descriptors` descriptors in all, the last of which
  // has the id `head`.
  template <class Map>
  void put_used(std::uint16_t head, std::uint32_t written, std::uint32_t, std::uint32_t descriptors,
                Map& map) noexcept {
    PackedDescriptor& desc = memory_.desc[used_.offset()];
    const auto flags =
        static_cast<std::uint16_t>(used_.used() | (written != 0 ? VRING_DESC_F_WRITE : 0));
    const std::uint64_t tail = packed_tail(written, head, flags);
    if (first_ == nullptr) {  // held back: its flags show the whole batch
      first_ = &desc;
      first_tail_ = tail;
    } else {
      Access::template store<Site::used_fill>(desc.tail, tail);
      map.wrote(map.turn(), &desc.tail, sizeof desc.tail);
    }
    used_.advance(descriptors);
    used_total_ += descriptors;
  }

  [[nodiscard]] bool unpublished() const noexcept { return first_ != nullptr; }

  template <class Map>
  void publish(Map& map) noexcept {
    Access::template store<Site::used_publish>(first_->tail, first_tail_);
    map.wrote(map.turn(), &first_->tail, sizeof first_->tail);
    first_ = nullptr;
  }

  template <class Map>
  [[nodiscard]] bool publish_and_test(Map& map) noexcept {
    Access::template store<Site::used_publish_tested>(first_->tail, first_tail_);
    map.wrote(map.turn(), &first_->tail, sizeof first_->tail);
    first_ = nullptr;
    return packed_event_asks(Access::template load<Site::used_event_test>(*memory_.driver_event),
                             test_, used_total_, used_, memory_.size, event_idx_);
  }

  template <class Trust, class Map>
  [[nodiscard]] bool arm(QueueFault& fault, Map& map) noexcept {
    fault = QueueFault::none;
    armed_ = event_idx_;  // on or off stays as it is
    armed_total_ = taken_total_;
    Access::template store<Site::avail_event_arm>(*memory_.device_event,
                                                  packed_event_word(avail_, event_idx_));
    map.wrote(map.turn(), memory_.device_event, kPackedEventBytes);
    return seen_ ||
           see(Access::template load<Site::avail_recheck>(memory_.desc[avail_.offset()].tail));
  }

  template <class Map>
  void disarm(Map& map) noexcept {
    armed_ = false;
    Access::template store<Site::avail_event_park>(
        *memory_.device_event, packed_event(0, VRING_PACKED_EVENT_FLAG_DISABLE));
    map.wrote(map.turn(), memory_.device_event, kPackedEventBytes);
  }

  void save(DeviceState& state) const noexcept {
    state.avail = avail_.to_wrap();
    state.used = used_.to_wrap();
  }

 private:
  void commit(std::uint32_t descriptors) noexcept {
    avail_.advance(descriptors);
    taken_total_ += descriptors;
    seen_ = false;
  }

  [[nodiscard]] bool see(std::uint64_t tail) noexcept {
    tail_ = tail;
    seen_ = (packed_flags(tail) & kPackedBoth) == avail_.available();
    return seen_;
  }

  template <class Trust>
  static void fill(const PackedDescriptor& desc, std::uint64_t tail, Cursor& cursor) noexcept {
    if constexpr (Trust::kChecks) {
      cursor.address = Access::copy_once(desc.address);
    } else {
      cursor.address = Access::read(desc.address);
    }
    cursor.length = packed_length(tail);
    cursor.flags = packed_flags(tail);
    cursor.id = packed_id(tail);
    ++cursor.descriptors;
  }

  PackedMemory memory_;
  PackedPosition avail_;
  PackedPosition used_;
  std::uint64_t tail_ = 0;             // of the next chain's first descriptor, when seen_
  PackedDescriptor* first_ = nullptr;  // used entry of the batch that is not published yet
  std::uint64_t first_tail_ = 0;
  std::uint64_t taken_total_ = 0;
  std::uint64_t used_total_ = 0;
  std::uint64_t armed_total_ = 0;
  bool seen_ = false;
  bool event_idx_ = true;
  bool armed_ = false;
  EventTest test_;
};

}  // namespace bellpull::ring::detail
