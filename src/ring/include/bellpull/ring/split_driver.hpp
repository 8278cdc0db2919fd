// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <span>

#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/split_layout.hpp"

namespace bellpull::ring {

/// What the driver half remembers per descriptor, in memory that the device cannot see. The table
/// in shared memory is only ever written, never believed.
struct DriverSlot {
  std::uint64_t token = 0;     ///< the caller's value for the chain that starts here
  std::uint16_t next = 0;      ///< next descriptor of the chain, or of the free list
  std::uint16_t segments = 0;  ///< length of the chain that starts here; 0: no head
  bool offered = false;        ///< the device may use the chain
};

/// The driver half of a split virtqueue with event index (virtio 1.4 section 2.7): makes chains
/// of buffers available and takes them back when they are used.
///
/// A chain goes through reserve() -> offer() -> publish() -> poll(). Nothing is visible to the
/// device before publish(). One thread at a time may call the members; none of them blocks,
/// allocates or makes a system call. Memory and slots belong to the caller and outlive the object;
/// a buffer belongs to the device from publish() until poll() reported it.
template <class Access = NativeAccess>
class SplitDriver {
 public:
  SplitDriver() = default;

  /// Attaches to a queue whose memory is all zero and to `slots`, one per entry. Starts with
  /// notifications parked. On an error nothing was written.
  [[nodiscard]] SetupError attach(const SplitMemory& memory, std::span<DriverSlot> slots) noexcept {
    if (const SetupError error = check_split(memory); error != SetupError::none) return error;
    if (slots.size() < memory.size) return SetupError::slots_too_few;
    memory_ = memory;
    mask_ = static_cast<std::uint16_t>(memory.size - 1);
    slots_ = slots.data();
    for (std::uint32_t i = 0; i < memory.size; ++i) {
      slots_[i] = DriverSlot{.next = static_cast<std::uint16_t>(i + 1)};
    }
    free_head_ = 0;
    free_ = memory.size;
    avail_total_ = published_total_ = used_total_ = used_seen_ = bad_used_ = 0;
    avail_test_ = EventTest{};
    disarm();
    return SetupError::none;
  }

  /// Entries of the queue.
  [[nodiscard]] std::uint32_t size() const noexcept { return memory_.size; }

  /// Descriptors that reserve() can still take.
  [[nodiscard]] std::uint32_t free_descriptors() const noexcept { return free_; }

  /// Writes a chain into free descriptors: first what the device reads, then what it writes
  /// (virtio 1.4 section 2.7.4.2 wants this order). Returns its head, or kNoHead when there are
  /// fewer free descriptors than segments, or no segment at all. The device does not see it yet.
  [[nodiscard]] std::uint16_t reserve(std::span<const Segment> readable,
                                      std::span<const Segment> writable,
                                      std::uint64_t token) noexcept {
    const std::size_t needed = readable.size() + writable.size();
    if (needed == 0 || needed > free_) return kNoHead;
    const std::uint16_t head = free_head_;
    std::uint16_t at = head;
    std::size_t left = needed;
    for (const Segment& segment : readable) at = write_descriptor(at, segment, 0, --left);
    for (const Segment& segment : writable) {
      at = write_descriptor(at, segment, VRING_DESC_F_WRITE, --left);
    }
    free_head_ = at;
    free_ -= static_cast<std::uint32_t>(needed);
    slots_[head].token = token;
    slots_[head].segments = static_cast<std::uint16_t>(needed);
    return head;
  }

  /// Gives the descriptors of a chain back that was reserved and not offered. Does nothing for
  /// any other head: a second cancel would hand out the same descriptor twice.
  void cancel(std::uint16_t head) noexcept {
    if (head >= memory_.size || slots_[head].segments == 0 || slots_[head].offered) return;
    free_chain(head);
  }

  /// Puts a reserved chain into the next place of the available ring. Still not visible.
  void offer(std::uint16_t head) noexcept {
    slots_[head].offered = true;
    Access::write(memory_.avail->ring[static_cast<std::uint16_t>(avail_total_) & mask_],
                  static_cast<__virtio16>(head));
    ++avail_total_;
  }

  /// Shows all offered chains to the device with one store. For a device that polls or that the
  /// caller runs itself.
  void publish() noexcept {
    if (avail_total_ == published_total_) return;
    published_total_ = avail_total_;
    Access::template store<Site::avail_publish>(memory_.avail->idx,
                                                static_cast<__virtio16>(published_total_));
  }

  /// Shows all offered chains to the device with one store and one full barrier, and tells
  /// whether it asked to be kicked.
  [[nodiscard]] bool publish_and_test() noexcept {
    if (avail_total_ == published_total_) return false;
    published_total_ = avail_total_;
    Access::template store<Site::avail_publish_tested>(memory_.avail->idx,
                                                       static_cast<__virtio16>(published_total_));
    return avail_test_.crossed(
        published_total_, Access::template load<Site::avail_event_test>(avail_event_word(memory_)));
  }

  /// Hands at most `limit` used chains to `visit(const Used&)`, oldest first, and returns how many.
  /// Reads the device's index at most once. The descriptors of a chain are free when `visit` sees
  /// it. An entry that names no chain in flight is counted in bad_used() and against the limit.
  template <class Visit>
  unsigned poll(unsigned limit, Visit&& visit) noexcept {
    unsigned ready = static_cast<unsigned>(used_seen_ - used_total_);
    if (ready < limit) ready = see(Access::template load<Site::used_poll>(memory_.used->idx));
    const unsigned count = ready < limit ? ready : limit;
    unsigned visited = 0;
    for (unsigned i = 0; i < count; ++i) {
      const vring_used_elem entry =
          Access::read(memory_.used->ring[static_cast<std::uint16_t>(used_total_) & mask_]);
      ++used_total_;
      if (event_.stale(used_total_)) disarm();
      if (entry.id >= memory_.size || !slots_[entry.id].offered) {
        ++bad_used_;
        continue;
      }
      const auto head = static_cast<std::uint16_t>(entry.id);
      const Used used{slots_[head].token, head, entry.len};
      free_chain(head);
      visit(used);
      ++visited;
    }
    return visited;
  }

  /// Asks to be notified of the next used chain, and looks once more. Returns true when there is
  /// one already: the caller polls again and must not go to sleep. One full barrier.
  [[nodiscard]] bool arm() noexcept {
    Access::template store<Site::used_event_arm>(used_event_word(memory_), event_.arm(used_total_));
    return see(Access::template load<Site::used_recheck>(memory_.used->idx)) != 0;
  }

  /// Asks not to be notified. A notification may be under way already.
  void disarm() noexcept {
    Access::template store<Site::used_event_park>(used_event_word(memory_),
                                                  event_.park(used_total_));
  }

  /// Used entries that named no chain in flight.
  [[nodiscard]] std::uint64_t bad_used() const noexcept { return bad_used_; }

 private:
  std::uint16_t write_descriptor(std::uint16_t at, const Segment& segment, std::uint16_t flags,
                                 std::size_t left) noexcept {
    const std::uint16_t next = slots_[at].next;
    vring_desc desc{};
    desc.addr = segment.address;
    desc.len = segment.length;
    desc.flags = static_cast<__virtio16>(flags | (left != 0 ? VRING_DESC_F_NEXT : 0));
    desc.next = left != 0 ? next : __virtio16{0};
    Access::write(memory_.desc[at], desc);
    return next;
  }

  void free_chain(std::uint16_t head) noexcept {
    std::uint16_t last = head;
    for (std::uint16_t i = 1; i < slots_[head].segments; ++i) last = slots_[last].next;
    slots_[last].next = free_head_;
    free_head_ = head;
    free_ += slots_[head].segments;
    slots_[head].segments = 0;
    slots_[head].offered = false;
  }

  unsigned see(std::uint16_t used_index) noexcept {
    const auto ready = static_cast<std::uint16_t>(used_index - used_total_);
    used_seen_ = used_total_ + ready;
    return ready;
  }

  SplitMemory memory_;
  DriverSlot* slots_ = nullptr;
  std::uint32_t free_ = 0;
  std::uint16_t mask_ = 0;
  std::uint16_t free_head_ = 0;
  std::uint64_t avail_total_ = 0;      // offered
  std::uint64_t published_total_ = 0;  // visible to the device
  std::uint64_t used_total_ = 0;       // consumed
  std::uint64_t used_seen_ = 0;        // used.idx as last read
  std::uint64_t bad_used_ = 0;
  EventTest avail_test_;
  EventWord event_;
};

}  // namespace bellpull::ring
