// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/descriptor_pair.hpp"
#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/split_layout.hpp"
#include "bellpull/ring/state.hpp"

namespace bellpull::ring::detail {

// How a device half reads and writes a split virtqueue (virtio 1.4 section 2.7). It knows positions
// and event words; what makes a chain acceptable, Device knows.
template <class Access>
class SplitDeviceRing {
 public:
  static constexpr std::uint32_t kModulus = 0x10000;
  // The head is read before the chain: a chain that turns out bad need not be read to its end.
  static constexpr bool kIdComesLast = false;

  // One descriptor of a chain, copied, and where it was found.
  struct Cursor {
    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint16_t flags = 0;
    std::uint16_t next = 0;
    std::uint16_t head = 0;
    std::uint32_t descriptors = 0;
  };

  template <class Map>
  void start(const SplitMemory& memory, const Features& features, const DeviceState* state,
             Map& map) noexcept {
    memory_ = memory;
    mask_ = static_cast<std::uint16_t>(memory.size - 1);
    event_idx_ = features.event_idx;
    seen_ = taken_ = kModulus + (state != nullptr ? state->avail : 0U);
    published_ = used_ =
        taken_ - (state != nullptr ? static_cast<std::uint16_t>(state->avail - state->used) : 0U);
    test_.start(published_, state != nullptr);
    disarm(map);
  }

  [[nodiscard]] static SetupError check(const SplitMemory& memory, const DeviceState& state,
                                        std::uint32_t in_flight) noexcept {
    const auto taken = static_cast<std::uint16_t>(state.avail - state.used);
    if (taken != in_flight || taken > memory.size) return SetupError::state_invalid;
    const auto avail = Access::template load<Site::avail_poll>(memory.avail->idx);
    const auto used = Access::template load<Site::used_poll>(memory.used->idx);
    return used == state.used && static_cast<std::uint16_t>(avail - state.used) <= memory.size &&
                   static_cast<std::uint16_t>(avail - state.used) >= taken
               ? SetupError::none
               : SetupError::state_mismatch;
  }

  // In-flight as check() counts it: each chain is one entry.
  [[nodiscard]] static std::uint32_t weight(const InFlight&) noexcept { return 1; }

  template <class Trust>
  [[nodiscard]] QueueFault refresh() noexcept {
    return see<Trust>(Access::template load<Site::avail_poll>(memory_.avail->idx));
  }
  [[nodiscard]] unsigned ready() const noexcept { return static_cast<unsigned>(seen_ - taken_); }

  // Before a batch of up to `limit` chains: at most one look at the driver's index.
  template <class Trust>
  [[nodiscard]] QueueFault begin_batch(unsigned limit) noexcept {
    return ready() < limit ? refresh<Trust>() : QueueFault::none;
  }
  [[nodiscard]] bool look() const noexcept { return seen_ != taken_; }

  // Whether the next chain, which look() saw, is one direct descriptor to read and one to write;
  // then it is copied. Trusted only: first() reads it again.
  [[nodiscard, gnu::always_inline]] bool pair(DescriptorPair& pair) const noexcept {
    pair.head = Access::read(memory_.avail->ring[static_cast<std::uint16_t>(taken_) & mask_]);
    const vring_desc one = Access::read(memory_.desc[pair.head]);
    if ((one.flags & DescriptorPair::kKind) != VRING_DESC_F_NEXT) return false;
    const vring_desc two = Access::read(memory_.desc[one.next]);
    pair.read = {one.addr, one.len};
    pair.write = {two.addr, two.len};
    return (two.flags & DescriptorPair::kKind) == VRING_DESC_F_WRITE;
  }

  template <class Trust>
  [[nodiscard]] QueueFault first(Cursor& cursor) noexcept {
    const __virtio16& from = memory_.avail->ring[static_cast<std::uint16_t>(taken_) & mask_];
    if constexpr (Trust::kChecks) {
      cursor.head = Access::copy_once(from);
      if (cursor.head >= memory_.size) return QueueFault::head_out_of_range;
    } else {
      cursor.head = Access::read(from);
    }
    cursor.descriptors = 0;
    read<Trust>(cursor.head, cursor);
    return QueueFault::none;
  }

  template <class Trust>
  [[nodiscard]] QueueFault next(Cursor& cursor, ChainFault& fault) noexcept {
    if constexpr (Trust::kChecks) {
      if (cursor.next >= memory_.size) {
        fault = ChainFault::next_out_of_range;
        return QueueFault::none;
      }
      if (cursor.descriptors == memory_.size) {
        fault = ChainFault::too_long;
        return QueueFault::none;
      }
    }
    read<Trust>(cursor.next, cursor);
    return QueueFault::none;
  }

  // The id of the chain that was read, and the entries of the ring that it takes up.
  template <class Trust>
  [[nodiscard]] QueueFault id(const Cursor& cursor, std::uint16_t& head) const noexcept {
    head = cursor.head;
    return QueueFault::none;
  }
  void commit(const Cursor&) noexcept { commit_pair(); }
  void commit_pair() noexcept {
    ++taken_;
    stale_ = event_idx_ && event_.stale(taken_);
  }
  // commit() noticed that the event word has to be moved on.
  [[nodiscard]] bool stale() const noexcept { return stale_; }

  // A used entry that stands for `chains` chains, the last of which is `head`.
  template <class Map>
  void put_used(std::uint16_t head, std::uint32_t written, std::uint32_t chains, std::uint32_t,
                Map& map) noexcept {
    vring_used_elem& to = memory_.used->ring[static_cast<std::uint16_t>(used_) & mask_];
    Access::write(to, make_used(head, written));
    map.wrote(map.turn(), &to, sizeof to);
    used_ += chains;
  }

  [[nodiscard]] bool unpublished() const noexcept { return used_ != published_; }

  template <class Map>
  void publish(Map& map) noexcept {
    published_ = used_;
    Access::template store<Site::used_publish>(memory_.used->idx,
                                               static_cast<__virtio16>(published_));
    map.wrote(map.turn(), &memory_.used->idx, sizeof memory_.used->idx);
  }

  template <class Map>
  [[nodiscard]] bool publish_and_test(Map& map) noexcept {
    published_ = used_;
    Access::template store<Site::used_publish_tested>(memory_.used->idx,
                                                      static_cast<__virtio16>(published_));
    map.wrote(map.turn(), &memory_.used->idx, sizeof memory_.used->idx);
    if (!event_idx_) {
      return (Access::template load<Site::used_event_test>(memory_.avail->flags) &
              VRING_AVAIL_F_NO_INTERRUPT) == 0;
    }
    return test_.crossed(published_, static_cast<std::uint16_t>(published_),
                         Access::template load<Site::used_event_test>(used_event_word(memory_)),
                         kModulus);
  }

  template <class Trust, class Map>
  [[nodiscard]] bool arm(QueueFault& fault, Map& map) noexcept {
    if (event_idx_) {
      __virtio16& word = avail_event_word(memory_);
      Access::template store<Site::avail_event_arm>(word, event_.arm(taken_));
      map.wrote(map.turn(), &word, sizeof word);
    } else {
      Access::template store<Site::avail_event_arm>(memory_.used->flags, __virtio16{0});
      map.wrote(map.turn(), &memory_.used->flags, sizeof memory_.used->flags);
    }
    fault = see<Trust>(Access::template load<Site::avail_recheck>(memory_.avail->idx));
    return fault != QueueFault::none || look();
  }

  template <class Map>
  void disarm(Map& map) noexcept {
    if (event_idx_) {
      __virtio16& word = avail_event_word(memory_);
      Access::template store<Site::avail_event_park>(word, event_.park(taken_));
      map.wrote(map.turn(), &word, sizeof word);
    } else {
      Access::template store<Site::avail_event_park>(memory_.used->flags,
                                                     __virtio16{VRING_USED_F_NO_NOTIFY});
      map.wrote(map.turn(), &memory_.used->flags, sizeof memory_.used->flags);
    }
  }

  void save(DeviceState& state) const noexcept {
    state.avail = static_cast<std::uint16_t>(taken_);
    state.used = static_cast<std::uint16_t>(published_);
  }

 private:
  template <class Trust>
  void read(std::uint16_t at, Cursor& cursor) noexcept {
    vring_desc desc;
    if constexpr (Trust::kChecks) {
      desc = Access::copy_once(memory_.desc[at]);
    } else {
      desc = Access::read(memory_.desc[at]);
    }
    cursor.address = desc.addr;
    cursor.length = desc.len;
    cursor.flags = desc.flags;
    cursor.next = desc.next;
    ++cursor.descriptors;
  }

  template <class Trust>
  [[nodiscard]] QueueFault see(std::uint16_t avail_index) noexcept {
    const auto ready = static_cast<std::uint16_t>(avail_index - taken_);
    if constexpr (Trust::kChecks) {
      // What is in flight has its descriptors; and the index never goes back.
      if (ready + (taken_ - used_) > memory_.size || ready < seen_ - taken_) {
        return QueueFault::avail_index_jump;
      }
    }
    seen_ = taken_ + ready;
    return QueueFault::none;
  }

  SplitMemory memory_;
  std::uint16_t mask_ = 0;
  bool event_idx_ = true;
  bool stale_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t seen_ = 0;  // avail.idx as last read
  std::uint64_t used_ = 0;
  std::uint64_t published_ = 0;  // visible to the driver
  EventTest test_;
  EventWord event_;
};

}  // namespace bellpull::ring::detail
