// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/ring/driver_options.hpp"
#include "bellpull/ring/driver_slots.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/layout.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/state.hpp"
#include "bellpull/ring/trust.hpp"

namespace bellpull::ring {

/// The driver half of a virtqueue: makes chains of buffers available and takes them back when they
/// are used.
///
/// A chain goes through reserve() -> offer() -> publish() -> poll(), or post() -> publish() ->
/// poll(). Nothing is visible to the device before publish(). One thread at a time may call the
/// members; none of them blocks, allocates or makes a system call. Memory and slots belong to the
/// caller and outlive the attachment; a buffer belongs to the device from publish() until poll()
/// reported it. `Trust` says whether the device half is believed; an untrusted one can at most
/// break the queue (see fault()), and lengths it claims are clamped to the room it was given.
template <class Layout, class Trust = Trusted, class Access = NativeAccess>
class Driver {
 public:
  Driver() = default;

  /// Attaches to a queue whose memory is all zero, or to one that another driver half left, when
  /// `options.resume` says where it stood. Starts with notifications parked. On an error nothing
  /// was written, but in slots that do not fit the state.
  [[nodiscard]] SetupError attach(const typename Layout::Memory& memory,
                                  const DriverOptions<Layout>& options) noexcept {
    if (const SetupError error = check(memory, options); error != SetupError::none) return error;
    const std::span<DriverSlot> slots = options.slots.first(memory.size);
    DriverSlots taken;
    std::uint32_t in_flight = 0;
    if (options.resume == nullptr) {
      taken.start(slots, options.features.in_order);
    } else {
      const DriverState& state = *options.resume;
      SetupError error = taken.resume(slots, options.features.in_order, state.free_head);
      if (error != SetupError::none) return error;
      std::uint32_t weight = 0;
      for (DriverSlot& slot : slots) {
        if (slot.slots == 0 || slot.state != DriverSlot::State::offered) continue;
        slot.address = 0;  // offered before all that this half offers
        weight += Ring::weight(slot);
        ++in_flight;
      }
      error = Ring::check(memory, state, weight);
      if (error != SetupError::none) return error;
      if (!ordered(taken, state, options.features.in_order)) return SetupError::state_invalid;
    }
    *this = Driver{};
    slots_ = taken;
    in_order_ = options.features.in_order;
    tables_ = options.features.indirect ? options.indirect : IndirectTables<Layout>{};
    if (tables_.each != 0 && tables_.address == 0) {
      tables_.address = reinterpret_cast<std::uintptr_t>(tables_.entries.data());
    }
    in_flight_ = resumed_ = in_flight;
    ring_.start(memory, options.features, options.resume);
    if (options.resume != nullptr) resume_order(*options.resume);
    return SetupError::none;
  }

  /// Lets go of the queue, as after a queue reset (virtio 1.4 section 2.6.1): when it returned, the
  /// memory is not touched any more and every call but attach() does nothing. The tokens of chains
  /// in flight are in the caller's slots. The caller makes the memory zero before it attaches anew.
  void reset() noexcept { *this = Driver{}; }

  /// Publishes what is offered and lets go of the queue. With what it returns and the slots another
  /// driver half goes on; the device must be notified if it sleeps. A broken queue has no state
  /// worth keeping: reset() it.
  [[nodiscard]] DriverState stop() noexcept {
    DriverState state;
    if (attached()) {
      publish();
      ring_.save(state);
      state.free_head = slots_.free_head();
      state.batch_last = batch_last_;
      state.batch_length = batch_length_;
    }
    reset();
    return state;
  }

  /// Whether the half has a queue.
  [[nodiscard]] bool attached() const noexcept { return slots_.size() != 0; }

  /// Entries of the queue; 0 while there is none.
  [[nodiscard]] std::uint32_t size() const noexcept { return slots_.size(); }

  /// Descriptors that reserve() can still take.
  [[nodiscard]] std::uint32_t free_descriptors() const noexcept { return slots_.free(); }

  /// Chains offered and not polled.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }

  /// Prepares a chain: first what the device reads, then what it writes (virtio 1.4 section 2.7.4.2
  /// wants this order). Returns its head, or kNoHead when there are fewer free descriptors than it
  /// needs, or no segment at all. The device does not see it yet. With indirect tables a chain of
  /// two segments or more that fits one takes a single descriptor.
  [[nodiscard]] std::uint16_t reserve(std::span<const Segment> readable,
                                      std::span<const Segment> writable,
                                      std::uint64_t token) noexcept {
    return place<false>(readable, writable, token);
  }

  /// Gives the descriptors of a chain back that was reserved and not offered. Does nothing and
  /// returns false for any other head. In-order, only the newest reserved chain can be cancelled.
  bool cancel(std::uint16_t head) noexcept {
    if (slots_.reserved(head) && slots_.cancel(head)) return true;
    count(counters_.misuses);
    return false;
  }

  /// Puts a reserved chain into the next place of the ring. Still not visible. Does nothing and
  /// returns false for any other head. In-order, chains are offered as they were reserved.
  bool offer(std::uint16_t head) noexcept {
    if (broken()) return false;
    if (!slots_.reserved(head) || (in_order_ && head != next_offer_)) {
      count(counters_.misuses);
      return false;
    }
    slots_[head].state = DriverSlot::State::offered;
    ring_.offer(slots_, head);
    count_in(head);
    return true;
  }

  /// reserve() and offer() in one.
  std::uint16_t post(std::span<const Segment> readable, std::span<const Segment> writable,
                     std::uint64_t token) noexcept {
    if (in_order_ && next_offer_ != slots_.free_head()) return kNoHead;  // others come first
    const std::uint16_t head = place<true>(readable, writable, token);
    if (head == kNoHead) return head;
    if constexpr (!Ring::kStagesInSlots) ring_.offer(slots_, head);
    count_in(head);
    return head;
  }

  /// Shows all offered chains to the device with one store. For a device that polls or that the
  /// caller runs itself.
  void publish() noexcept {
    if (!ring_.unpublished() || fault_ != QueueFault::none) return;
    shown_ = offers_;
    ring_.publish();
    count_publish();
  }

  /// Shows all offered chains to the device with one store and one full barrier, and tells
  /// whether it asked to be kicked.
  [[nodiscard]] bool publish_and_test() noexcept {
    if (!ring_.unpublished() || fault_ != QueueFault::none) return false;
    shown_ = offers_;
    const bool asks = ring_.publish_and_test();
    count_publish();
    count(asks ? counters_.kicks : counters_.kicks_suppressed);
    return asks;
  }

  /// What a kick carries with VIRTIO_F_NOTIFICATION_DATA (virtio 1.4 section 2.9): the number of
  /// the queue in bits 0 to 15, in 16 to 31 where the next chain will be made available. Packed:
  /// offset and wrap counter; split: the available index.
  [[nodiscard]] std::uint32_t notification_data(std::uint16_t queue) const noexcept {
    return std::uint32_t{queue} | std::uint32_t{ring_.next_avail()} << 16;
  }

  /// Hands at most `limit` used chains to `visit(const Used&)`, oldest first, and returns how many.
  /// Split: reads the device's index at most once. The descriptors of a chain are free when `visit`
  /// sees it; it may reserve, offer and publish, but not poll.
  template <class Visit>
  unsigned poll(unsigned limit, Visit&& visit) noexcept {
    if (!attached() || fault_ != QueueFault::none || limit == 0) return 0;
    if (!begin_poll(limit)) return 0;
    const unsigned visited = in_order_ ? poll_in_order(limit, visit) : poll_any_order(limit, visit);
    if constexpr (Access::kCounters) counters_.completed += visited;
    return visited;
  }

  /// Asks to be notified of the next used chain, and looks once more. Returns true when there is
  /// one already: the caller polls again and must not go to sleep. One full barrier. True as well
  /// when the queue breaks at this look; a queue that is broken or not attached is never armed.
  [[nodiscard]] bool arm() noexcept {
    if (!attached() || fault_ != QueueFault::none) return false;
    if (batch_last_ != kNoHead) return true;
    QueueFault fault{};
    const bool pending = ring_.template arm<Trust>(fault);
    if constexpr (Trust::kChecks) fault_ = fault;
    return pending;
  }

  /// Asks not to be notified. A notification may be under way already.
  void disarm() noexcept {
    if (attached() && fault_ == QueueFault::none) ring_.disarm();
  }

  /// Why the queue is broken, or `none`. A broken queue takes and gives back nothing until reset()
  /// and attach(); its memory is not touched any more.
  [[nodiscard]] QueueFault fault() const noexcept { return fault_; }

  /// Counts since attach().
  [[nodiscard]] DriverCounters counters() const noexcept {
    DriverCounters counters = counters_;
    if constexpr (Access::kCounters) {
      counters.offered = counters_.completed + in_flight_ - resumed_;
    }
    return counters;
  }

 private:
  using Ring = typename Layout::template DriverRing<Access>;

  [[nodiscard]] static SetupError check(const typename Layout::Memory& memory,
                                        const DriverOptions<Layout>& options) noexcept {
    if (const SetupError error = Layout::check(memory); error != SetupError::none) return error;
    if (options.slots.size() < memory.size) return SetupError::slots_too_few;
    const IndirectTables<Layout>& tables = options.indirect;
    if (options.features.indirect && tables.entries.size() / memory.size < tables.each) {
      return SetupError::indirect_room;
    }
    if (tables.each > memory.size) return SetupError::indirect_room;
    return SetupError::none;
  }

  static void count(std::uint64_t& counter) noexcept {
    if constexpr (Access::kCounters) ++counter;
  }

  void count_publish() noexcept {
    if constexpr (Access::kCounters) {
      ++counters_.publishes;
      if (in_flight_ > counters_.most_in_flight) counters_.most_in_flight = in_flight_;
    }
  }

  [[nodiscard]] bool broken() const noexcept {
    if constexpr (Trust::kChecks) return fault_ != QueueFault::none;
    return false;
  }

  // A chain that is posted at once goes straight into the ring where the layout has no place for it
  // before.
  template <bool kPost>
  [[nodiscard]] std::uint16_t place(std::span<const Segment> readable,
                                    std::span<const Segment> writable,
                                    std::uint64_t token) noexcept {
    const std::size_t segments = readable.size() + writable.size();
    const bool table = segments > 1 && segments <= tables_.each;
    const std::size_t needed = table ? 1 : segments;
    if (segments == 0 || broken()) return kNoHead;
    if (needed > slots_.free()) {
      count(counters_.full);
      return kNoHead;
    }
    const std::uint16_t head = slots_.free_head();
    std::uint64_t room = 0;
    std::uint16_t after = 0;
    if (table) [[unlikely]] {
      after = place_table<kPost>(head, readable, writable, room);
    } else {
      after = place_direct<kPost>(head, readable, writable, room);
    }
    slots_.take(static_cast<std::uint16_t>(needed), after, token, room,
                kPost ? DriverSlot::State::offered : DriverSlot::State::reserved);
    return head;
  }

  template <bool kPost>
  void write(std::uint16_t head, std::uint16_t at, const Segment& segment,
             std::uint16_t flags) noexcept {
    if constexpr (kPost && Ring::kStagesInSlots) {
      ring_.append(segment, flags, head);
    } else {
      ring_.stage(slots_, at, segment, flags);
    }
  }

  template <bool kPost>
  std::uint16_t place_direct(std::uint16_t head, std::span<const Segment> readable,
                             std::span<const Segment> writable, std::uint64_t& room) noexcept {
    std::uint16_t at = head;
    std::size_t left = readable.size() + writable.size();
    const auto next_flag = [&left] {
      return static_cast<std::uint16_t>(--left != 0 ? VRING_DESC_F_NEXT : 0);
    };
    for (const Segment& segment : readable) {
      const std::uint16_t next = slots_[at].next;
      write<kPost>(head, at, segment, next_flag());
      at = next;
    }
    for (const Segment& segment : writable) {
      const std::uint16_t next = slots_[at].next;
      write<kPost>(head, at, segment, static_cast<std::uint16_t>(next_flag() | VRING_DESC_F_WRITE));
      room += segment.length;
      at = next;
    }
    return at;
  }

  template <bool kPost>
  std::uint16_t place_table(std::uint16_t head, std::span<const Segment> readable,
                            std::span<const Segment> writable, std::uint64_t& room) noexcept {
    const std::size_t first = std::size_t{head} * tables_.each;
    const std::span<typename Layout::TableEntry> table =
        tables_.entries.subspan(first, readable.size() + writable.size());
    std::uint16_t at = 0;
    const auto add = [&](const Segment& segment, std::uint16_t flags) {
      const auto last = static_cast<std::uint16_t>(table.size() - 1);
      Ring::fill_table(table[at], at, segment,
                       static_cast<std::uint16_t>(flags | (at == last ? 0 : Ring::kTableNext)));
      ++at;
    };
    for (const Segment& segment : readable) add(segment, 0);
    for (const Segment& segment : writable) {
      add(segment, VRING_DESC_F_WRITE);
      room += segment.length;
    }
    constexpr std::uint32_t kEntryBytes = sizeof(typename Layout::TableEntry);
    const Segment whole{tables_.address + first * kEntryBytes,
                        static_cast<std::uint32_t>(table.size() * kEntryBytes)};
    const std::uint16_t next = slots_[head].next;
    write<kPost>(head, head, whole, VRING_DESC_F_INDIRECT);
    return next;
  }

  void count_in(std::uint16_t head) noexcept {
    if constexpr (Trust::kChecks) slots_[head].address = ++offers_;
    if (in_order_) next_offer_ = slots_.after(head);
    ++in_flight_;
  }

  // Backwards from the free slots: the reserved chains, before them those in flight.
  [[nodiscard]] static std::uint16_t oldest(const DriverSlots& slots,
                                            const DriverState& state) noexcept {
    const std::uint32_t at = std::uint32_t{state.free_head} + slots.free();
    return static_cast<std::uint16_t>(at < slots.size() ? at : at - slots.size());
  }

  // Whether the saved order is one that this half can have left, given slots that are chains.
  [[nodiscard]] static bool ordered(const DriverSlots& slots, const DriverState& state,
                                    bool in_order) noexcept {
    bool batch_ends = state.batch_last == kNoHead;
    if (!in_order) return batch_ends;
    bool reserved = false;
    std::uint16_t at = oldest(slots, state);
    for (std::uint32_t left = slots.size() - slots.free(); left != 0;) {
      if (slots[at].slots == 0) return false;
      const bool offered = slots[at].state == DriverSlot::State::offered;
      if (offered && reserved) return false;
      if (offered && at == state.batch_last) batch_ends = true;
      reserved = !offered;
      left -= slots[at].slots;
      at = slots.after(at);
    }
    return batch_ends;
  }

  void resume_order(const DriverState& state) noexcept {
    batch_last_ = state.batch_last;
    batch_length_ = state.batch_length;
    if (!in_order_) return;
    next_offer_ = oldest_ = oldest(slots_, state);
    std::uint32_t batch = 0;
    for (std::uint32_t i = 0; i < in_flight_; ++i) {
      if (next_offer_ == batch_last_) batch = i + 1;
      next_offer_ = slots_.after(next_offer_);
    }
    ring_.saw(batch);
  }

  [[nodiscard]] bool begin_poll(unsigned limit) noexcept {
    const QueueFault fault = ring_.template begin_poll<Trust>(limit);
    if constexpr (Trust::kChecks) fault_ = fault;
    return fault == QueueFault::none;
  }

  // Whether the device can have the chain: what it was not shown yet it cannot give back.
  [[nodiscard]] bool in_flight(std::uint32_t id) const noexcept {
    return id < slots_.size() && slots_[id].state == DriverSlot::State::offered &&
           slots_[id].address <= shown_;
  }

  template <class Visit>
  unsigned poll_any_order(unsigned limit, Visit& visit) noexcept {
    typename Ring::Entry entry;
    unsigned visited = 0;
    while (visited < limit && ring_.template next_used<Trust>(entry)) {
      if constexpr (Trust::kChecks) {
        if (!in_flight(entry.id)) {
          fault_ = QueueFault::used_id_unknown;
          break;
        }
      }
      finish(static_cast<std::uint16_t>(entry.id), entry.length, visit);
      ++visited;
    }
    return visited;
  }

  template <class Visit>
  void finish(std::uint16_t head, std::uint32_t length, Visit& visit) noexcept {
    const DriverSlot& slot = slots_[head];
    if constexpr (Trust::kChecks) {
      if (length > slot.writable) [[unlikely]] {
        length = slot.writable;
        count(counters_.lengths_clamped);
      }
    }
    const Used used{slot.token, head, length};
    ring_.consume(slot);
    if (in_order_) oldest_ = slots_.after(head);
    slots_.give_back(head);
    --in_flight_;
    visit(used);
  }

  // One used entry stands for all chains up to its own (virtio 1.4 sections 2.7.9 and 2.8.9). Those
  // that it skips were used completely.
  template <class Visit>
  unsigned poll_in_order(unsigned limit, Visit& visit) noexcept {
    unsigned visited = 0;
    while (visited < limit && (batch_last_ != kNoHead || next_batch())) {
      const std::uint16_t head = oldest_;
      const bool last = head == batch_last_;
      if (last) batch_last_ = kNoHead;
      finish(head, last ? batch_length_ : slots_[head].writable, visit);
      ++visited;
    }
    return visited;
  }

  [[nodiscard]] bool next_batch() noexcept {
    typename Ring::Entry entry;
    if (!ring_.template next_used<Trust>(entry)) return false;
    if constexpr (Trust::kChecks) {
      if (!in_flight(entry.id)) {
        fault_ = QueueFault::used_id_unknown;
        return false;
      }
      std::uint64_t chains = 1;
      for (std::uint16_t at = oldest_; at != entry.id; at = slots_.after(at)) ++chains;
      if (chains > ring_.visible()) {
        fault_ = QueueFault::used_out_of_order;
        return false;
      }
    }
    batch_last_ = static_cast<std::uint16_t>(entry.id);
    batch_length_ = entry.length;
    return true;
  }

  Ring ring_;
  DriverSlots slots_;
  IndirectTables<Layout> tables_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t resumed_ = 0;  // of these, how many there were at attach()
  QueueFault fault_ = QueueFault::none;
  bool in_order_ = false;
  std::uint64_t offers_ = 0;      // untrusted: chains ever offered
  std::uint64_t shown_ = 0;       // and of these, published
  std::uint16_t oldest_ = 0;      // in-order: the chain that comes back next
  std::uint16_t next_offer_ = 0;  // in-order: the reserved chain that must be offered next
  std::uint16_t batch_last_ = kNoHead;
  std::uint32_t batch_length_ = 0;
  DriverCounters counters_;
};

}  // namespace bellpull::ring
