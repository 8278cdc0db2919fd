// SPDX-License-Identifier: BSD-2-Clause
// Regions whose domain and use are values: every misuse has an error of its own and changes
// nothing.
#include "bellpull/engine/any_region.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
using Bytes = std::array<std::byte, 64>;

// A mapped region and two domains.
struct Scene {
  explicit Scene(DeviceAccess access = read_write)
      : region(AnyRegion::map(mine, memory, access).region) {}

  // The region is what it was, with the client or lent under token 1.
  void check_unchanged(bool lent) {
    CHECK(mine.stats().lent == (lent ? 1 : 0));
    CHECK(mine.stats().unmaps == 0);
    CHECK(table.size() == 1);
    CHECK(static_cast<bool>(region.bytes()) == !lent);
    if (lent) CHECK(region.returned(ended(1)) == MappingError::none);
    CHECK(region.bytes().value.data() == memory.data());
    CHECK(region.bytes().value.size() == memory.size());
  }

  Bytes memory{};
  MappingTable table;
  Domain mine{table, "mine"};
  Domain other{table, "other"};
  AnyRegion region;
};

TEST_CASE("mapped memory is lent, named to a channel, given back and unmapped") {
  Scene scene;
  AnyRegion& region = scene.region;
  CHECK(region.bytes().value.data() == scene.memory.data());
  REQUIRE(region.lend(1) == MappingError::none);
  for (const DeviceAccess use : {read, write, read_write}) {
    CAPTURE(describe(use));
    const Checked<Segment> piece = region.piece(scene.mine, use);
    CHECK(piece);
    CHECK(piece.value.data == scene.memory.data());
    CHECK(piece.value.length == 64);
  }
  const Checked<Segment> some = region.piece(scene.mine, read, 16, 48);
  CHECK(some);
  CHECK(some.value.data == scene.memory.data() + 16);
  CHECK(some.value.length == 48);
  REQUIRE(region.returned(ended(1, Status::failed)) == MappingError::none);
  REQUIRE(region.unmap() == MappingError::none);
  CHECK(scene.mine.stats().maps == 1);
  CHECK(scene.mine.stats().unmaps == 1);
}

TEST_CASE(
    "use by the client after lending is refused: bytes, a second loan, splitting, unmapping") {
  Scene scene;
  REQUIRE(scene.region.lend(1) == MappingError::none);
  CHECK(scene.region.bytes().error == MappingError::lent);
  CHECK(scene.region.bytes().value.empty());
  CHECK(scene.region.lend(2) == MappingError::lent);
  CHECK(scene.region.split(32).error == MappingError::lent);
  CHECK(scene.region.unmap() == MappingError::lent);
  scene.check_unchanged(true);
}

TEST_CASE("use by a transfer of memory that was not lent is refused") {
  Scene scene;
  CHECK(scene.region.piece(scene.mine, read).error == MappingError::not_lent);
  CHECK(scene.region.piece(scene.mine, read).value.data == nullptr);
  CHECK(scene.region.returned(ended(1)) == MappingError::not_lent);
  scene.check_unchanged(false);
}

TEST_CASE("the wrong domain is refused") {
  Scene scene;
  REQUIRE(scene.region.lend(1) == MappingError::none);
  CHECK(scene.region.piece(scene.other, read).error == MappingError::wrong_domain);
  CHECK(scene.region.piece(scene.other, read).value.data == nullptr);
  CHECK(scene.region.piece(scene.other, write, 0, 1).error == MappingError::wrong_domain);
  scene.check_unchanged(true);
}

TEST_CASE("the wrong direction is refused") {
  const auto allowed = [](DeviceAccess mapped, DeviceAccess use) {
    Scene scene(mapped);
    REQUIRE(scene.region.lend(1) == MappingError::none);
    const Checked<Segment> piece = scene.region.piece(scene.mine, use);
    if (!piece) {
      CHECK(piece.error == MappingError::wrong_access);
      CHECK(piece.value.data == nullptr);
    }
    scene.check_unchanged(true);
    return static_cast<bool>(piece);
  };
  CHECK(allowed(read, read));
  CHECK(allowed(write, write));
  CHECK_FALSE(allowed(read, write));
  CHECK_FALSE(allowed(write, read));
  CHECK_FALSE(allowed(read, read_write));
  CHECK_FALSE(allowed(write, read_write));
}

TEST_CASE("another transfer's completion gives nothing back") {
  Scene scene;
  REQUIRE(scene.region.lend(1) == MappingError::none);
  CHECK(scene.region.returned(ended(2)) == MappingError::wrong_completion);
  CHECK(scene.region.returned(ended(0)) == MappingError::wrong_completion);
  scene.check_unchanged(true);
  CHECK(scene.region.returned(ended(1)) == MappingError::not_lent);
}

TEST_CASE("memory that is lent to several transfers comes back with the last completion") {
  Scene scene;
  REQUIRE(scene.region.lend(1, 3) == MappingError::none);
  CHECK(scene.region.returned(ended(1)) == MappingError::under_way);
  CHECK(scene.region.returned(ended(2)) == MappingError::wrong_completion);
  CHECK(scene.region.returned(ended(1)) == MappingError::under_way);
  scene.check_unchanged(true);
}

TEST_CASE("bytes outside of the region are refused") {
  Scene scene;
  CHECK(scene.region.split(0).error == MappingError::out_of_range);
  CHECK(scene.region.split(64).error == MappingError::out_of_range);
  REQUIRE(scene.region.lend(1) == MappingError::none);
  constexpr std::size_t kMost = ~std::size_t{0};
  struct Range {
    std::size_t offset, length;
  };
  for (const Range& range :
       {Range{0, 65}, {1, 64}, {64, 1}, {65, 0}, {0, 0}, {1, kMost}, {kMost, 1}}) {
    CAPTURE(range.offset);
    CAPTURE(range.length);
    CHECK(scene.region.piece(scene.mine, read, range.offset, range.length).error ==
          MappingError::out_of_range);
  }
  CHECK(scene.region.piece(scene.mine, read, 63, 1).error == MappingError::none);
  scene.check_unchanged(true);
}

TEST_CASE("a region that was unmapped or moved from does nothing") {
  Scene scene;
  const auto check_empty = [&](AnyRegion& region) {
    CHECK(region.bytes().error == MappingError::not_mapped);
    CHECK(region.lend(1) == MappingError::not_mapped);
    CHECK(region.split(1).error == MappingError::not_mapped);
    CHECK(region.piece(scene.mine, read).error == MappingError::not_mapped);
    CHECK(region.returned(ended(1)) == MappingError::not_mapped);
    CHECK(region.unmap() == MappingError::not_mapped);
  };
  AnyRegion never;
  check_empty(never);
  AnyRegion moved = std::move(scene.region);
  check_empty(scene.region);
  REQUIRE(moved.lend(1) == MappingError::none);
  AnyRegion moved_while_lent = std::move(moved);
  check_empty(moved);
  CHECK(scene.mine.stats().lent == 1);
  REQUIRE(moved_while_lent.returned(ended(1)) == MappingError::none);
  REQUIRE(moved_while_lent.unmap() == MappingError::none);
  check_empty(moved_while_lent);
  CHECK(scene.mine.stats().unmaps == 1);
}

TEST_CASE("parts are lent apart, and the last one to go unmaps") {
  Scene scene;
  Checked<AnyRegion> tail = scene.region.split(16);
  REQUIRE(tail);
  CHECK(scene.region.bytes().value.size() == 16);
  CHECK(tail.value.bytes().value.data() == scene.memory.data() + 16);
  CHECK(tail.value.bytes().value.size() == 48);
  REQUIRE(tail.value.lend(1) == MappingError::none);
  CHECK(scene.region.bytes());
  REQUIRE(scene.region.unmap() == MappingError::none);
  CHECK(scene.mine.stats().unmaps == 0);
  REQUIRE(tail.value.returned(ended(1)) == MappingError::none);
  REQUIRE(tail.value.unmap() == MappingError::none);
  CHECK(scene.mine.stats().unmaps == 1);
}

TEST_CASE("a lent region that is destroyed is counted, and stays with its device") {
  Scene scene;
  REQUIRE(scene.region.lend(1) == MappingError::none);
  { const AnyRegion gone = std::move(scene.region); }
  CHECK(scene.mine.stats().abandoned == 1);
  CHECK(scene.mine.stats().unmaps == 0);
  CHECK(AnyRegion::map(scene.other, scene.memory, read).refusal.error ==
        MappingError::owned_elsewhere);
}

TEST_CASE("each error has a text of its own, and the object is named") {
  std::set<std::string> texts;
  for (int error = 0; error <= static_cast<int>(MappingError::out_of_range); ++error) {
    texts.insert(describe(static_cast<MappingError>(error)));
  }
  CHECK(texts.size() == static_cast<std::size_t>(MappingError::out_of_range) + 1);
  CHECK(texts.count("an unknown error") == 0);

  MappingTable table;
  Domain mine(table, "mine");
  AnyRegion region = AnyRegion::map(mine, numbers(0x1000, 4096), write).region;
  const std::string name = "domain 'mine', mapped for writing, 4096 bytes at 0x1000: ";
  CHECK(region.describe(MappingError::not_lent) == name + describe(MappingError::not_lent));
  REQUIRE(region.lend(1) == MappingError::none);
  CHECK(region.describe(MappingError::lent) == name + describe(MappingError::lent));
  REQUIRE(region.returned(ended(1)) == MappingError::none);
  REQUIRE(region.unmap() == MappingError::none);
  CHECK(region.describe(MappingError::not_mapped) == describe(MappingError::not_mapped));
}

}  // namespace
}  // namespace bellpull::engine::test
