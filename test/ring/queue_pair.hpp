// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "queue_memory.hpp"

namespace bellpull::ring::test {

/// One combination of the parameters that the two halves of a queue have.
template <class LayoutType, class TrustType, class MapType, class AccessType = NativeAccess>
struct Kind {
  using Layout = LayoutType;
  using Trust = TrustType;
  using Map = MapType;
  using Access = AccessType;
  using Driver = ring::Driver<Layout, Trust, Access>;
  using Device = ring::Device<Layout, Trust, Map, Access>;
};

using SplitTrusted = Kind<Split, Trusted, IdentityMap>;
using SplitRegions = Kind<Split, Trusted, RegionMap<>>;
using SplitUntrusted = Kind<Split, Untrusted, RegionMap<>>;
using PackedTrusted = Kind<Packed, Trusted, IdentityMap>;
using PackedRegions = Kind<Packed, Trusted, RegionMap<>>;
using PackedUntrusted = Kind<Packed, Untrusted, RegionMap<>>;

/// What the conformance suite runs over, for TEST_CASE_TEMPLATE.
#define BELLPULL_KINDS \
  SplitTrusted, SplitRegions, SplitUntrusted, PackedTrusted, PackedRegions, PackedUntrusted

/// Where the device half of a RegionMap finds things: addresses that are nothing in this program.
inline constexpr std::uint64_t kArenaAddress = 0x7000'0000'0000;
inline constexpr std::uint64_t kTablesAddress = 0x6000'0000'0000;
inline constexpr std::array<std::uint64_t, 3> kPartAddress = {0x1000'0000, 0x2000'0000,
                                                              0x3000'0000};
inline constexpr unsigned kAll = std::numeric_limits<unsigned>::max();
/// The longest chain that becomes an indirect table in a Pair.
inline constexpr std::uint32_t kTableEntries = 8;

/// A queue with both halves, memory for buffers that the device can reach, and a map of all of it.
/// Neither half is attached before attach().
template <class K>
class Pair {
 public:
  using Layout = typename K::Layout;
  using Driver = typename K::Driver;
  using Device = typename K::Device;
  using Map = typename K::Map;

  explicit Pair(std::uint32_t size, const Features& agreed = {}, std::size_t arena_bytes = 4096)
      : features(agreed),
        memory(size),
        arena(arena_bytes),
        each(agreed.indirect ? std::min(size, kTableEntries) : 0),
        tables(std::max<std::size_t>(16, sizeof(typename Layout::TableEntry) * each * size)),
        driver_slots(size),
        device_slots(size),
        copies(agreed.indirect ? size : 0),
        pieces(std::size_t{2} * size + 64),
        map_(make_map()) {}

  /// Attaches both halves; `none` when both took it.
  SetupError attach() {
    const SetupError error = attach_driver();
    return error != SetupError::none ? error : attach_device();
  }

  SetupError attach_driver(const DriverState* resume = nullptr) {
    DriverOptions<Layout> options;
    options.features = features;
    options.slots = driver_slots;
    options.resume = resume;
    if (features.indirect) {
      options.indirect = {{reinterpret_cast<typename Layout::TableEntry*>(tables.data()),
                           std::size_t{each} * memory.queue.size},
                          each,
                          Map::kLooksUp ? kTablesAddress : 0};
    }
    return driver.attach(memory.queue, options);
  }

  SetupError attach_device(const DeviceState* resume = nullptr,
                           std::span<const InFlight> in_flight = {}) {
    return device.attach(memory.queue, device_options(resume, in_flight));
  }

  [[nodiscard]] typename Device::Options device_options(const DeviceState* resume = nullptr,
                                                        std::span<const InFlight> in_flight = {}) {
    typename Device::Options options;
    options.features = features;
    options.slots = device_slots;
    options.indirect = copies;
    options.resume = resume;
    options.in_flight = in_flight;
    if constexpr (Map::kLooksUp) options.map = map_.get();
    return options;
  }

  /// The arena's byte number `offset` as a descriptor names it.
  [[nodiscard]] std::uint64_t address(std::size_t offset) const {
    return Map::kLooksUp ? kArenaAddress + offset
                         : reinterpret_cast<std::uintptr_t>(arena.data()) + offset;
  }
  [[nodiscard]] Segment segment(std::size_t offset, std::size_t length) const {
    return {address(offset), static_cast<std::uint32_t>(length)};
  }

  /// Reserves and offers one readable descriptor of one byte.
  std::uint16_t post_one(std::uint64_t token) {
    const Segment one = segment(0, 1);
    return driver.post({&one, 1}, {}, token);
  }
  /// The same with one writable byte.
  std::uint16_t post_writable(std::uint64_t token) {
    const Segment one = segment(0, 1);
    return driver.post({}, {&one, 1}, token);
  }

  /// The next chain; nothing when there is none.
  std::optional<Chain> take() {
    Chain chain;
    if (!device.take(pieces, chain)) return std::nullopt;
    return chain;
  }

  void complete(const Chain& chain, std::uint32_t written) {
    if constexpr (Map::kLogs) {
      device.complete(chain, pieces, written);
    } else {
      device.complete(chain, written);
    }
  }

  /// Takes, completes with length 0 and publishes everything that is there; returns how many.
  unsigned drain() {
    unsigned count = 0;
    while (const auto chain = take()) {
      complete(*chain, 0);
      ++count;
    }
    device.publish();
    return count;
  }

  /// Everything that one poll reports.
  std::vector<Used> poll(unsigned limit = kAll) {
    std::vector<Used> back;
    const unsigned count = driver.poll(limit, [&](const Used& used) { back.push_back(used); });
    CHECK(count == back.size());
    return back;
  }

  /// Moves both halves on by `chains` chains of one descriptor, one at a time.
  void step(unsigned chains = 1) {
    for (unsigned i = 0; i < chains; ++i) {
      post_one(i);
      driver.publish();
      REQUIRE(drain() == 1);
      unsigned back = 0;
      driver.poll(1, [&](const Used&) { ++back; });
      REQUIRE(back == 1);
    }
  }

  [[nodiscard]] Map* map() { return map_.get(); }

  Features features;
  QueueMemory<Layout> memory;
  AlignedBytes arena;
  std::uint32_t each;
  AlignedBytes tables;
  std::vector<DriverSlot> driver_slots;
  std::vector<DeviceSlot> device_slots;
  std::vector<typename Layout::TableEntry> copies;
  std::vector<Piece> pieces;
  std::vector<Region> regions;
  RegionTable table;
  Driver driver;
  Device device;

 private:
  std::unique_ptr<Map> make_map() {
    if constexpr (Map::kLooksUp) {
      for (std::size_t i = 0; i < 3; ++i) {
        regions.push_back({kPartAddress[i], memory.parts[i].size(), memory.parts[i].data()});
      }
      regions.push_back({kTablesAddress, tables.size(), tables.data()});
      regions.push_back({kArenaAddress, arena.size(), arena.data()});
      REQUIRE(RegionTable::make(regions, table) == SetupError::none);
      return std::make_unique<Map>(table);
    } else {
      return nullptr;
    }
  }

  std::unique_ptr<Map> map_;
};

/// The sizes that the suite runs over; `most` leaves the big ones out where a test takes the square
/// of the size.
template <class Layout>
[[nodiscard]] std::vector<std::uint32_t> sizes(std::uint32_t most = kMaxQueueSize) {
  std::vector<std::uint32_t> all = kIsSplit<Layout>
                                       ? std::vector<std::uint32_t>{1, 2, 4, 256, 32768}
                                       : std::vector<std::uint32_t>{1, 2, 3, 7, 256, 1000, 32768};
  std::erase_if(all, [most](std::uint32_t size) { return size > most; });
  return all;
}

/// The features that the suite runs over.
[[nodiscard]] inline std::vector<Features> all_features() {
  std::vector<Features> all;
  for (unsigned bits = 0; bits < 8; ++bits) {
    all.push_back({.event_idx = (bits & 1U) != 0,
                   .indirect = (bits & 2U) != 0,
                   .in_order = (bits & 4U) != 0});
  }
  return all;
}

/// Runs `body(size, features)` over all of them, with both named in every failure.
template <class Layout, class Body>
void for_each_queue(std::uint32_t most, Body&& body) {
  for (const std::uint32_t size : sizes<Layout>(most)) {
    for (const Features& features : all_features()) {
      CAPTURE(size);
      CAPTURE(features.event_idx);
      CAPTURE(features.indirect);
      CAPTURE(features.in_order);
      body(size, features);
    }
  }
}

}  // namespace bellpull::ring::test
