// SPDX-License-Identifier: BSD-2-Clause
// A peer's memory in several regions: what a table refuses, buffers that cross from one region into
// the next, and one that consists of single bytes.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

SetupError made(std::vector<Region> regions) {
  RegionTable table;
  const SetupError error = RegionTable::make(regions, table);
  CHECK(table.regions().size() == (error == SetupError::none ? regions.size() : 0));
  return error;
}

TEST_CASE("a table refuses empty regions, regions that wrap, and regions that share a byte") {
  const AlignedBytes memory(4096);
  std::byte* const at = memory.data();
  const std::uint64_t top = ~std::uint64_t{0};
  CHECK(made({}) == SetupError::none);
  CHECK(made({{0x1000, 16, at}}) == SetupError::none);
  CHECK(made({{0x1000, 0, at}}) == SetupError::region_empty);
  CHECK(made({{0x1000, 16, nullptr}}) == SetupError::region_empty);
  CHECK(made({{top, 1, at}}) == SetupError::none);
  CHECK(made({{top, 2, at}}) == SetupError::region_wraps);
  CHECK(made({{1, top, at}}) == SetupError::region_wraps);  // in our own address space
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  CHECK(made({{0, 17, reinterpret_cast<std::byte*>(top - 15)}}) == SetupError::region_wraps);
  // Touching is no overlap, in either space.
  CHECK(made({{0x1000, 16, at}, {0x1010, 16, at + 16}}) == SetupError::none);
  CHECK(made({{0x1000, 16, at + 16}, {0x1010, 16, at}}) == SetupError::none);
  CHECK(made({{0x1000, 17, at}, {0x1010, 16, at + 32}}) == SetupError::regions_overlap);
  CHECK(made({{0x1010, 16, at + 32}, {0x1000, 17, at}}) == SetupError::regions_overlap);
  CHECK(made({{0x1000, 16, at}, {0x2000, 16, at + 15}}) == SetupError::regions_overlap);
  CHECK(made({{0x1000, 16, at + 15}, {0x2000, 16, at}}) == SetupError::regions_overlap);
  CHECK(made({{0x1000, 64, at}, {0x1010, 16, at + 128}}) == SetupError::regions_overlap);
  CHECK(made({{0x1000, 16, at}, {0x1000, 16, at}}) == SetupError::regions_overlap);
}

TEST_CASE("a table sorts what it is given and finds exactly the bytes that are there") {
  const AlignedBytes memory(4096);
  std::vector<Region> regions;
  for (const std::uint64_t i : {5U, 1U, 4U, 0U, 3U, 2U}) {
    regions.push_back({0x1000 + 0x100 * i, 0x80, memory.data() + 0x80 * i});
  }
  RegionTable table;
  REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  for (std::uint64_t address = 0x0f00; address < 0x1700; ++address) {
    const bool inside = address >= 0x1000 && address < 0x1600 && address % 0x100 < 0x80;
    REQUIRE((table.find(address) != nullptr) == inside);
    const std::byte* const byte = table.locate(address, 1);
    REQUIRE((byte != nullptr) == inside);
    if (!inside) continue;
    REQUIRE(byte == memory.data() + 0x80 * ((address - 0x1000) / 0x100) + address % 0x100);
    REQUIRE(table.address_of(byte) == address);
    REQUIRE((table.locate(address, 0x80 - address % 0x100) != nullptr));
    REQUIRE((table.locate(address, 0x81 - address % 0x100) == nullptr));
  }
  CHECK_FALSE(table.address_of(memory.data() + 0x300).has_value());
  CHECK_FALSE(RegionTable().find(0));
}

/// A device half whose arena is cut into regions, beside a driver half.
template <class K>
struct Cut {
  /// Cuts of `piece` bytes; in this program they lie in reverse order.
  Cut(std::uint32_t size, std::size_t bytes, std::size_t piece, const Features& features)
      : pair(size, features, bytes), scattered(bytes) {
    for (std::size_t at = 0; at < bytes; at += piece) {
      regions.push_back({kArenaAddress + at, piece, scattered.data() + bytes - piece - at});
    }
    regions.push_back({kTablesAddress, pair.tables.size(), pair.tables.data()});
    REQUIRE(RegionTable::make(regions, table) == SetupError::none);
    map = std::make_unique<typename K::Map>(table);
    auto options = pair.device_options();
    options.map = map.get();
    REQUIRE(pair.attach_driver() == SetupError::none);
    REQUIRE(pair.device.attach(pair.memory.queue, options) == SetupError::none);
    pair.pieces.resize(bytes + 8);
  }
  ~Cut() { pair.device.reset(); }
  Cut(const Cut&) = delete;
  Cut& operator=(const Cut&) = delete;
  /// The peer's byte number `at`.
  std::byte& byte(std::size_t at) {
    return *const_cast<std::byte*>(table.locate(kArenaAddress + at, 1));
  }
  Pair<K> pair;
  AlignedBytes scattered;
  std::vector<Region> regions;
  RegionTable table;
  std::unique_ptr<typename K::Map> map;
};

#define BELLPULL_REGION_KINDS SplitRegions, SplitUntrusted, PackedRegions, PackedUntrusted

TEST_CASE_TEMPLATE("check 20: regions of one byte give the same bytes as one region", K,
                   BELLPULL_REGION_KINDS) {
  constexpr std::size_t kBytes = 512;
  for (const bool indirect : {false, true}) {
    std::mt19937_64 random(5);
    Cut<K> bytes(8, kBytes, 1, {.indirect = indirect});
    Cut<K> whole(8, kBytes, kBytes, {.indirect = indirect});
    for (unsigned round = 0; round < 200; ++round) {
      std::vector<Segment> readable, writable;
      for (unsigned i = 0; i < 1 + random() % 6; ++i) {
        const std::size_t at = random() % kBytes;
        (i < 2 ? readable : writable)
            .push_back({kArenaAddress + at, static_cast<std::uint32_t>(random() % (kBytes - at))});
      }
      for (std::size_t i = 0; i < kBytes; ++i) {
        bytes.byte(i) = whole.byte(i) = static_cast<std::byte>(random());
      }
      std::vector<std::byte> read[2];
      std::uint32_t written[2] = {};
      unsigned which = 0;
      for (Cut<K>* cut : {&bytes, &whole}) {
        std::size_t total = 0;
        for (const auto& list : {readable, writable}) {
          for (const Segment& segment : list) total += segment.length;
        }
        cut->pair.pieces.resize(total + 8);
        REQUIRE(cut->pair.driver.post(readable, writable, 1) != kNoHead);
        cut->pair.driver.publish();
        const auto chain = cut->pair.take();
        REQUIRE(chain);
        for (const Piece& piece : chain->readable_of(cut->pair.pieces)) {
          read[which].insert(read[which].end(), piece.data, piece.data + piece.length);
        }
        std::uint8_t next = 0;
        for (const Piece& piece : chain->writable_of(cut->pair.pieces)) {
          for (std::size_t i = 0; i < piece.length; ++i) piece.data[i] = std::byte{next++};
        }
        cut->pair.complete(*chain, static_cast<std::uint32_t>(chain->writable_bytes));
        cut->pair.device.publish();
        const auto back = cut->pair.poll();
        REQUIRE(back.size() == 1);
        written[which++] = back[0].length;
      }
      REQUIRE(read[0] == read[1]);
      REQUIRE(written[0] == written[1]);
      unsigned wrong = 0;
      for (std::size_t i = 0; i < kBytes; ++i) wrong += bytes.byte(i) != whole.byte(i);
      REQUIRE(wrong == 0);
    }
  }
}

TEST_CASE_TEMPLATE("a buffer that crosses from one region into the next is two pieces", K,
                   BELLPULL_REGION_KINDS) {
  Cut<K> cut(4, 256, 64, {});
  for (const std::uint32_t length : {1U, 63U, 64U, 65U, 128U, 129U, 256U}) {
    for (std::size_t at = 0; at + length <= 256; at += 31) {
      const Segment one{kArenaAddress + at, length};
      cut.pair.driver.post({&one, 1}, {}, 0);
      cut.pair.driver.publish();
      const auto chain = cut.pair.take();
      REQUIRE(chain);
      CHECK(chain->readable == (at + length - 1) / 64 - at / 64 + 1);
      std::size_t where = at;
      for (const Piece& piece : chain->readable_of(cut.pair.pieces)) {
        CHECK(piece.data == &cut.byte(where));
        where += piece.length;
      }
      CHECK(where == at + length);
      cut.pair.complete(*chain, 0);
      cut.pair.device.publish();
      REQUIRE(cut.pair.poll().size() == 1);
    }
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D33: a buffer over more regions than there is room for pieces is faulty", K,
    BELLPULL_REGION_KINDS) {
  Cut<K> cut(4, 256, 32, {});
  cut.pair.pieces = std::vector<Piece>(4);  // exactly sized: AddressSanitizer sees a fifth
  cut.pair.pieces.shrink_to_fit();
  const Segment four{kArenaAddress, 128};
  const Segment five{kArenaAddress, 129};
  cut.pair.driver.post({&five, 1}, {}, 5);
  cut.pair.driver.post({&four, 1}, {}, 4);
  cut.pair.driver.publish();
  const auto chain = cut.pair.take();
  REQUIRE(chain);
  CHECK(chain->readable == 4);
  CHECK(cut.pair.device.counters()
            .chain_faults[static_cast<std::size_t>(ChainFault::too_many_pieces)] == 1);
  cut.pair.complete(*chain, 0);
  cut.pair.device.publish();
  CHECK(cut.pair.poll().size() == 2);
}

TEST_CASE_TEMPLATE("a map that was never given memory refuses every buffer and breaks nothing", K,
                   BELLPULL_REGION_KINDS) {
  Pair<K> pair(4);
  const RegionTable none;
  typename K::Map map(none);
  auto options = pair.device_options();
  options.map = &map;
  REQUIRE(pair.attach_driver() == SetupError::none);
  REQUIRE(pair.device.attach(pair.memory.queue, options) == SetupError::none);
  for (unsigned i = 0; i < 4; ++i) pair.post_one(i);
  pair.driver.publish();
  CHECK_FALSE(pair.take());
  pair.device.publish();
  CHECK(pair.poll().size() == 4);
  CHECK(
      pair.device.counters().chain_faults[static_cast<std::size_t>(ChainFault::address_unmapped)] ==
      4);
  pair.device.reset();
}

}  // namespace
}  // namespace bellpull::ring::test
