// SPDX-License-Identifier: BSD-2-Clause
// Regions whose domain and use are types: mapping, lending, giving back.
#include "bellpull/engine/region.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
using Bytes = std::array<std::byte, 64>;

// Through a reference, behind which no compiler follows a region.
template <class R>
std::size_t size_of(const R& region) {
  return region.bytes().size();
}

TEST_CASE("S3.2: a mapping ends with its region, and with nothing else") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  {
    auto mapped = domain.map<read>(memory);
    REQUIRE(mapped);
    CHECK(mapped.region.bytes().data() == memory.data());
    CHECK(mapped.region.bytes().size() == memory.size());
    CHECK(table.size() == 1);
    auto lent = std::move(mapped.region).lend(7);
    CHECK(domain.domain().stats().lent == 1);
    const Region<CopyUnit, read> back = lent.returned(ended(7));
    CHECK(back);
    CHECK(domain.domain().stats().lent == 0);
    CHECK(domain.domain().stats().unmaps == 0);
  }
  CHECK(domain.domain().stats().maps == 1);
  CHECK(domain.domain().stats().unmaps == 1);
  CHECK(table.size() == 0);
}

TEST_CASE("S2.37: a million transfers with the same memory map it once") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto region = domain.map<read_write>(memory).region;
  for (std::uint64_t token = 0; token < 1'000'000; ++token) {
    auto lent = std::move(region).lend(token);
    region = lent.returned(ended(token));
  }
  CHECK(region.bytes().data() == memory.data());
  CHECK(domain.domain().stats().maps == 1);
  CHECK(domain.domain().stats().unmaps == 0);
}

TEST_CASE("a region that was lent or moved from reaches no memory and lends none") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto region = domain.map<read>(memory).region;
  auto lent = std::move(region).lend(1);
  CHECK_FALSE(region);
  CHECK(size_of(region) == 0);
  auto again = std::move(region).lend(2);
  CHECK_FALSE(again);
  CHECK(Source<CopyUnit>(again).segment().length == 0);
  CHECK_FALSE(again.returned(ended(2)));
  CHECK(domain.domain().stats().lent == 1);
  CHECK(Source<CopyUnit>(lent).segment().length == memory.size());
  region = lent.returned(ended(1));
  const auto moved = std::move(region);
  CHECK(size_of(region) == 0);
  CHECK(size_of(moved) == memory.size());
}

TEST_CASE("memory comes back with its own completion, once, whatever the status is") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto region = domain.map<write>(memory).region;
  for (const Status status : {Status::ok, Status::failed, Status::end_of_stream, Status::aborted,
                              Status::not_attempted}) {
    auto lent = std::move(region).lend(5);
    CHECK_FALSE(lent.returned(ended(4, status)));
    CHECK(lent);
    region = lent.returned(ended(5, status));
    CHECK(size_of(region) == memory.size());
    CHECK_FALSE(lent);
    CHECK_FALSE(lent.returned(ended(5, status)));
  }
  CHECK(domain.domain().stats().maps == 1);
}

TEST_CASE("memory that is lent to several transfers comes back with the last of them") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto lent = std::move(domain.map<read>(memory).region).lend(5, 3);
  CHECK_FALSE(lent.returned(ended(5)));
  CHECK_FALSE(lent.returned(ended(6)));  // of another transfer: not counted
  CHECK_FALSE(lent.returned(ended(5, Status::failed)));
  CHECK(domain.domain().stats().lent == 1);
  auto back = lent.returned(ended(5, Status::not_attempted));
  CHECK(back);
  lent = std::move(back).lend(5, 0);
  CHECK(lent.returned(ended(5)));
  CHECK(domain.domain().stats().lent == 0);
}

TEST_CASE("the parts of a region do not overlap, and the last one to go unmaps") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  std::vector<Region<CopyUnit, read_write>> frames;
  auto rest = domain.map<read_write>(memory).region;
  while (size_of(rest) > 16) {
    auto [frame, others] = std::move(rest).split(16);
    frames.push_back(std::move(frame));
    rest = std::move(others);
  }
  frames.push_back(std::move(rest));
  REQUIRE(frames.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(frames[i].bytes().data() == memory.data() + 16 * i);
    CHECK(frames[i].bytes().size() == 16);
  }
  auto lent = std::move(frames[2]).lend(1);
  frames.clear();
  CHECK(domain.domain().stats().unmaps == 0);
  CHECK(lent.returned(ended(1)));  // dropped, and it was the last
  CHECK(domain.domain().stats().unmaps == 1);
}

TEST_CASE("a split at either end leaves one of the regions empty") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto region = domain.map<read>(memory).region;
  for (const std::size_t at : {std::size_t{64}, std::size_t{65}, ~std::size_t{0}}) {
    auto [whole, none] = std::move(region).split(at);
    CHECK(size_of(whole) == 64);
    CHECK_FALSE(none);
    region = std::move(whole);
  }
  auto [none, whole] = std::move(region).split(0);
  CHECK(size_of(whole) == 64);
  CHECK_FALSE(none);
  auto [one, others] = std::move(whole).split(63);
  CHECK(size_of(one) == 63);
  CHECK(size_of(others) == 1);
}

TEST_CASE("a piece names the bytes that it was asked for, or none") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  auto lent = std::move(domain.map<read_write>(memory).region).lend(1);
  const Source<CopyUnit> all(lent);
  CHECK(all.segment().data == memory.data());
  CHECK(all.segment().length == 64);
  CHECK(all.part(16, 32).segment().data == memory.data() + 16);
  CHECK(all.part(16, 32).segment().length == 32);
  CHECK(all.part(16, 32).part(8, 24).segment().data == memory.data() + 24);
  CHECK(all.part(16, 32).part(8, 24).segment().length == 24);
  CHECK(all.part(64, 0).segment().length == 0);
  CHECK(all.part(16, 32).part(8, 25).segment().length == 0);
  CHECK(all.part(65, 0).segment().data == nullptr);
  CHECK(all.part(1, ~std::size_t{0}).segment().length == 0);
  CHECK(all.part(~std::size_t{0}, 1).segment().length == 0);
  CHECK(Destination<CopyUnit>(lent).segment().data == memory.data());
  CHECK(lent.returned(ended(1)));
}

TEST_CASE("S3.8: a chain of five transfers in one domain is lent its memory once and mapped once") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  memory[0] = std::byte{0x5a};
  {
    auto lent = std::move(domain.map<read_write>(memory).region).lend(9, 5);
    const Source<CopyUnit> from(lent);
    const Destination<CopyUnit> to(lent);
    for (std::size_t link = 0; link < 5; ++link) {
      Unit<CopyUnit>::copy(to.part(8 * (link + 1), 8), from.part(8 * link, 8));
    }
    for (unsigned link = 0; link < 4; ++link) CHECK_FALSE(lent.returned(ended(9)));
    CHECK(domain.domain().stats().unmaps == 0);
    const auto back = lent.returned(ended(9));
    CHECK(size_of(back) == 64);
    CHECK(memory[40] == std::byte{0x5a});
    CHECK(memory[48] == std::byte{0});
  }
  CHECK(domain.domain().stats().maps == 1);
  CHECK(domain.domain().stats().unmaps == 1);
}

TEST_CASE("lent memory that is destroyed is counted, and stays with its device") {
  MappingTable table;
  Bytes memory{};
  {
    DomainOf<CopyUnit> domain(table);
    { const auto lent = std::move(domain.map<read>(memory).region).lend(1); }
    CHECK(domain.domain().stats().abandoned == 1);
    CHECK(domain.domain().stats().unmaps == 0);
    auto refused = domain.map<read>(memory);
    CHECK(refused.refusal.error == MappingError::already_mapped);
    // So does memory that another loan takes the place of.
    Bytes other{}, third{};
    auto first = std::move(domain.map<read>(other).region).lend(1);
    first = std::move(domain.map<read>(third).region).lend(2);
    CHECK(domain.domain().stats().abandoned == 2);
    CHECK(first.returned(ended(2)));
    CHECK(domain.domain().stats().unmaps == 1);
  }
  DomainOf<XorUnit> other(table);
  auto refused = other.map<read>(memory);
  CHECK(refused.refusal.error == MappingError::owned_elsewhere);
  CHECK(refused.refusal.holder == "copy unit");
  CHECK(refused.refusal.lent_parts == 1);
}

TEST_CASE("a region that another one is moved over is unmapped") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{}, other{};
  auto region = domain.map<read>(memory).region;
  region = domain.map<read>(other).region;
  CHECK(domain.domain().stats().unmaps == 1);
  CHECK(region.bytes().data() == other.data());
  CHECK(domain.map<read>(memory));
}

}  // namespace
}  // namespace bellpull::engine::test
