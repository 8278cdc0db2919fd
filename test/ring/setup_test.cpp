// SPDX-License-Identifier: BSD-2-Clause
// What is refused when a queue is attached, by the name of the rule, and that nothing was touched.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "queue_pair.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::byte kPattern{0xa5};

/// A region with room for a queue of 8 entries at any of the offsets that the cases below use,
/// filled with a pattern, and slots that show whether they were touched.
template <class Layout>
struct Workbench {
  Workbench() { std::ranges::fill(region.span(), kPattern); }

  [[nodiscard]] typename Layout::Memory at(std::size_t first, std::size_t second,
                                           std::size_t third) const {
    return memory_at<Layout>(8, region.data() + first, region.data() + second,
                             region.data() + third);
  }

  [[nodiscard]] bool untouched() const {
    return std::ranges::all_of(region.span(), [](std::byte b) { return b == kPattern; }) &&
           std::ranges::all_of(slots, [](const DriverSlot& slot) {
             return slot.token == 42 && slot.next == 0 && slot.slots == 0;
           });
  }

  /// Both halves refuse `memory` with `error` and leave everything as it was.
  void refused(const typename Layout::Memory& memory, SetupError error) {
    Driver<Layout> driver;
    Device<Layout> device;
    CHECK(driver.attach(memory, {.slots = slots}) == error);
    CHECK(device.attach(memory) == error);
    CHECK_FALSE(driver.attached());
    CHECK_FALSE(device.attached());
    CHECK(untouched());
  }

  AlignedBytes region{4096, 4096};
  std::vector<DriverSlot> slots = std::vector<DriverSlot>(8, DriverSlot{.token = 42});
};

/// A size and what becomes of it.
struct SizeRow {
  std::uint32_t size;
  SetupError split;
  SetupError packed;
};
constexpr SetupError kPower = SetupError::size_not_power_of_two;
constexpr SetupError kLarge = SetupError::size_too_large;
constexpr std::array kSizeRows = {SizeRow{0, SetupError::size_zero, SetupError::size_zero},
                                  SizeRow{3, kPower, SetupError::none},
                                  SizeRow{6, kPower, SetupError::none},
                                  SizeRow{17, kPower, SetupError::none},
                                  SizeRow{1000, kPower, SetupError::none},
                                  SizeRow{32767, kPower, SetupError::none},
                                  SizeRow{32769, kLarge, kLarge},
                                  SizeRow{65535, kLarge, kLarge},
                                  SizeRow{65536, kLarge, kLarge},
                                  SizeRow{0x80000000, kLarge, kLarge},
                                  SizeRow{0xffffffff, kLarge, kLarge}};

TEST_CASE_TEMPLATE("check 2: sizes that are 0, too large or, split, no power of two are refused",
                   Layout, Split, Packed) {
  for (const SizeRow& row : kSizeRows) {
    CAPTURE(row.size);
    const SetupError error = kIsSplit<Layout> ? row.split : row.packed;
    CHECK(Layout::check_size(row.size) == error);
    if (error == SetupError::none) continue;
    Workbench<Layout> bench;
    auto memory = bench.at(0, 128, 256);
    memory.size = row.size;
    bench.refused(memory, error);
    typename Layout::Memory placed;
    CHECK(Layout::place(bench.region.data(), 4096, row.size, placed) == error);
    CHECK(placed.size == 0);
    CHECK(placed.desc == nullptr);
    CHECK(bench.untouched());
  }
}

TEST_CASE_TEMPLATE("check 2: every size that the layout allows attaches, all descriptors free", K,
                   BELLPULL_KINDS) {
  for (std::uint32_t size = 1; size <= kMaxQueueSize; size += size < 70 ? 1 : size / 3) {
    const bool allowed = !kIsSplit<typename K::Layout> || std::has_single_bit(size);
    CHECK((K::Layout::check_size(size) == SetupError::none) == allowed);
    if (!allowed) continue;
    CAPTURE(size);
    Pair<K> pair(size);
    REQUIRE(pair.attach() == SetupError::none);
    CHECK(pair.driver.size() == size);
    CHECK(pair.device.size() == size);
    CHECK(pair.driver.free_descriptors() == size);
    CHECK(pair.device.refresh() == 0);
    CHECK(pair.poll().empty());
  }
  for (const std::uint32_t size : sizes<typename K::Layout>()) {
    Pair<K> pair(size);
    CHECK(pair.attach() == SetupError::none);
  }
}

TEST_CASE_TEMPLATE("check 3: a part without memory is refused", Layout, Split, Packed) {
  Workbench<Layout> bench;
  for (unsigned part = 0; part < 3; ++part) {
    const auto at = [&](unsigned i) {
      return i == part ? nullptr : bench.region.data() + 256 * std::size_t{i};
    };
    bench.refused(memory_at<Layout>(8, at(0), at(1), at(2)), SetupError::null_part);
  }
  typename Layout::Memory placed;
  CHECK(Layout::place(nullptr, 4096, 8, placed) == SetupError::null_part);
  CHECK(placed.size == 0);
}

TEST_CASE_TEMPLATE("check 3: parts off 16, 2 and 4 bytes (split) or 16, 4 and 4 are refused",
                   Layout, Split, Packed) {
  Workbench<Layout> bench;
  for (std::size_t off = 1; off < 16; ++off) {
    bench.refused(bench.at(off, 256, 512), SetupError::misaligned_part);
  }
  const std::size_t driver_area = kIsSplit<Layout> ? 2 : 4;
  for (std::size_t off = 1; off < driver_area; ++off) {
    bench.refused(bench.at(0, 256 + off, 512), SetupError::misaligned_part);
  }
  for (std::size_t off = 1; off < 4; ++off) {
    bench.refused(bench.at(0, 256, 512 + off), SetupError::misaligned_part);
  }
  typename Layout::Memory placed;
  CHECK(Layout::place(bench.region.data() + 8, 4000, 8, placed) == SetupError::misaligned_part);
  CHECK(placed.size == 0);
  CHECK(bench.untouched());

  // Just the alignment that is demanded is enough.
  std::ranges::fill(bench.region.span(), std::byte{0});
  const auto memory = bench.at(16, 256 + driver_area, 516);
  Driver<Layout> driver;
  Device<Layout> device;
  CHECK(driver.attach(memory, {.slots = bench.slots}) == SetupError::none);
  CHECK(device.attach(memory) == SetupError::none);
}

TEST_CASE_TEMPLATE("check 3: a part that goes on past the end of the address space is refused",
                   Layout, Split, Packed) {
  Workbench<Layout> bench;
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  auto* const last = reinterpret_cast<std::byte*>(~std::uintptr_t{0} - 15);
  bench.refused(memory_at<Layout>(8, last, bench.region.data(), bench.region.data() + 256),
                SetupError::part_wraps);
}

TEST_CASE("check 3: split parts that share a byte are refused, parts that touch are not") {
  Workbench<Split> bench;
  // 8 entries: 128 bytes of descriptors, 22 of available ring, 70 of used ring. One byte (or as few
  // as alignment lets) shared, from either side, for each of the three pairs.
  bench.refused(bench.at(0, 126, 512), SetupError::overlapping_parts);
  bench.refused(bench.at(16, 0, 512), SetupError::overlapping_parts);
  bench.refused(bench.at(0, 512, 124), SetupError::overlapping_parts);
  bench.refused(bench.at(64, 512, 0), SetupError::overlapping_parts);
  bench.refused(bench.at(512, 0, 20), SetupError::overlapping_parts);
  bench.refused(bench.at(512, 68, 0), SetupError::overlapping_parts);
  bench.refused(bench.at(0, 0, 512), SetupError::overlapping_parts);
  bench.refused(bench.at(0, 32, 512), SetupError::overlapping_parts);

  CHECK(check_split(bench.at(0, 128, 152)) == SetupError::none);
  CHECK(check_split(bench.at(32, 10, 160)) == SetupError::none);    // 10 + 22 = 32
  CHECK(check_split(bench.at(96, 224, 24)) == SetupError::none);    // 24 + 70 <= 96
  CHECK(check_split(bench.at(512, 70, 0)) == SetupError::none);     // 0 + 70 = 70
  CHECK(check_split(bench.at(512, 102, 124)) == SetupError::none);  // 102 + 22 = 124
}

TEST_CASE("check 3: packed parts that share a byte are refused, parts that touch are not") {
  Workbench<Packed> bench;  // 128 bytes of descriptors, 4 of each event word
  bench.refused(bench.at(0, 124, 512), SetupError::overlapping_parts);
  bench.refused(bench.at(0, 512, 0), SetupError::overlapping_parts);
  bench.refused(bench.at(0, 512, 512), SetupError::overlapping_parts);
  bench.refused(bench.at(16, 16, 512), SetupError::overlapping_parts);
  CHECK(check_packed(bench.at(0, 128, 132)) == SetupError::none);
  CHECK(check_packed(bench.at(16, 12, 8)) == SetupError::none);
  CHECK(check_packed(bench.at(16, 144, 12)) == SetupError::none);
}

TEST_CASE_TEMPLATE("check 3: a region that ends one byte early is refused, one that fits is not",
                   Layout, Split, Packed) {
  for (const std::uint32_t size : sizes<Layout>(1000)) {
    CAPTURE(size);
    const std::size_t needed = Layout::bytes(size);
    const AlignedBytes region(needed);
    std::ranges::fill(region.span(), kPattern);
    typename Layout::Memory memory;
    CHECK(Layout::place(region.data(), 0, size, memory) == SetupError::memory_too_short);
    CHECK(Layout::place(region.data(), needed - 1, size, memory) == SetupError::memory_too_short);
    CHECK(memory.size == 0);
    CHECK(memory.desc == nullptr);
    CHECK(Layout::place(region.data(), needed, size, memory) == SetupError::none);
    CHECK(memory.size == size);
    CHECK(Layout::check(memory) == SetupError::none);
    // Placing looks at addresses only.
    CHECK(std::ranges::all_of(region.span(), [](std::byte b) { return b == kPattern; }));
  }
}

TEST_CASE_TEMPLATE("check 3: a queue that the peer's regions do not hold in one piece is refused",
                   Layout, Split, Packed) {
  const std::uint32_t size = 4;
  const AlignedBytes memory(4096, 4096);
  std::array regions = {Region{0x1000, 1024, memory.data()},
                        Region{0x1400, 1024, memory.data() + 2048}};
  RegionTable table;
  REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  const auto locate = [&](std::uint64_t desc, std::uint64_t driver_area, std::uint64_t device_area,
                          typename Layout::Memory& found) {
    if constexpr (kIsSplit<Layout>) {
      return locate_split(table, size, desc, driver_area, device_area, found);
    } else {
      return locate_packed(table, size, desc, driver_area, device_area, found);
    }
  };
  typename Layout::Memory found;
  CHECK(locate(0x1000, 0x1100, 0x1400, found) == SetupError::none);
  CHECK(reinterpret_cast<std::byte*>(found.desc) == memory.data());
  typename Layout::Memory none;
  CHECK(locate(0x13f0, 0x1100, 0x1400, none) == SetupError::part_unmapped);  // over both
  CHECK(locate(0x17d0, 0x1100, 0x1400, none) == SetupError::part_unmapped);  // past the end
  CHECK(locate(0x0ff0, 0x1100, 0x1400, none) == SetupError::part_unmapped);  // before the start
  CHECK(locate(0x1000, 0x13fe, 0x1400, none) == SetupError::part_unmapped);
  CHECK(locate(0x1000, 0x1100, 0x17fe, none) == SetupError::part_unmapped);
  CHECK(locate(0x1008, 0x1100, 0x1400, none) == SetupError::misaligned_part);
  CHECK(locate(0x1000, 0x1000, 0x1400, none) == SetupError::overlapping_parts);
  CHECK(locate(~std::uint64_t{0} - 15, 0x1100, 0x1400, none) == SetupError::part_unmapped);
  CHECK(none.size == 0);
}

TEST_CASE_TEMPLATE("private slots, one too few: refused; with a spare one: attached", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(8, {.indirect = true, .in_order = true});
  pair.driver_slots.resize(7);
  CHECK(pair.attach_driver() == SetupError::slots_too_few);
  pair.driver_slots.assign(9, DriverSlot{.token = 42});
  CHECK(pair.attach_driver() == SetupError::none);
  CHECK(pair.driver_slots[8].token == 42);
  CHECK(pair.driver.free_descriptors() == 8);
  pair.device_slots.resize(7);
  CHECK(pair.attach_device() == SetupError::slots_too_few);
  pair.features.in_order = false;
  CHECK((pair.attach_device() == SetupError::none) == !K::Trust::kChecks);
  pair.device_slots.resize(9);
  CHECK(pair.attach_device() == SetupError::none);
}

TEST_CASE_TEMPLATE("room for indirect tables, one entry too little: refused", K, BELLPULL_KINDS) {
  Pair<K> pair(8, {.indirect = true});
  pair.copies.resize(7);
  CHECK(pair.attach_device() == SetupError::indirect_room);
  pair.copies.resize(8);
  CHECK(pair.attach_device() == SetupError::none);
  DriverOptions<typename K::Layout> options{.features = pair.features, .slots = pair.driver_slots};
  std::vector<typename K::Layout::TableEntry> entries(72);
  options.indirect = {std::span(entries).first(63), 8};
  CHECK(pair.driver.attach(pair.memory.queue, options) == SetupError::indirect_room);
  options.indirect = {entries, 9};  // longer than the queue: 2.7.5.3.1
  CHECK(pair.driver.attach(pair.memory.queue, options) == SetupError::indirect_room);
  options.indirect = {entries, 8};
  CHECK(pair.driver.attach(pair.memory.queue, options) == SetupError::none);
}

TEST_CASE_TEMPLATE("a device half that looks addresses up and was given no map is refused", K,
                   SplitRegions, SplitUntrusted, PackedRegions, PackedUntrusted) {
  Pair<K> pair(4);
  auto options = pair.device_options();
  options.map = nullptr;
  CHECK(pair.device.attach(pair.memory.queue, options) == SetupError::map_missing);
  CHECK_FALSE(pair.device.attached());
}

TEST_CASE_TEMPLATE("a refused attach leaves a half that is attached as it was", K, BELLPULL_KINDS) {
  Pair<K> pair(4);
  REQUIRE(pair.attach() == SetupError::none);
  REQUIRE(pair.post_one(5) == 0);
  auto wrong = pair.memory.queue;
  wrong.size = 0;
  CHECK(pair.driver.attach(wrong, {.slots = pair.driver_slots}) == SetupError::size_zero);
  CHECK(pair.device.attach(wrong, pair.device_options()) == SetupError::size_zero);
  pair.driver.publish();
  CHECK(pair.drain() == 1);
  const auto back = pair.poll();
  REQUIRE(back.size() == 1);
  CHECK(back[0].token == 5);
}

TEST_CASE("the feature word of the specification and the fields are the same thing") {
  for (unsigned bits = 0; bits < 8; ++bits) {
    const std::uint64_t word = ((bits & 1U) != 0 ? std::uint64_t{1} << 28 : 0) |
                               ((bits & 2U) != 0 ? std::uint64_t{1} << 29 : 0) |
                               ((bits & 4U) != 0 ? std::uint64_t{1} << 35 : 0);
    const Features features = Features::from_bits(word | 0xffff | std::uint64_t{1} << 34);
    CHECK(features.indirect == ((bits & 1U) != 0));
    CHECK(features.event_idx == ((bits & 2U) != 0));
    CHECK(features.in_order == ((bits & 4U) != 0));
    CHECK(features.bits() == word);
  }
}

TEST_CASE("every set-up error and every fault has a phrase of its own in one line") {
  const auto distinct = [](unsigned count, auto describe_one) {
    std::set<std::string> phrases;
    for (unsigned i = 0; i < count; ++i) {
      const std::string phrase = describe_one(i);
      CHECK_FALSE(phrase.empty());
      CHECK(phrase.find('\n') == std::string::npos);
      phrases.insert(phrase);
    }
    CHECK(phrases.size() == count);
    CHECK(std::string(describe_one(200)).substr(0, 8) == "unknown ");
  };
  distinct(static_cast<unsigned>(SetupError::region_too_large) + 1,
           [](unsigned i) { return describe(static_cast<SetupError>(i)); });
  distinct(kChainFaultCount, [](unsigned i) { return describe(static_cast<ChainFault>(i)); });
  distinct(kQueueFaultCount, [](unsigned i) { return describe(static_cast<QueueFault>(i)); });
}

}  // namespace
}  // namespace bellpull::ring::test
