// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/split_layout.hpp"

namespace bellpull::ring {

/// The device half of a split virtqueue with event index (virtio 1.4 section 2.7): takes the
/// chains that the driver made available and gives them back used.
///
/// A chain goes through refresh() -> take() -> complete() -> publish(). It is written for a driver
/// half in the same program: a chain that leaves the table is reported, but addresses are believed.
/// One thread at a time may call the members; none of them blocks, allocates or makes a system
/// call. The memory belongs to the caller and outlives the object.
template <class Access = NativeAccess>
class SplitDevice {
 public:
  SplitDevice() = default;

  /// Attaches to a queue whose memory is all zero. Starts with kicks parked. On an error nothing
  /// was written.
  [[nodiscard]] SetupError attach(const SplitMemory& memory) noexcept {
    if (const SetupError error = check_split(memory); error != SetupError::none) return error;
    memory_ = memory;
    mask_ = static_cast<std::uint16_t>(memory.size - 1);
    avail_total_ = avail_seen_ = used_total_ = published_total_ = 0;
    used_test_ = EventTest{};
    disarm();
    return SetupError::none;
  }

  /// Entries of the queue.
  [[nodiscard]] std::uint32_t size() const noexcept { return memory_.size; }

  /// Reads the driver's index once and returns how many chains take() can take now.
  unsigned refresh() noexcept {
    return see(Access::template load<Site::avail_poll>(memory_.avail->idx));
  }

  /// Chains that take() can take without another look at the driver's index.
  [[nodiscard]] unsigned ready() const noexcept {
    return static_cast<unsigned>(avail_seen_ - avail_total_);
  }

  /// Takes the oldest available chain; call it only while ready() is not 0. Calls
  /// `emit(const Segment&, bool writable)` for each of its descriptors, which are read once. Stops
  /// after `max_segments` and reports the chain as not well formed if it had more.
  template <class Emit>
  Chain take(unsigned max_segments, Emit&& emit) noexcept {
    Chain chain;
    chain.head =
        Access::read(memory_.avail->ring[static_cast<std::uint16_t>(avail_total_) & mask_]);
    ++avail_total_;
    if (event_.stale(avail_total_)) disarm();
    // A chain that is longer than the table is a loop.
    const unsigned most = max_segments < memory_.size ? max_segments : memory_.size;
    std::uint32_t at = chain.head;
    for (;;) {
      if (at >= memory_.size || chain.segments == most) {
        chain.well_formed = false;
        return chain;
      }
      const vring_desc desc = Access::read(memory_.desc[at]);
      emit(Segment{desc.addr, desc.len}, (desc.flags & VRING_DESC_F_WRITE) != 0);
      ++chain.segments;
      if ((desc.flags & VRING_DESC_F_NEXT) == 0) return chain;
      at = desc.next;
    }
  }

  /// Puts a taken chain into the next place of the used ring, with the bytes written into it. Not
  /// visible to the driver before publish(). Chains may be completed in any order, each once.
  void complete(std::uint16_t head, std::uint32_t written) noexcept {
    vring_used_elem entry{};
    entry.id = head;
    entry.len = written;
    Access::write(memory_.used->ring[static_cast<std::uint16_t>(used_total_) & mask_], entry);
    ++used_total_;
  }

  /// Shows all completed chains to the driver with one store. For a driver that polls.
  void publish() noexcept {
    if (used_total_ == published_total_) return;
    published_total_ = used_total_;
    Access::template store<Site::used_publish>(memory_.used->idx,
                                               static_cast<__virtio16>(published_total_));
  }

  /// Shows all completed chains to the driver with one store and one full barrier, and tells
  /// whether it asked to be notified.
  [[nodiscard]] bool publish_and_test() noexcept {
    if (used_total_ == published_total_) return false;
    published_total_ = used_total_;
    Access::template store<Site::used_publish_tested>(memory_.used->idx,
                                                      static_cast<__virtio16>(published_total_));
    return used_test_.crossed(
        published_total_, Access::template load<Site::used_event_test>(used_event_word(memory_)));
  }

  /// Asks to be kicked at the next available chain, and looks once more. Returns true when there is
  /// one already: the caller goes on and must not sleep. One full barrier.
  [[nodiscard]] bool arm() noexcept {
    Access::template store<Site::avail_event_arm>(avail_event_word(memory_),
                                                  event_.arm(avail_total_));
    return see(Access::template load<Site::avail_recheck>(memory_.avail->idx)) != 0;
  }

  /// Asks not to be kicked. A kick may be under way already.
  void disarm() noexcept {
    Access::template store<Site::avail_event_park>(avail_event_word(memory_),
                                                   event_.park(avail_total_));
  }

  /// Chains taken and not completed yet.
  [[nodiscard]] std::uint32_t in_flight() const noexcept {
    return static_cast<std::uint32_t>(avail_total_ - used_total_);
  }

 private:
  unsigned see(std::uint16_t avail_index) noexcept {
    const auto ready = static_cast<std::uint16_t>(avail_index - avail_total_);
    avail_seen_ = avail_total_ + ready;
    return ready;
  }

  SplitMemory memory_;
  std::uint16_t mask_ = 0;
  std::uint64_t avail_total_ = 0;      // taken
  std::uint64_t avail_seen_ = 0;       // avail.idx as last read
  std::uint64_t used_total_ = 0;       // completed
  std::uint64_t published_total_ = 0;  // visible to the driver
  EventTest used_test_;
  EventWord event_;
};

}  // namespace bellpull::ring
