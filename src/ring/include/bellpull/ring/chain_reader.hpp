// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/virtio_ring.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "bellpull/ring/budget.hpp"
#include "bellpull/ring/fault.hpp"
#include "bellpull/ring/segment.hpp"

namespace bellpull::ring {

/// How the reading of a chain ended; see ChainReader.
enum class ReadResult : std::uint8_t {
  whole,        ///< its pieces are there
  faulty,       ///< it breaks a rule; only its head is known
  over_budget,  ///< it does not fit what is left; nothing was taken
};

/// Turns the descriptors of a chain into pieces of memory, and is the one place that knows what a
/// chain must not be. Part of the device half: each descriptor and each indirect table is copied
/// once, and only the copy is looked at. No thread but the device half's.
template <class Layout, class Access>
class ChainReader {
 public:
  /// For a queue of `size` entries. `tables` has room for a table of that many entries, when
  /// indirect descriptors were agreed on.
  void start(std::uint32_t size, bool indirect, std::span<typename Layout::TableEntry> tables,
             std::uint64_t max_bytes) noexcept {
    size_ = size;
    indirect_ = indirect;
    table_ = tables;
    constexpr std::uint64_t kMost = std::uint64_t{1} << 32;  // virtio 1.4 section 2.7.5
    max_bytes_ = max_bytes < kMost ? max_bytes : kMost;
  }

  /// Whether the chain whose first descriptor is `cursor` is what virtio-net sends nearly always:
  /// one direct descriptor that is in order and lies in one region. Then `piece` is what it names;
  /// otherwise nothing has happened, and read() has the answer.
  template <class Trust, class Cursor, class Map>
  [[nodiscard, gnu::always_inline]] bool read_single(const Cursor& cursor, const Map& map,
                                                     Piece& piece) const noexcept {
    return (cursor.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) == 0 &&
           cursor.length != 0 && !(Trust::kChecks && cursor.length > max_bytes_) &&
           map.map_whole(cursor.address, cursor.length, piece);
  }

  /// Reads the chain whose first descriptor is `cursor`. Reports what broke the queue in
  /// `queue_fault` and what was wrong with the chain in `fault`. Charges `budget` unless the result
  /// is `over_budget`, which is also the result for a chain that does not fit in `pieces` unless
  /// those are `all_pieces`.
  template <class Trust, class Ring, class Map>
  [[nodiscard]] ReadResult read(Ring& ring, Map& map, typename Ring::Cursor& cursor, Budget& budget,
                                std::span<Piece> pieces, bool all_pieces, Chain& chain,
                                ChainFault& fault, QueueFault& queue_fault) noexcept {
    Walk walk;
    constexpr std::uint32_t kAny = std::numeric_limits<std::uint32_t>::max();
    const std::uint32_t most = budget.used ? budget.descriptors : kAny;
    for (;;) {
      if constexpr (Trust::kChecks) {
        if (queue_fault != QueueFault::none) [[unlikely]]
          return ReadResult::faulty;
      }
      if (fault == ChainFault::none) [[likely]]
        fault = add<Trust>(cursor, pieces, map, most, walk);
      if (walk.cost() > most) return ReadResult::over_budget;
      if ((cursor.flags & VRING_DESC_F_NEXT) == 0) break;
      if (!Ring::kIdComesLast && fault != ChainFault::none) break;
      queue_fault = ring.template next<Trust>(cursor, fault);
      if (!Ring::kIdComesLast && fault != ChainFault::none) break;
    }
    if (budget.used && walk.bytes > budget.bytes && fault == ChainFault::none) {
      return ReadResult::over_budget;
    }
    if (!all_pieces && fault == ChainFault::too_many_pieces) return ReadResult::over_budget;
    queue_fault = ring.template id<Trust>(cursor, chain.head);
    chain.descriptors = static_cast<std::uint16_t>(cursor.descriptors);
    if (fault != ChainFault::none) [[unlikely]] {
      // What stands behind the fault may have been read as well. A peer must not get that for
      // nothing.
      walk =
          Walk{.descriptors = walk.cost() > cursor.descriptors ? walk.cost() : cursor.descriptors};
    }
    charge(budget, walk);
    chain.first = 0;
    chain.readable = walk.readable;
    chain.writable = walk.pieces - walk.readable;
    chain.readable_bytes = walk.readable_bytes;
    chain.writable_bytes = walk.bytes - walk.readable_bytes;
    return fault == ChainFault::none ? ReadResult::whole : ReadResult::faulty;
  }

 private:
  // What is known of the chain so far. A local of read(), so that it stays in registers.
  struct Walk {
    std::uint64_t bytes = 0;
    std::uint64_t readable_bytes = 0;
    std::uint32_t pieces = 0;
    std::uint32_t readable = 0;  // pieces
    std::uint32_t descriptors = 0;
    std::uint32_t copied = 0;  // entries of a table, beyond the descriptors that were in use
    bool writable_seen = false;

    // Of the budget. A table is paid for whole, in use or not, since all of it is copied.
    [[nodiscard]] std::uint32_t cost() const noexcept { return descriptors + copied; }
  };

  static void charge(Budget& budget, const Walk& walk) noexcept {
    --budget.chains;
    budget.descriptors -= walk.cost() < budget.descriptors ? walk.cost() : budget.descriptors;
    budget.bytes -= walk.bytes < budget.bytes ? walk.bytes : budget.bytes;
    budget.used = true;
  }

  template <class Trust, class Cursor, class Map>
  [[nodiscard, gnu::always_inline]] ChainFault add(const Cursor& cursor, std::span<Piece> pieces,
                                                   Map& map, std::uint32_t most,
                                                   Walk& walk) noexcept {
    if ((cursor.flags & VRING_DESC_F_INDIRECT) != 0) [[unlikely]] {
      ++walk.descriptors;
      if (!indirect_) return ChainFault::indirect_not_negotiated;
      if ((cursor.flags & VRING_DESC_F_NEXT) != 0) return ChainFault::indirect_with_next;
      TableResult result = add_table<Trust>(cursor.address, cursor.length, pieces, map, most, walk);
      walk = result.walk;
      return result.fault;
    }
    return add_buffer<Trust>(cursor.address, cursor.length, cursor.flags, pieces, map, walk);
  }

  template <class Trust, class Map>
  [[nodiscard, gnu::always_inline]] ChainFault add_buffer(std::uint64_t address,
                                                          std::uint32_t length, std::uint16_t flags,
                                                          std::span<Piece> pieces, Map& map,
                                                          Walk& walk) noexcept {
    ++walk.descriptors;
    const bool writable = (flags & VRING_DESC_F_WRITE) != 0;
    if constexpr (Trust::kChecks) {
      if (walk.writable_seen && !writable) return ChainFault::readable_after_writable;
      if (walk.bytes + length > max_bytes_) return ChainFault::too_many_bytes;
      walk.writable_seen = writable;
    }
    walk.bytes += length;
    if (!writable) walk.readable_bytes += length;
    if (length == 0) [[unlikely]]
      return ChainFault::none;  // legal, and nothing to touch
    if (Piece piece; map.map_whole(address, length, piece)) [[likely]] {
      if (walk.pieces == pieces.size()) [[unlikely]]
        return ChainFault::too_many_pieces;
      pieces[walk.pieces++] = piece;
    } else {
      const ChainFault fault = add_parts(address, length, pieces, map, walk.pieces);
      if (fault != ChainFault::none) return fault;
    }
    if (!writable) walk.readable = walk.pieces;
    return ChainFault::none;
  }

  // A buffer that does not lie in one region as the last one did.
  template <class Map>
  [[nodiscard, gnu::noinline]] static ChainFault add_parts(std::uint64_t address,
                                                           std::uint64_t length,
                                                           std::span<Piece> pieces, Map& map,
                                                           std::uint32_t& count) noexcept {
    bool room = true;
    const bool mapped = map.map(address, length, [&](const Piece& piece) noexcept {
      room = count < pieces.size();
      if (room) pieces[count++] = piece;
      return room;
    });
    if (mapped) return ChainFault::none;
    return room ? ChainFault::address_unmapped : ChainFault::too_many_pieces;
  }

  struct TableResult {
    Walk walk;
    ChainFault fault = ChainFault::none;
  };

  // The whole table is copied before a word of it is looked at, unless it alone costs more than
  // `most`. WRITE on the descriptor that names it is ignored (virtio 1.4 section 2.7.5.3.2).
  template <class Trust, class Map>
  [[nodiscard, gnu::noinline]] TableResult add_table(std::uint64_t address, std::uint32_t length,
                                                     std::span<Piece> pieces, Map& map,
                                                     std::uint32_t most, Walk walk) noexcept {
    constexpr std::uint32_t kEntryBytes = sizeof(typename Layout::TableEntry);
    const std::uint32_t entries = length / kEntryBytes;
    if (length == 0 || length % kEntryBytes != 0 || entries > size_) {
      return {walk, ChainFault::indirect_length};
    }
    --walk.descriptors;  // the table's own descriptor is no buffer
    walk.copied = entries;
    if (walk.cost() > most) return {walk, ChainFault::none};
    auto* to = reinterpret_cast<std::byte*>(table_.data());
    const bool mapped = map.map(address, length, [&to](const Piece& piece) noexcept {
      Access::copy_once(to, piece.data, piece.length);
      to += piece.length;
      return true;
    });
    if (!mapped) return {walk, ChainFault::indirect_unmapped};
    std::uint32_t at = 0;
    for (std::uint32_t read = 1;; ++read) {
      const vring_desc entry = Layout::table_entry(table_[at]);
      if ((entry.flags & VRING_DESC_F_INDIRECT) != 0) return {walk, ChainFault::indirect_nested};
      --walk.copied;
      const ChainFault fault =
          add_buffer<Trust>(entry.addr, entry.len, entry.flags, pieces, map, walk);
      if (fault != ChainFault::none) return {walk, fault};
      if (walk.descriptors > size_) return {walk, ChainFault::too_long};
      if constexpr (Layout::kLinkedTables) {
        if ((entry.flags & VRING_DESC_F_NEXT) == 0) return {walk, ChainFault::none};
        if (entry.next >= entries) return {walk, ChainFault::next_out_of_range};
        if (read == entries) return {walk, ChainFault::too_long};
        at = entry.next;
      } else {
        if (++at == entries) return {walk, ChainFault::none};
      }
    }
  }

  std::span<typename Layout::TableEntry> table_;
  std::uint64_t max_bytes_ = 0;
  std::uint32_t size_ = 0;
  bool indirect_ = false;
};

}  // namespace bellpull::ring
