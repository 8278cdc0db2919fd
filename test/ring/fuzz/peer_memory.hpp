// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "bellpull/ring/region_table.hpp"
#include "input.hpp"

namespace bellpull::ring::fuzz {

/// Memory that the peer has: an allocation of exactly its length, so that AddressSanitizer sees the
/// first byte outside of it, and a copy of what is expected in it.
struct Block {
  static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= 16, "descriptors need 16");

  explicit Block(std::size_t bytes)
      : length(bytes), data(std::make_unique<std::byte[]>(bytes)), shadow(bytes) {}

  /// Writes as the peer, or as the caller of the half: both copies.
  void poke(std::size_t offset, const void* from, std::size_t bytes) {
    if (offset > length || bytes > length - offset) return;
    std::memcpy(data.get() + offset, from, bytes);
    std::memcpy(shadow.data() + offset, from, bytes);
  }
  template <class Word>
  void poke(std::size_t offset, Word word) {
    poke(offset, &word, sizeof word);
  }
  template <class Word>
  [[nodiscard]] Word peek(std::size_t offset) const {
    Word word{};
    if (offset + sizeof word <= length) std::memcpy(&word, data.get() + offset, sizeof word);
    return word;
  }
  [[nodiscard]] bool as_expected() const {
    return length == 0 || std::memcmp(shadow.data(), data.get(), length) == 0;
  }
  /// What is there is right.
  void expect_what_is() { std::copy_n(data.get(), length, shadow.begin()); }
  /// What was expected is there again.
  void restore() { std::copy(shadow.begin(), shadow.end(), data.get()); }

  std::size_t length;
  std::unique_ptr<std::byte[]> data;
  std::vector<std::byte> shadow;
};

/// A block at its place in the peer's addresses.
struct Placed {
  std::shared_ptr<Block> block;
  std::uint64_t address = 0;
};

/// One region table with the blocks it describes.
struct Table {
  std::vector<Placed> places;
  std::vector<Region> regions;
  RegionTable table;

  [[nodiscard]] const Placed* at(std::uint64_t address) const {
    for (const Placed& place : places) {
      if (address - place.address < place.block->length) return &place;
    }
    return nullptr;
  }
  /// The block that holds all of [data, data + bytes), or null.
  [[nodiscard]] const Placed* holding(const std::byte* data, std::uint64_t bytes) const {
    const auto from = reinterpret_cast<std::uintptr_t>(data);
    for (const Placed& place : places) {
      const std::uintptr_t offset =
          from - reinterpret_cast<std::uintptr_t>(place.block->data.get());
      if (offset < place.block->length && bytes <= place.block->length - offset) return &place;
    }
    return nullptr;
  }
};

/// All memory of a peer: the three parts of one ring and what its tables describe.
class PeerMemory {
 public:
  PeerMemory(std::array<std::size_t, 3> parts, bool ring_in_tables)
      : ring_{std::make_shared<Block>(parts[0]), std::make_shared<Block>(parts[1]),
              std::make_shared<Block>(parts[2])},
        ring_in_tables_(ring_in_tables) {}

  [[nodiscard]] Block& ring(unsigned part) const { return *ring_[part]; }
  [[nodiscard]] bool ring_in_tables() const { return ring_in_tables_; }
  [[nodiscard]] Table& present() { return tables_.back(); }
  [[nodiscard]] std::list<Table>& tables() { return tables_; }

  /// Makes a table of the ring's parts, some of the blocks of the present one, and new ones.
  Table& add_table(Input& in) {
    std::vector<std::shared_ptr<Block>> blocks;
    if (ring_in_tables_) blocks.assign(ring_.begin(), ring_.end());
    if (!tables_.empty()) {
      for (const Placed& place : present().places) {
        const bool data = std::find(ring_.begin(), ring_.end(), place.block) == ring_.end();
        if (data && in.once_in(2)) blocks.push_back(place.block);
      }
    }
    const unsigned more = 1 + in.below(4);
    for (unsigned i = 0; i < more && blocks.size() < 12; ++i) {
      blocks.push_back(std::make_shared<Block>(block_length(in)));
    }
    std::rotate(blocks.begin(), blocks.begin() + in.below(blocks.size()), blocks.end());
    return place(in, blocks);
  }

  /// Lets go of the tables but the present one for which `idle` says so, and of what only they
  /// describe.
  template <class Idle>
  void drop_tables(Idle&& idle) {
    for (auto at = tables_.begin(); &*at != &present();) {
      at = idle(*at) ? tables_.erase(at) : std::next(at);
    }
  }

  /// Calls `visit(Block&)` for each block once.
  template <class Visit>
  void each_block(Visit&& visit) {
    std::vector<Block*> seen;
    const auto once = [&](Block& block) {
      if (std::find(seen.begin(), seen.end(), &block) != seen.end()) return;
      seen.push_back(&block);
      visit(block);
    };
    for (const auto& part : ring_) once(*part);
    for (const Table& table : tables_) {
      for (const Placed& place : table.places) once(*place.block);
    }
  }

  /// Writes as the peer, by the addresses of the present table; bytes that lie nowhere are lost.
  void poke_address(std::uint64_t address, const void* from, std::size_t bytes) {
    const auto* data = static_cast<const std::byte*>(from);
    for (std::size_t i = 0; i < bytes; ++i) {
      if (const Placed* const at = present().at(address + i)) {
        at->block->poke(address + i - at->address, data + i, 1);
      }
    }
  }

 private:
  static std::size_t block_length(Input& in) {
    switch (in.byte() % 6) {
      case 0:
        return 256;
      case 1:
        return 1 + in.below(8);
      case 2:
        return 16 * (1 + in.below(12));
      case 3:
        return 1 + in.below(200);
      case 4:
        return 512;
      default:
        return 2048;
    }
  }

  Table& place(Input& in, const std::vector<std::shared_ptr<Block>>& blocks) {
    constexpr std::array<std::uint64_t, 4> kBases{0x1000, 0, 0xffffff80, 0x7fffffffffffff00};
    constexpr std::array<std::uint64_t, 4> kGaps{0, 16, 1, 0x1000};
    Table& table = tables_.emplace_back();
    const unsigned base = in.below(6);
    std::uint64_t at = kBases[base % kBases.size()];
    for (const auto& block : blocks) {
      table.places.push_back({block, at});
      at += block->length + kGaps[in.byte() % kGaps.size()];
    }
    // Either the last block ends with the last of all addresses, or it begins with the first, and
    // the one before it is at the end.
    const Placed& last = table.places.back();
    std::uint64_t back = 0;
    if (base == 4) back = last.address + last.block->length;
    if (base == 5) back = last.address;
    for (Placed& place : table.places) place.address -= back;
    for (const Placed& place : table.places) {
      table.regions.push_back({place.address, place.block->length, place.block->data.get()});
    }
    std::reverse(table.regions.begin(), table.regions.end());
    check(RegionTable::make(table.regions, table.table) == SetupError::none,
          "a table of good regions is made");
    return table;
  }

  std::array<std::shared_ptr<Block>, 3> ring_;
  bool ring_in_tables_;
  std::list<Table> tables_;
};

}  // namespace bellpull::ring::fuzz
