// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bellpull/ring/region_table.hpp"
#include "bellpull/ring/segment.hpp"

namespace bellpull::ring {

/// Descriptors carry addresses of this very program: threads of one program.
class IdentityMap {
 public:
  /// Whether a peer's memory is looked up.
  static constexpr bool kLooksUp = false;
  /// Whether somebody wants to hear of every write.
  static constexpr bool kLogs = false;

  /// Calls `add(const Piece&)` with the bytes; false when it says so.
  template <class Add>
  [[nodiscard]] bool map(std::uint64_t address, std::uint64_t length, Add&& add) const noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a descriptor carries the address as a number
    return add(Piece{reinterpret_cast<std::byte*>(address), static_cast<std::size_t>(length)});
  }
  /// The bytes as one piece: always.
  [[nodiscard]] static bool map_whole(std::uint64_t address, std::uint64_t length,
                                      Piece& piece) noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a descriptor carries the address as a number
    piece = {reinterpret_cast<std::byte*>(address), static_cast<std::size_t>(length)};
    return true;
  }
  /// Nothing to adopt.
  void adopt(std::uint32_t) noexcept {}
  /// The one table there is.
  [[nodiscard]] std::uint8_t turn() const noexcept { return 0; }
  /// Nobody counts.
  void leave(std::uint8_t) noexcept {}
  /// Nobody listens.
  void wrote(std::uint8_t, const void*, std::uint64_t) noexcept {}
  /// Nobody counts.
  void forget() noexcept {}
};

/// Nobody wants to hear of writes.
struct NoLog {
  /// Is not called.
  void operator()(std::uint64_t, std::uint64_t) noexcept {}
};

/// Descriptors carry addresses of a peer's memory, which a RegionTable describes. One map belongs
/// to one device half; the table may be shared by many.
///
/// The table may be replaced while the device half runs: replace() by any one thread, taking effect
/// at the device half's next take() or poll(). Chains that were taken before keep the table that
/// they were taken with. The old table, and the memory it describes, may go when in_use() says
/// false; the device half holds at most two tables at a time.
///
/// `Log` is called as `log(address, length)` in the peer's addresses after each write of the device
/// half: ring entries, indices and event words, and the bytes that complete() reports. It is called
/// on the device half's thread and must be noexcept: a dirty bitmap, as live migration needs.
template <class Log = NoLog>
class RegionMap {
 public:
  /// See IdentityMap::kLooksUp.
  static constexpr bool kLooksUp = true;
  /// See IdentityMap::kLogs.
  static constexpr bool kLogs = !std::is_same_v<Log, NoLog>;

  /// Starts with `table`, which must live until in_use() says false or the map is destroyed.
  explicit RegionMap(const RegionTable& table, Log log = Log{}) noexcept
      : next_(&table), current_(&table), log_(static_cast<Log&&>(log)) {}
  RegionMap(const RegionMap&) = delete;
  RegionMap& operator=(const RegionMap&) = delete;

  /// Any one thread at a time: the device half is to use `table` from its next look on. Wait-free.
  void replace(const RegionTable& table) noexcept {
    // seq_cst: pairs with adopt(); either it sees this table or in_use() sees what it took
    next_.store(&table, std::memory_order_seq_cst);
  }

  /// The thread that replaces: whether the device half uses `table`, or may begin to. Once false,
  /// it stays false until the table is given to replace() again. A device half that is never polled
  /// does not let go. Wait-free.
  [[nodiscard]] bool in_use(const RegionTable& table) const noexcept {
    // seq_cst: pairs with adopt()'s stores; acquire part: what the device half did with the table
    // is over when it is seen to have let go of it
    return next_.load(std::memory_order_seq_cst) == &table ||
           current_.load(std::memory_order_seq_cst) == &table ||
           previous_.load(std::memory_order_seq_cst) == &table;
  }

  /// Device thread: goes over to the newest table unless the one before the present is still held
  /// by chains. `in_flight` chains are taken and not given back.
  void adopt(std::uint32_t in_flight) noexcept {
    const RegionTable* next = next_.load(std::memory_order_acquire);  // pairs with replace()
    if (next == present_) [[likely]]
      return;
    if (old_chains_ == 0) change(next, in_flight);
  }

  /// Device thread: calls `add(const Piece&)` for each contiguous part of `length` bytes from
  /// `address` on. False when a byte of them is outside of all regions, or when `add` says so.
  template <class Add>
  [[nodiscard]] bool map(std::uint64_t address, std::uint64_t length, Add&& add) noexcept {
    while (length != 0) {
      std::uint64_t offset = address - last_.address;
      if (offset >= last_.length) [[unlikely]] {
        const Region* const region = present_->find(address);
        if (region == nullptr) return false;
        last_ = *region;
        offset = address - last_.address;
      }
      const std::uint64_t here = last_.length - offset;
      const std::uint64_t part = length < here ? length : here;
      if (!add(Piece{last_.data + offset, static_cast<std::size_t>(part)})) return false;
      length -= part;
      address += part;
      if (address == 0 && length != 0) return false;  // past the end of 2^64
    }
    return true;
  }

  /// Device thread: the bytes as one piece, if they lie where the last ones did; otherwise false,
  /// and map() has the answer.
  [[nodiscard]] bool map_whole(std::uint64_t address, std::uint64_t length,
                               Piece& piece) const noexcept {
    const std::uint64_t offset = address - last_.address;
    if (offset >= last_.length || length > last_.length - offset) return false;
    piece = {last_.data + offset, static_cast<std::size_t>(length)};
    return true;
  }

  /// Device thread: which of the two tables is the present one.
  [[nodiscard]] std::uint8_t turn() const noexcept { return turn_; }
  /// Device thread: a chain taken with the table of `turn` was given back.
  void leave(std::uint8_t turn) noexcept {
    // A chain from before a hand-over is not counted here; complete() wants resumed() of it.
    if (turn != turn_ && old_chains_ != 0 && --old_chains_ == 0) [[unlikely]] {
      // release part: pairs with in_use(); the chains' pieces are not touched after this
      previous_.store(nullptr, std::memory_order_seq_cst);
    }
  }

  /// Device thread: `length` bytes at `data`, in one region of the table of `turn`, were written.
  void wrote(std::uint8_t turn, const void* data, std::uint64_t length) noexcept {
    if constexpr (kLogs) {
      if (const auto address = tables_[turn]->address_of(data)) log_(*address, length);
    }
  }

  /// Device thread: the device half lets go of all chains, as at a reset.
  void forget() noexcept {
    old_chains_ = 0;
    previous_.store(nullptr, std::memory_order_seq_cst);  // as in leave()
  }

  /// The log that was given.
  [[nodiscard]] Log& log() noexcept { return log_; }

 private:
  void change(const RegionTable* next, std::uint32_t in_flight) noexcept {
    for (;;) {
      // seq_cst: pairs with replace() and in_use(). Both tables are claimed before the newest is
      // looked at again, so that none is let go of in between.
      previous_.store(present_, std::memory_order_seq_cst);
      current_.store(next, std::memory_order_seq_cst);
      const RegionTable* const newest = next_.load(std::memory_order_seq_cst);
      if (newest == next) break;
      next = newest;
    }
    old_chains_ = in_flight;
    if (in_flight == 0) previous_.store(nullptr, std::memory_order_seq_cst);  // as in leave()
    turn_ ^= 1U;
    present_ = tables_[turn_] = next;
    last_ = Region{};
  }

  std::atomic<const RegionTable*> next_;
  std::atomic<const RegionTable*> current_;
  std::atomic<const RegionTable*> previous_{nullptr};
  const RegionTable* present_ = current_.load(std::memory_order_relaxed);  // device thread's own
  std::array<const RegionTable*, 2> tables_{present_, present_};           // by turn
  Region last_;                   // where the last lookup was: mostly the next one is there as well
  std::uint32_t old_chains_ = 0;  // in flight with the table before the present one
  std::uint8_t turn_ = 0;
  [[no_unique_address]] Log log_;
};

}  // namespace bellpull::ring
