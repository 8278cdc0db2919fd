// SPDX-License-Identifier: BSD-2-Clause
// The order of mapping, transfers and unmapping with several domains.
#include <doctest/doctest.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <vector>

#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
using Bytes = std::array<std::byte, 64>;

enum class Step { map_copy, map_xor, run_copy, run_xor, unmap_copy, unmap_xor };
using Steps = std::initializer_list<Step>;

// The client's steps with a stripe of blocks that it lets two channels work on. Both halves of a
// channel's step are done with the region that its own map step made.
struct Replay {
  Replay(Domain& copy_domain, Domain& xor_domain) : domains{&copy_domain, &xor_domain} {}

  MappingError map(unsigned channel) {
    auto mapped = AnyRegion::map(*domains[channel], stripe, read_write);
    regions[channel] = std::move(mapped.region);
    return mapped.refusal.error;
  }
  MappingError run(unsigned channel) {
    if (const MappingError error = regions[channel].lend(channel); error != MappingError::none) {
      return error;
    }
    const auto from = regions[channel].piece(*domains[channel], read, 0, 32);
    const auto to = regions[channel].piece(*domains[channel], write, 32, 32);
    if (!from || !to) return from ? to.error : from.error;
    for (std::size_t i = 0; i < 32; ++i) {
      to.value.data[i] = channel == 0 ? from.value.data[i] : to.value.data[i] ^ from.value.data[i];
    }
    return regions[channel].returned(ended(channel));
  }

  // The number of the first step that is refused, counted from 1; 0: none is.
  unsigned first_refused(Steps steps) {
    unsigned number = 0, first = 0;
    for (const Step step : steps) {
      ++number;
      const MappingError error = step == Step::map_copy     ? map(0)
                                 : step == Step::map_xor    ? map(1)
                                 : step == Step::run_copy   ? run(0)
                                 : step == Step::run_xor    ? run(1)
                                 : step == Step::unmap_copy ? regions[0].unmap()
                                                            : regions[1].unmap();
      errors.push_back(error);
      if (error != MappingError::none && first == 0) first = number;
    }
    return first;
  }

  Bytes stripe{};
  std::array<Domain*, 2> domains;
  std::array<AnyRegion, 2> regions;
  std::vector<MappingError> errors;
};

constexpr Steps kBothMappedFirst = {Step::map_copy,   Step::map_xor, Step::run_copy,
                                    Step::unmap_copy, Step::run_xor, Step::unmap_xor};
constexpr Steps kOneAfterTheOther = {Step::map_copy, Step::run_copy, Step::unmap_copy,
                                     Step::map_xor,  Step::run_xor,  Step::unmap_xor};

TEST_CASE(
    "S3.5: mapping for the second device while the first has the memory is refused, at step 2") {
  MappingTable table;
  Domain copy(table, "copy"), exclusive_or(table, "xor");
  Replay replay(copy, exclusive_or);
  CHECK(replay.first_refused(kBothMappedFirst) == 2);
  using enum MappingError;
  CHECK(replay.errors == std::vector{none, owned_elsewhere, none, none, not_mapped, not_mapped});
  CHECK(copy.stats().maps == 1);
  CHECK(copy.stats().unmaps == 1);
  CHECK(exclusive_or.stats().maps == 0);
  CHECK(exclusive_or.stats().refused == 1);
}

TEST_CASE("S3.5: mapping for the second device after the first was unmapped is in order") {
  MappingTable table;
  Domain copy(table, "copy"), exclusive_or(table, "xor");
  Replay replay(copy, exclusive_or);
  replay.stripe[0] = std::byte{3};
  CHECK(replay.first_refused(kOneAfterTheOther) == 0);
  CHECK(replay.stripe[32] == std::byte{0});  // copied, then added to itself
  for (const Domain* domain : {&copy, &exclusive_or}) {
    CHECK(domain->stats().maps == 1);
    CHECK(domain->stats().unmaps == 1);
    CHECK(domain->stats().refused == 0);
  }
  CHECK(table.size() == 0);
}

TEST_CASE("S3.5: with two channels in one domain a second mapping is refused as needless") {
  MappingTable table;
  Domain both(table, "both");
  Replay replay(both, both);
  CHECK(replay.first_refused(kBothMappedFirst) == 2);
  CHECK(replay.errors[1] == MappingError::already_mapped);
  CHECK(replay.errors[2] == MappingError::none);
}

TEST_CASE("S3.5: the types refuse the same step") {
  MappingTable table;
  DomainOf<CopyUnit> copy(table);
  DomainOf<XorUnit> exclusive_or(table);
  Bytes stripe{};
  auto for_copy = copy.map<read_write>(stripe);
  CHECK(for_copy);
  {
    const auto for_xor = exclusive_or.map<read_write>(stripe);
    CHECK_FALSE(for_xor);
    CHECK_FALSE(for_xor.region);
    CHECK(for_xor.refusal.error == MappingError::owned_elsewhere);
  }
  auto lent = std::move(for_copy.region).lend(1);
  Unit<CopyUnit>::copy(Destination<CopyUnit>(lent).part(32, 32),
                       Source<CopyUnit>(lent).part(0, 32));
  for_copy.region = lent.returned(ended(1));
  for_copy.region = {};
  auto for_xor = exclusive_or.map<read_write>(stripe);
  REQUIRE(for_xor);
  auto lent_too = std::move(for_xor.region).lend(2);
  Unit<XorUnit>::add(Destination<XorUnit>(lent_too).part(32, 32),
                     Source<XorUnit>(lent_too).part(0, 32));
  CHECK(lent_too.returned(ended(2)));
}

TEST_CASE("S3.8: a chain of five maps once in one domain, and once for each change of domain") {
  constexpr std::array<const char*, 3> kNames{"a", "b", "c"};
  for (unsigned assignment = 0; assignment < 243; ++assignment) {
    CAPTURE(assignment);
    MappingTable table;
    std::array<std::unique_ptr<Domain>, 3> domains;
    for (std::size_t i = 0; i < 3; ++i) domains[i] = std::make_unique<Domain>(table, kNames[i]);
    Bytes memory{};
    memory[0] = std::byte{0x11};
    AnyRegion region;
    Domain* where = nullptr;
    std::array<std::uint64_t, 3> expected{};
    for (unsigned link = 0, rest = assignment; link < 5; ++link, rest /= 3) {
      Domain& domain = *domains[rest % 3];
      if (where != &domain) {
        if (where != nullptr) REQUIRE(region.unmap() == MappingError::none);
        auto mapped = AnyRegion::map(domain, memory, read_write);
        REQUIRE(mapped);
        region = std::move(mapped.region);
        where = &domain;
        ++expected[rest % 3];
      }
      REQUIRE(region.lend(link) == MappingError::none);
      const auto from = region.piece(domain, read, link, 1),
                 to = region.piece(domain, write, link + 1, 1);
      REQUIRE((from && to));
      *to.value.data = *from.value.data;
      REQUIRE(region.returned(ended(link)) == MappingError::none);
    }
    REQUIRE(region.unmap() == MappingError::none);
    CHECK(memory[5] == std::byte{0x11});
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(domains[i]->stats().maps == expected[i]);
      CHECK(domains[i]->stats().unmaps == expected[i]);
    }
    if (assignment == 0) CHECK(expected[0] == 1);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
