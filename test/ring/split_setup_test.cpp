// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "queue_memory.hpp"

namespace bellpull::ring::test {
namespace {

constexpr std::byte kPattern{0xa5};

/// A region with room for a queue of 8 entries at any of the offsets that the cases below use,
/// filled with a pattern, and slots that show whether they were touched.
struct Workbench {
  Workbench() : region(4096, 4096), slots(8, DriverSlot{.token = 42}) {
    std::ranges::fill(region.span(), kPattern);
  }

  [[nodiscard]] SplitMemory at(std::size_t desc, std::size_t avail, std::size_t used) const {
    SplitMemory memory;
    memory.size = 8;
    memory.desc = reinterpret_cast<vring_desc*>(region.data() + desc);
    memory.avail = reinterpret_cast<vring_avail*>(region.data() + avail);
    memory.used = reinterpret_cast<vring_used*>(region.data() + used);
    return memory;
  }

  [[nodiscard]] bool untouched() const {
    return std::ranges::all_of(region.span(), [](std::byte b) { return b == kPattern; }) &&
           std::ranges::all_of(slots, [](const DriverSlot& slot) {
             return slot.token == 42 && slot.next == 0 && slot.segments == 0 && !slot.offered;
           });
  }

  /// Both halves refuse `memory` with `error` and leave everything as it was.
  void refused(const SplitMemory& memory, SetupError error) {
    SplitDriver<> driver;
    SplitDevice<> device;
    CHECK(driver.attach(memory, slots) == error);
    CHECK(device.attach(memory) == error);
    CHECK(driver.size() == 0);
    CHECK(device.size() == 0);
    CHECK(untouched());
  }

  AlignedBytes region;
  std::vector<DriverSlot> slots;
};

// 8 entries: 128 bytes of descriptors, 22 of available ring, 70 of used ring.

TEST_CASE("sizes that are 0, too large or no power of two are refused by name") {
  struct Row {
    std::uint32_t size;
    SetupError error;
  };
  for (const Row row :
       {Row{0, SetupError::size_zero}, Row{3, SetupError::size_not_power_of_two},
        Row{6, SetupError::size_not_power_of_two}, Row{1000, SetupError::size_not_power_of_two},
        Row{32767, SetupError::size_not_power_of_two}, Row{32769, SetupError::size_too_large},
        Row{65535, SetupError::size_too_large}, Row{65536, SetupError::size_too_large},
        Row{0x80000000, SetupError::size_too_large}, Row{0xffffffff, SetupError::size_too_large}}) {
    CAPTURE(row.size);
    Workbench bench;
    SplitMemory memory = bench.at(0, 128, 256);
    memory.size = row.size;
    bench.refused(memory, row.error);

    SplitMemory placed;
    CHECK(place_split(bench.region.data(), 4096, row.size, placed) == row.error);
    CHECK(placed.size == 0);
    CHECK(placed.desc == nullptr);
    CHECK(bench.untouched());
  }
}

TEST_CASE("every power of two from 1 to 32768 attaches and has all its descriptors free") {
  for (std::uint32_t size = 1; size <= kMaxQueueSize; size *= 2) {
    CAPTURE(size);
    Pair pair(size);
    CHECK(pair.attached);
    CHECK(pair.driver.size() == size);
    CHECK(pair.device.size() == size);
    CHECK(pair.driver.free_descriptors() == size);
    CHECK(pair.device.refresh() == 0);
    CHECK(pair.driver.poll(1, [](const Used&) {}) == 0);
  }
}

TEST_CASE("a part without memory is refused") {
  Workbench bench;
  const SplitMemory good = bench.at(0, 128, 256);
  SplitMemory memory = good;
  memory.desc = nullptr;
  bench.refused(memory, SetupError::null_part);
  memory = good;
  memory.avail = nullptr;
  bench.refused(memory, SetupError::null_part);
  memory = good;
  memory.used = nullptr;
  bench.refused(memory, SetupError::null_part);

  SplitMemory placed;
  CHECK(place_split(nullptr, 4096, 8, placed) == SetupError::null_part);
  CHECK(placed.size == 0);
}

TEST_CASE("a descriptor table off 16, an available ring off 2 or a used ring off 4 is refused") {
  Workbench bench;
  for (const std::size_t off : {1U, 2U, 4U, 8U, 15U}) {
    bench.refused(bench.at(off, 256, 512), SetupError::misaligned_part);
  }
  bench.refused(bench.at(0, 257, 512), SetupError::misaligned_part);
  for (const std::size_t off : {1U, 2U, 3U}) {
    bench.refused(bench.at(0, 256, 512 + off), SetupError::misaligned_part);
  }
  SplitMemory placed;
  CHECK(place_split(bench.region.data() + 8, 4000, 8, placed) == SetupError::misaligned_part);
  CHECK(placed.size == 0);
  CHECK(bench.untouched());
}

TEST_CASE("parts with just the alignment that is demanded attach") {
  Workbench bench;
  std::ranges::fill(bench.region.span(), std::byte{0});
  const SplitMemory memory = bench.at(16, 258, 516);
  SplitDriver<> driver;
  SplitDevice<> device;
  CHECK(driver.attach(memory, bench.slots) == SetupError::none);
  CHECK(device.attach(memory) == SetupError::none);
}

TEST_CASE("parts that share a byte are refused, parts that touch are not") {
  Workbench bench;
  // One byte (or as few as alignment lets) shared, from either side, for each of the three pairs.
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

TEST_CASE("a region that ends one byte early is refused, one that just fits is not") {
  for (std::uint32_t size = 1; size <= 1024; size *= 2) {
    CAPTURE(size);
    const std::size_t needed = split_offsets(size).end;
    const AlignedBytes region(needed);
    std::ranges::fill(region.span(), kPattern);
    SplitMemory memory;
    CHECK(place_split(region.data(), 0, size, memory) == SetupError::memory_too_short);
    CHECK(place_split(region.data(), needed - 1, size, memory) == SetupError::memory_too_short);
    CHECK(memory.size == 0);
    CHECK(memory.desc == nullptr);
    CHECK(place_split(region.data(), needed, size, memory) == SetupError::none);
    CHECK(memory.size == size);
    // Placing looks at addresses only.
    CHECK(std::ranges::all_of(region.span(), [](std::byte b) { return b == kPattern; }));
  }
}

TEST_CASE("a driver half with one private slot too few is refused, with a spare one it attaches") {
  Workbench bench;
  const SplitMemory memory = bench.at(0, 128, 256);
  SplitDriver<> driver;
  const std::span<DriverSlot> all(bench.slots);
  CHECK(driver.attach(memory, all.first(7)) == SetupError::slots_too_few);
  CHECK(driver.attach(memory, {}) == SetupError::slots_too_few);
  CHECK(driver.size() == 0);
  CHECK(bench.untouched());

  std::ranges::fill(bench.region.span(), std::byte{0});
  std::vector<DriverSlot> nine(9, DriverSlot{.token = 42});
  CHECK(driver.attach(memory, nine) == SetupError::none);
  CHECK(nine[8].token == 42);
  CHECK(driver.free_descriptors() == 8);
}

TEST_CASE("a refused attach leaves a half that is attached as it was") {
  Pair pair(4);
  REQUIRE(pair.attached);
  REQUIRE(pair.offer_one(5) == 0);
  SplitMemory wrong = pair.memory.split;
  wrong.size = 3;
  CHECK(pair.driver.attach(wrong, pair.slots) == SetupError::size_not_power_of_two);
  CHECK(pair.device.attach(wrong) == SetupError::size_not_power_of_two);
  pair.driver.publish();
  REQUIRE(pair.device.refresh() == 1);
  pair.device.complete(pair.take_one().head, 0);
  pair.device.publish();
  std::uint64_t token = 0;
  CHECK(pair.driver.poll(1, [&](const Used& used) { token = used.token; }) == 1);
  CHECK(token == 5);
}

TEST_CASE("halves that are attached anew to cleared memory start from nothing") {
  Pair pair(4);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 7; ++i) {
    REQUIRE(pair.offer_one(i) != kNoHead);
    static_cast<void>(pair.driver.publish_and_test());
    pair.device.refresh();
    pair.device.complete(i == 3 ? std::uint16_t{77} : pair.take_one().head, 0);
    if (i == 3) pair.device.complete(pair.take_one().head, 0);
    static_cast<void>(pair.device.publish_and_test());
    pair.driver.poll(4, [](const Used&) {});
  }
  CHECK(pair.driver.bad_used() == 1);
  REQUIRE(pair.offer_one(9) != kNoHead);

  for (const auto part :
       {pair.memory.desc_bytes(), pair.memory.avail_bytes(), pair.memory.used_bytes()}) {
    std::ranges::fill(part, std::byte{0});
  }
  REQUIRE(pair.driver.attach(pair.memory.split, pair.slots) == SetupError::none);
  REQUIRE(pair.device.attach(pair.memory.split) == SetupError::none);
  CHECK(pair.driver.bad_used() == 0);
  CHECK(pair.driver.free_descriptors() == 4);
  CHECK(pair.device.in_flight() == 0);
  CHECK(pair.device.ready() == 0);
  REQUIRE(pair.offer_one(1) == 0);
  CHECK_FALSE(pair.driver.publish_and_test());
  REQUIRE(pair.device.refresh() == 1);
  pair.device.complete(pair.take_one().head, 0);
  CHECK_FALSE(pair.device.publish_and_test());
  CHECK(pair.driver.poll(1, [](const Used&) {}) == 1);
}

TEST_CASE("every set-up error has a phrase of its own in one line") {
  std::set<std::string> phrases;
  for (unsigned i = 0; i <= static_cast<unsigned>(SetupError::slots_too_few); ++i) {
    const std::string phrase = describe(static_cast<SetupError>(i));
    CHECK_FALSE(phrase.empty());
    CHECK(phrase.find('\n') == std::string::npos);
    phrases.insert(phrase);
  }
  CHECK(phrases.size() == static_cast<unsigned>(SetupError::slots_too_few) + 1);
  CHECK(std::string(describe(static_cast<SetupError>(200))) == "unknown set-up error");
}

}  // namespace
}  // namespace bellpull::ring::test
