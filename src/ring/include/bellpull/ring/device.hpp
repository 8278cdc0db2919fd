// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "bellpull/ring/address_map.hpp"
#include "bellpull/ring/budget.hpp"
#include "bellpull/ring/cacheline.hpp"
#include "bellpull/ring/chain_reader.hpp"
#include "bellpull/ring/descriptor_pair.hpp"
#include "bellpull/ring/device_options.hpp"
#include "bellpull/ring/device_slots.hpp"
#include "bellpull/ring/device_turns.hpp"
#include "bellpull/ring/features.hpp"
#include "bellpull/ring/layout.hpp"
#include "bellpull/ring/order.hpp"
#include "bellpull/ring/segment.hpp"
#include "bellpull/ring/setup_error.hpp"
#include "bellpull/ring/state.hpp"
#include "bellpull/ring/trust.hpp"

namespace bellpull::ring {

/// The device half of a virtqueue: takes the chains that the driver made available and gives them
/// back used.
///
/// A chain goes through poll() or take() -> complete() -> publish(). One thread at a time may call
/// the members; none of them blocks, allocates or makes a system call. The memory belongs to the
/// caller and outlives the attachment.
///
/// `Trust` and `Map` say whose memory it is. `Trusted` with `IdentityMap` is a driver half in the
/// same program: addresses are pointers and nothing is checked. `Untrusted` needs a `RegionMap`:
/// every word of the ring is copied once and only the copy is used. A chain that breaks a rule is
/// given back with length 0, counted, and never seen by the caller; what makes the ring itself
/// unbelievable breaks the queue, see fault(). Faulty chains that were given back are shown to the
/// driver by the next publish, like all others.
template <class Layout, class Trust = Trusted, class Map = IdentityMap, class Access = NativeAccess>
class Device {
  static_assert(!Trust::kChecks || Map::kLooksUp,
                "an untrusted peer must not name addresses of this program: give it a RegionMap");

 public:
  /// How this half is set up.
  using Options = DeviceOptions<Layout, Map>;

  Device() = default;

  /// Attaches to a queue whose memory the driver half, or nobody yet, has begun to use; or to one
  /// that another device half left, when `options.resume` says where it stood. Starts with kicks
  /// parked. On an error no queue memory was written.
  [[nodiscard]] SetupError attach(const typename Layout::Memory& memory,
                                  const Options& options = {}) noexcept {
    if (const SetupError error = check(memory, options); error != SetupError::none) return error;
    reset();
    size_ = memory.size;
    in_order_ = options.features.in_order;
    if (needs_slots(options)) slots_ = options.slots.data();
    turns_.start(slots_, size_);
    reader_.start(memory.size, options.features.indirect, options.indirect,
                  options.max_chain_bytes);
    if constexpr (Map::kLooksUp) map_ = options.map;
    resume_turn_ = map().turn();
    if (slots_ != nullptr) {
      for (std::uint32_t i = 0; i < size_; ++i) slots_[i] = DeviceSlot{};
    }
    if (options.resume != nullptr) {
      for (const InFlight& chain : options.in_flight) hold(chain);
    }
    resumed_ = in_flight_;
    ring_.start(memory, options.features, options.resume, map());
    return SetupError::none;
  }

  /// Lets go of the queue, as at a queue reset (virtio 1.4 section 2.6.1): when it returned,
  /// neither the ring nor any buffer is touched any more and every call but attach() does nothing.
  /// Chains that were taken are forgotten.
  void reset() noexcept {
    if (attached()) map().forget();
    *this = Device{};
  }

  /// Publishes what is completed and lets go of the queue. Another device half goes on from what it
  /// returns and from the chains that are not given back: those that the caller holds, which are
  /// also what in_flight() reports before this call. A broken queue has no state worth keeping:
  /// reset() it. The driver must be notified if it sleeps.
  [[nodiscard]] DeviceState stop() noexcept {
    DeviceState state;
    if (attached()) {
      publish();
      ring_.save(state);
    }
    reset();
    return state;
  }

  /// Whether the half has a queue.
  [[nodiscard]] bool attached() const noexcept { return size_ != 0; }

  /// Entries of the queue; 0 while there is none.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  /// Chains taken and not completed.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }

  /// Calls `visit(const InFlight&)` for each chain that is taken and not given back: in-order, in
  /// the order in which they were taken, those included that are completed and wait behind others.
  /// Only where slots are needed; otherwise the caller alone knows.
  template <class Visit>
  void in_flight(Visit&& visit) const noexcept {
    if (slots_ == nullptr) return;
    if (in_order_) {
      turns_.visit([&](std::uint16_t head) noexcept { visit(in_flight_of(head)); });
      return;
    }
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (slots_[i].taken) visit(in_flight_of(static_cast<std::uint16_t>(i)));
    }
  }

  /// The chain to complete for one that was in flight when this half was attached. It has no
  /// pieces: whoever took it knows them, and logs what it writes to them itself, or sets `readable`
  /// and `writable` to their numbers for complete() to log it.
  [[nodiscard]] Chain resumed(const InFlight& chain) noexcept {
    return {.head = chain.head, .descriptors = chain.descriptors, .map_turn = resume_turn_};
  }

  /// Looks whether the driver made chains available and returns how many take() can take now.
  /// Packed: at most 1, for the layout does not tell more without reading on. Split: reads the
  /// driver's index once.
  unsigned refresh() noexcept {
    if (!usable()) return 0;
    if (!accept(ring_.template refresh<Trust>())) return 0;
    return ring_.ready();
  }

  /// Chains that take() can take without another look at shared memory; packed: at most 1.
  [[nodiscard]] unsigned ready() const noexcept { return usable() ? ring_.ready() : 0; }

  /// Takes the oldest available chain within `budget`: its pieces go into `pieces`, first those to
  /// read, then those to write, and belong to the caller until complete(). A chain that needs more
  /// pieces than there is room for is faulty. Faulty chains are given back on the way.
  [[nodiscard]] Pull take(Budget& budget, std::span<Piece> pieces, Chain& chain) noexcept {
    if (!begin(1)) return Pull::broken;
    const Pull pull = next(budget, pieces, chain);
    count_peak();
    return pull;
  }

  /// take() with no other bound than one turn of the queue. True: `chain` is one.
  [[nodiscard]] bool take(std::span<Piece> pieces, Chain& chain) noexcept {
    Budget budget{.chains = size_};
    return take(budget, pieces, chain) == Pull::chain;
  }

  /// Takes chains within `budget` until one of the two spans is used up: those to work on together.
  /// Fills `chains` from its start with `count` of them; `Chain::first` says where the pieces of
  /// each begin in `pieces`. Where each readable piece begins is prefetched, so that the caller who
  /// then goes through the chains finds it near. Split: reads the driver's index at most
  /// once. Returns `chain` when `chains` is full, otherwise as poll() does; `more` as well when
  /// `pieces` has too little room for another chain. A chain that finds all of `pieces` too small
  /// is faulty.
  [[nodiscard]] Pull take(Budget& budget, std::span<Piece> pieces, std::span<Chain> chains,
                          std::uint32_t& count) noexcept {
    count = 0;
    if (!begin(static_cast<unsigned>(chains.size()))) return Pull::broken;
    Pull pull = Pull::chain;
    std::uint32_t first = 0;
    std::uint32_t taken = 0;
    for (;;) {
      Found found;
      const std::uint32_t run =
          take_singles(budget, pieces.subspan(first), chains.subspan(taken), first, found);
      taken += run;
      first += run;
      if (taken == chains.size()) break;
      if constexpr (!Trust::kChecks) {
        const std::uint32_t pairs =
            take_pairs(budget, pieces.subspan(first), chains.subspan(taken), first, found);
        taken += pairs;
        first += 2 * pairs;
        if (taken == chains.size()) break;
      }
      Chain& chain = chains[taken];
      pull = next_of_any_kind(found, budget, pieces.subspan(first), chain, first == 0);
      if (pull != Pull::chain) break;
      chain.first = first;
      for (const Piece& piece : chain.readable_of(pieces)) __builtin_prefetch(piece.data);
      first += chain.readable + chain.writable;
      if (++taken == chains.size()) break;
    }
    count = taken;
    count_peak();
    return pull;
  }

  /// Takes chains within `budget` and hands each to `visit(const Chain&)`, with its pieces in
  /// `pieces` until `visit` returns. Split: reads the driver's index at most once. Returns `empty`,
  /// `more` when the budget is used up, or `broken`. `visit` may complete the chain or keep it.
  template <class Visit>
  Pull poll(Budget& budget, std::span<Piece> pieces, Visit&& visit) noexcept {
    if (!begin(budget.chains)) return Pull::broken;
    Chain chain;
    for (;;) {
      const Pull pull = next(budget, pieces, chain);
      if (pull != Pull::chain) {
        count_peak();
        return pull;
      }
      visit(static_cast<const Chain&>(chain));
    }
  }

  /// Gives a taken chain back, `written` bytes of its writable part having been written from its
  /// start. Not visible to the driver before publish(). Chains may be completed in any order, each
  /// once; in-order, the device half holds them back until it is their turn. A chain that is not in
  /// flight does nothing where slots tell so, and is counted.
  void complete(const Chain& chain, std::uint32_t written) noexcept {
    static_assert(!Map::kLogs,
                  "a map with a log needs the pieces: complete(chain, pieces, written)");
    if (holds(chain)) give_back(chain, written);
  }

  /// complete(), and the log of the address map hears of the `written` bytes; `pieces` are those
  /// that take() filled.
  void complete(const Chain& chain, std::span<const Piece> pieces, std::uint32_t written) noexcept {
    if (!holds(chain)) return;
    std::uint64_t left = written;
    for (const Piece& piece : pieces.subspan(chain.first + chain.readable, chain.writable)) {
      if (left == 0) break;
      const std::uint64_t here = left < piece.length ? left : piece.length;
      map().wrote(chain.map_turn, piece.data, here);
      left -= here;
    }
    give_back(chain, written);
  }

  /// Shows all completed chains to the driver with one store. For a driver that polls.
  void publish() noexcept {
    if (!publishable()) return;
    ring_.publish(map());
    count(counters_.publishes);
  }

  /// Shows all completed chains to the driver with one store and one full barrier, and tells
  /// whether it asked to be notified.
  [[nodiscard]] bool publish_and_test() noexcept {
    if (!publishable()) return false;
    const bool asks = ring_.publish_and_test(map());
    count(counters_.publishes);
    count(asks ? counters_.bells : counters_.bells_suppressed);
    return asks;
  }

  /// Asks to be kicked at the next available chain, and looks once more. Returns true when there is
  /// one already: the caller goes on and must not sleep. One full barrier. True as well when the
  /// queue breaks at this look; a queue that is broken or not attached is never armed.
  [[nodiscard]] bool arm() noexcept {
    if (!usable()) return false;
    QueueFault fault{};
    const bool pending = ring_.template arm<Trust>(fault, map());
    (void)accept(fault);
    return pending;
  }

  /// Asks not to be kicked. A kick may be under way already.
  void disarm() noexcept {
    if (usable()) ring_.disarm(map());
  }

  /// Why the queue is broken, or `none`. A broken queue takes and gives back nothing until reset()
  /// and attach(); its memory is not touched any more.
  [[nodiscard]] QueueFault fault() const noexcept { return fault_; }

  /// Counts since attach().
  [[nodiscard]] DeviceCounters counters() const noexcept {
    DeviceCounters counters = counters_;
    if constexpr (Access::kCounters) {
      counters.taken = counters_.completed + in_flight_ - resumed_;
    }
    return counters;
  }

 private:
  using Ring = typename Layout::template DeviceRing<Access>;
  using Cursor = typename Ring::Cursor;

  [[nodiscard]] static bool needs_slots(const Options& options) noexcept {
    return Trust::kChecks || options.features.in_order;
  }

  [[nodiscard]] static SetupError check(const typename Layout::Memory& memory,
                                        const Options& options) noexcept {
    if (const SetupError error = Layout::check(memory); error != SetupError::none) return error;
    if (needs_slots(options) && options.slots.size() < memory.size) {
      return SetupError::slots_too_few;
    }
    if (options.features.indirect && options.indirect.size() < memory.size) {
      return SetupError::indirect_room;
    }
    if (Map::kLooksUp && options.map == nullptr) return SetupError::map_missing;
    if (options.resume == nullptr) return SetupError::none;
    std::uint32_t weight = 0;
    std::bitset<kMaxQueueSize> heads;
    for (std::size_t i = 0; i < options.in_flight.size(); ++i) {
      const InFlight& chain = options.in_flight[i];
      if (chain.head >= memory.size || chain.descriptors == 0 || chain.descriptors > memory.size ||
          i >= memory.size) {
        return SetupError::state_invalid;
      }
      // What nothing holds back was given back.
      if (chain.completed && (!options.features.in_order || i == 0)) {
        return SetupError::state_invalid;
      }
      if (heads[chain.head]) return SetupError::state_invalid;
      heads[chain.head] = true;
      weight += Ring::weight(chain);
    }
    return Ring::check(memory, *options.resume, weight);
  }

  static void count(std::uint64_t& counter) noexcept {
    if constexpr (Access::kCounters) ++counter;
  }

  void count_peak() noexcept {
    if constexpr (Access::kCounters) {
      if (in_flight_ > counters_.most_in_flight) counters_.most_in_flight = in_flight_;
    }
  }

  [[nodiscard]] Map& map() noexcept {
    if constexpr (Map::kLooksUp) {
      return *map_;
    } else {
      return map_;
    }
  }

  [[nodiscard]] bool usable() const noexcept { return size_ != 0 && fault_ == QueueFault::none; }

  // Notes a fault of the ring; true when there is none.
  [[nodiscard]] bool accept(QueueFault fault) noexcept {
    if constexpr (Trust::kChecks) {
      if (fault != QueueFault::none) [[unlikely]] {
        fault_ = fault;
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool begin(unsigned limit) noexcept {
    if (!usable()) return false;
    map().adopt(in_flight_);
    return accept(ring_.template begin_batch<Trust>(limit));
  }

  [[nodiscard, gnu::always_inline]] Pull next(Budget& budget, std::span<Piece> pieces,
                                              Chain& chain) noexcept {
    Found found;
    if (take_singles(budget, pieces, {&chain, 1}, 0, found) != 0) [[likely]]
      return Pull::chain;
    return next_of_any_kind(found, budget, pieces, chain, true);
  }

  // What is known of the next chain: nothing, that there is none, or its first descriptor.
  struct Found {
    enum class What : std::uint8_t {
      unknown,    ///< nobody looked
      nothing,    ///< there is none
      descriptor  ///< its first descriptor is in `cursor`
    };
    Cursor cursor;
    QueueFault fault = QueueFault::none;
    What what = What::unknown;
  };

  // Takes chains of one piece, the usual ones, until another one comes, or none, or the budget ends
  // or one of the spans. Returns how many. `found` is what ended the run, if it looked.
  // What this loop needs stays in registers.
  [[nodiscard, gnu::always_inline]] std::uint32_t take_singles(Budget& budget,
                                                               std::span<Piece> pieces,
                                                               std::span<Chain> chains,
                                                               std::uint32_t first,
                                                               Found& found) noexcept {
    std::size_t most = std::min(pieces.size(), chains.size());
    most = std::min<std::size_t>(most, std::min(budget.chains, budget.descriptors));
    std::uint64_t bytes = budget.bytes;
    std::uint32_t run = 0;
    for (; run < most && bytes != 0; ++run) {
      if (!ring_.look()) {
        found.what = Found::What::nothing;
        break;
      }
      Cursor cursor;
      Piece piece;
      std::uint16_t head = 0;
      const QueueFault fault = ring_.template first<Trust>(cursor);
      if (fault != QueueFault::none || !reader_.template read_single<Trust>(cursor, map(), piece) ||
          piece.length > bytes || ring_.template id<Trust>(cursor, head) != QueueFault::none ||
          in_flight_already(head)) [[unlikely]] {
        found = {cursor, fault, Found::What::descriptor};
        break;
      }
      const bool writable = (cursor.flags & VRING_DESC_F_WRITE) != 0;
      bytes -= piece.length;
      pieces[run] = piece;
      __builtin_prefetch(piece.data);
      if (piece.length > kCacheLine) __builtin_prefetch(piece.data + kCacheLine);
      Chain& chain = chains[run];
      chain.head = head;
      chain.descriptors = 1;
      chain.readable = writable ? 0 : 1;
      chain.writable = writable ? 1 : 0;
      chain.first = first + run;
      chain.readable_bytes = writable ? 0 : piece.length;
      chain.writable_bytes = writable ? piece.length : 0;
      accept_chain(cursor, chain, chain.writable_bytes);
    }
    budget.bytes = bytes;
    budget.chains -= run;
    budget.descriptors -= run;
    budget.used = budget.used || run != 0;
    return run;
  }

  // Goes on from the descriptor that ended take_singles() with chains of one descriptor to read and
  // one to write, as long as they come. Same bounds, same result. Only of a driver half that is
  // believed: a descriptor may be read again.
  [[nodiscard]] std::uint32_t take_pairs(Budget& budget, std::span<Piece> pieces,
                                         std::span<Chain> chains, std::uint32_t first,
                                         Found& found) noexcept {
    if (found.what != Found::What::descriptor) return 0;
    std::size_t most = std::min(pieces.size() / 2, chains.size());
    most = std::min<std::size_t>(most, std::min(budget.chains, budget.descriptors / 2));
    std::uint64_t bytes = budget.bytes;
    std::uint32_t run = 0;
    for (; run < most; ++run) {
      if (run != 0 && !ring_.look()) {
        found.what = Found::What::nothing;
        break;
      }
      detail::DescriptorPair pair;
      Piece* const to = &pieces[2 * run];
      if (!ring_.pair(pair) || pair.read.length == 0 || pair.write.length == 0 ||
          std::uint64_t{pair.read.length} + pair.write.length > bytes ||
          !map().map_whole(pair.read.address, pair.read.length, to[0]) ||
          !map().map_whole(pair.write.address, pair.write.length, to[1])) {
        // The first descriptor is known already when nothing was taken.
        if (run != 0) found.what = Found::What::unknown;
        break;
      }
      __builtin_prefetch(to[0].data);
      bytes -= std::uint64_t{pair.read.length} + pair.write.length;
      chains[run] = {.head = pair.head,
                     .descriptors = 2,
                     .readable = 1,
                     .writable = 1,
                     .first = first + 2 * run,
                     .readable_bytes = pair.read.length,
                     .writable_bytes = pair.write.length};
      ring_.commit_pair();
      settle(chains[run], pair.write.length);
    }
    if (run == most && run != 0) found.what = Found::What::unknown;
    budget.bytes = bytes;
    budget.chains -= run;
    budget.descriptors -= 2 * run;
    budget.used = budget.used || run != 0;
    return run;
  }

  // The next chain, of any kind; `found` is what is known of it. Goes on from faulty chains to
  // those behind them.
  [[nodiscard, gnu::noinline]] Pull next_of_any_kind(Found found, Budget& budget,
                                                     std::span<Piece> pieces, Chain& chain,
                                                     bool all_pieces) noexcept {
    for (;; found.what = Found::What::unknown) {
      if (found.what != Found::What::descriptor) {
        if (found.what == Found::What::nothing || !ring_.look()) {
          count(counters_.empty);
          return Pull::empty;
        }
        if (budget.chains == 0 || (budget.used && (budget.descriptors == 0 || budget.bytes == 0))) {
          count(counters_.budget_ends);
          return Pull::more;
        }
        found.fault = ring_.template first<Trust>(found.cursor);
      }
      Cursor& cursor = found.cursor;
      QueueFault queue_fault = found.fault;
      ChainFault fault = ChainFault::none;
      const ReadResult result = reader_.template read<Trust>(ring_, map(), cursor, budget, pieces,
                                                             all_pieces, chain, fault, queue_fault);
      if (result == ReadResult::over_budget) {
        count(counters_.budget_ends);
        return Pull::more;
      }
      if (!accept(queue_fault)) return Pull::broken;
      if (in_flight_already(chain.head)) {
        fault_ = QueueFault::head_in_flight;
        return Pull::broken;
      }
      const bool whole = result == ReadResult::whole;
      // What a faulty chain has room for is not known: no later entry may skip it as filled.
      accept_chain(cursor, chain, whole ? chain.writable_bytes : ~0ULL);
      if (whole) return Pull::chain;
      count(counters_.chain_faults[static_cast<std::size_t>(fault)]);
      give_back(chain, 0);
    }
  }

  [[nodiscard]] bool in_flight_already(std::uint16_t head) const noexcept {
    if constexpr (Trust::kChecks) return slots_[head].taken;
    return false;
  }

  void accept_chain(const Cursor& cursor, Chain& chain, std::uint64_t writable) noexcept {
    ring_.commit(cursor);
    settle(chain, writable);
  }

  // What there is to do for a chain when the ring has stepped over it.
  void settle(Chain& chain, std::uint64_t writable) noexcept {
    if (ring_.stale()) [[unlikely]]
      ring_.disarm(map());
    chain.map_turn = map().turn();
    hold(InFlight{
        .head = chain.head, .descriptors = chain.descriptors, .writable = saturated(writable)});
  }

  [[nodiscard]] static std::uint32_t saturated(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(bytes < kMost ? bytes : kMost);
  }

  [[nodiscard]] InFlight in_flight_of(std::uint16_t head) const noexcept {
    const DeviceSlot& slot = slots_[head];
    return {.head = head,
            .descriptors = slot.descriptors,
            .written = slot.written,
            .writable = slot.writable,
            .completed = slot.completed};
  }

  void hold(const InFlight& chain) noexcept {
    if (!in_order_ || !chain.completed) ++in_flight_;
    if (!Trust::kChecks && !in_order_) return;
    DeviceSlot& slot = slots_[chain.head];
    slot.descriptors = chain.descriptors;
    slot.taken = true;
    if (!in_order_) return;
    slot.written = chain.written;
    slot.writable = chain.writable;
    slot.completed = chain.completed;
    turns_.push(chain.head);
  }

  // Whether a chain can be completed; as far as the slots tell.
  [[nodiscard]] bool holds(const Chain& chain) noexcept {
    if (!usable()) return false;
    if (!Trust::kChecks && !in_order_) return true;
    if (chain.head < size_) {
      const DeviceSlot& slot = slots_[chain.head];
      if (slot.taken && !(in_order_ && slot.completed)) return true;
    }
    count(counters_.misuses);
    return false;
  }

  void give_back(const Chain& chain, std::uint32_t written) noexcept {
    std::uint16_t descriptors = chain.descriptors;
    if (Trust::kChecks || in_order_) descriptors = slots_[chain.head].descriptors;
    map().leave(chain.map_turn);
    --in_flight_;
    count(counters_.completed);
    if (in_order_) {
      turns_.complete(chain.head, written, put_used());
      return;
    }
    if constexpr (Trust::kChecks) slots_[chain.head].taken = false;
    ring_.put_used(chain.head, written, 1, descriptors, map());
  }

  [[nodiscard]] auto put_used() noexcept {
    return [this](std::uint16_t head, std::uint32_t written, std::uint32_t chains,
                  std::uint32_t descriptors) noexcept {
      ring_.put_used(head, written, chains, descriptors, map());
    };
  }

  [[nodiscard]] bool publishable() noexcept {
    if (!usable()) return false;
    if (in_order_) turns_.flush(put_used());
    return ring_.unpublished();
  }

  Ring ring_;
  ChainReader<Layout, Access> reader_;
  std::uint32_t size_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint32_t resumed_ = 0;  // of these, how many there were at attach()
  QueueFault fault_ = QueueFault::none;
  bool in_order_ = false;
  std::uint8_t resume_turn_ = 0;  // the map's table when this half was attached
  DeviceSlot* slots_ = nullptr;
  [[no_unique_address]] std::conditional_t<Map::kLooksUp, Map*, Map> map_{};
  DeviceTurns turns_;  // in-order
  DeviceCounters counters_;
};

}  // namespace bellpull::ring
