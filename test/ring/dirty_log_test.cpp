// SPDX-License-Identifier: BSD-2-Clause
// A log, as live migration needs it, hears of every byte that the device half writes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "queue_pair.hpp"
#include "raw_queue.hpp"

namespace bellpull::ring::test {
namespace {

struct Range {
  std::uint64_t address;
  std::uint64_t length;
};

/// Keeps what it hears in a list of the test's.
struct ListLog {
  void operator()(std::uint64_t address, std::uint64_t length) noexcept {
    list->push_back({address, length});
  }
  std::vector<Range>* list;
};

template <class Layout, class TrustType>
struct Bench {
  using K = Kind<Layout, TrustType, RegionMap<ListLog>>;

  explicit Bench(std::uint32_t size, const Features& features)
      : queue(size, features),
        device_slots(size),
        copies(features.indirect ? size : 0),
        pieces(2 * size) {
    REQUIRE(queue.attach_driver() == SetupError::none);
    for (const AlignedBytes* part : parts())
      before.push_back({part->data(), part->data() + part->size()});
    typename K::Device::Options options;
    options.features = features;
    options.slots = device_slots;
    options.indirect = copies;
    options.map = &map;
    REQUIRE(device.attach(queue.memory.queue, options) == SetupError::none);
    compare();
  }

  [[nodiscard]] std::vector<const AlignedBytes*> parts() const {
    return {&queue.memory.parts[0], &queue.memory.parts[1], &queue.memory.parts[2], &queue.arena};
  }
  [[nodiscard]] static std::uint64_t address(std::size_t part) {
    return part < 3 ? kPartAddress[part] : kArenaAddress;
  }
  /// Remembers the memory as it is now: what follows is the device half's doing.
  void remember() {
    for (std::size_t i = 0; i < 4; ++i) std::ranges::copy(parts()[i]->span(), before[i].begin());
    heard.clear();
  }
  [[nodiscard]] bool was_heard(std::uint64_t at) const {
    return std::ranges::any_of(heard, [at](const Range& range) {
      return at >= range.address && at - range.address < range.length;
    });
  }
  /// Every byte that changed since was heard of; nothing was heard of that is no memory.
  void compare() {
    constexpr std::size_t kChunk = 64;  // of most of which no byte changed
    std::uint64_t missed = 0, outside = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::byte* const now = parts()[i]->data();
      for (std::size_t from = 0; from < before[i].size(); from += kChunk) {
        const std::size_t end = std::min(from + kChunk, before[i].size());
        if (std::memcmp(now + from, before[i].data() + from, end - from) == 0) continue;
        for (std::size_t at = from; at < end; ++at)
          missed += now[at] != before[i][at] && !was_heard(address(i) + at);
      }
    }
    for (const Range& range : heard) {
      bool inside = false;
      for (std::size_t i = 0; i < 4; ++i) {
        inside = inside || (range.address >= address(i) &&
                            range.address + range.length <= address(i) + before[i].size());
      }
      outside += !inside;
    }
    CHECK(missed == 0);
    CHECK(outside == 0);
    remember();
  }

  Pair<Kind<Layout, TrustType, RegionMap<>>> queue;  // its driver half and memory
  std::vector<Range> heard;
  RegionMap<ListLog> map{queue.table, ListLog{&heard}};
  std::vector<DeviceSlot> device_slots;
  std::vector<typename Layout::TableEntry> copies;
  std::vector<Piece> pieces;
  std::vector<std::vector<std::byte>> before;
  typename K::Device device;
};

template <class Layout, class TrustType>
struct Which {
  using L = Layout;
  using T = TrustType;
};
using SplitBelieved = Which<Split, Trusted>;
using SplitHostile = Which<Split, Untrusted>;
using PackedBelieved = Which<Packed, Trusted>;
using PackedHostile = Which<Packed, Untrusted>;

TEST_CASE_TEMPLATE("the dirty log hears of every byte that the device half writes", W,
                   SplitBelieved, SplitHostile, PackedBelieved, PackedHostile) {
  for (const Features& features : all_features()) {
    CAPTURE(features.event_idx);
    CAPTURE(features.indirect);
    CAPTURE(features.in_order);
    Bench<typename W::L, typename W::T> bench(8, features);
    std::mt19937_64 random(6);
    std::vector<Chain> taken;
    std::vector<std::vector<Piece>> pieces_of;
    for (unsigned round = 0; round < 300; ++round) {
      std::vector<Segment> writable;
      for (unsigned i = 0; i < 1 + random() % 3; ++i) {
        writable.push_back(bench.queue.segment(random() % 1000, random() % 50));
      }
      bench.queue.driver.post({}, writable, round);
      bench.queue.driver.publish();
      if (random() % 4 == 0) static_cast<void>(bench.queue.driver.arm());
      bench.remember();

      Chain chain;
      if (bench.device.take(bench.pieces, chain)) {
        taken.push_back(chain);
        pieces_of.emplace_back(bench.pieces.begin(), bench.pieces.begin() + chain.writable);
      }
      while (!taken.empty() && (random() % 2 == 0 || taken.size() > 5)) {
        const std::size_t which = random() % taken.size();
        std::uint64_t left = random() % (taken[which].writable_bytes + 1);
        const auto written = static_cast<std::uint32_t>(left);
        for (const Piece& piece : pieces_of[which]) {
          for (std::size_t i = 0; i < piece.length && left != 0; ++i, --left) {
            piece.data[i] ^= std::byte{0x55};
          }
        }
        bench.device.complete(taken[which], pieces_of[which], written);
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(which));
        pieces_of.erase(pieces_of.begin() + static_cast<std::ptrdiff_t>(which));
      }
      if (random() % 2 == 0) {
        bench.device.publish();
      } else {
        static_cast<void>(bench.device.publish_and_test());
      }
      if (random() % 3 == 0) static_cast<void>(bench.device.arm());
      if (random() % 3 == 0) bench.device.disarm();
      bench.compare();
      bench.queue.driver.poll(kAll, [](const Used&) {});
    }
    bench.remember();
    static_cast<void>(bench.device.stop());
    bench.compare();
  }
}

TEST_CASE_TEMPLATE("the dirty log hears of chains given back for a fault, and of no bytes for them",
                   Layout, Split, Packed) {
  Bench<Layout, Untrusted> bench(8, {});
  RawDriver<Layout> raw(bench.queue.memory);
  raw.chain({{0, 100, kWrite, 0}});
  bench.remember();
  Chain chain;
  CHECK_FALSE(bench.device.take(bench.pieces, chain));
  bench.device.publish();
  CHECK_FALSE(bench.heard.empty());
  for (const Range& range : bench.heard) CHECK(range.address < kArenaAddress);
  bench.compare();
}

TEST_CASE_TEMPLATE("the dirty log has the addresses of the table that a chain was taken with",
                   Layout, Split, Packed) {
  Bench<Layout, Untrusted> bench(8, {});
  bench.queue.post_writable(0);
  bench.queue.driver.publish();
  bench.remember();
  Chain chain;
  REQUIRE(bench.device.take(bench.pieces, chain));
  const std::vector<Piece> pieces(bench.pieces.begin(), bench.pieces.begin() + 1);
  // The same memory at another address: what was written was written to the old one.
  std::vector<Region> moved = {{0x9999'0000, bench.queue.arena.size(), bench.queue.arena.data()}};
  for (std::size_t i = 0; i < 3; ++i) {
    moved.push_back(
        {kPartAddress[i], bench.queue.memory.parts[i].size(), bench.queue.memory.parts[i].data()});
  }
  RegionTable table;
  REQUIRE(RegionTable::make(moved, table) == SetupError::none);
  bench.map.replace(table);
  Chain none;
  CHECK_FALSE(bench.device.take(bench.pieces, none));
  bench.device.complete(chain, pieces, 1);
  CHECK(std::ranges::any_of(bench.heard, [](const Range& range) {
    return range.address == kArenaAddress && range.length == 1;
  }));
  bench.device.reset();
}

}  // namespace
}  // namespace bellpull::ring::test
