// SPDX-License-Identifier: BSD-2-Clause
// Which bytes may be mapped: overlapping ranges, the ends of the address space, names of domains,
// threads.
#include "bellpull/engine/mapping_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
using Bytes = std::array<std::byte, 64>;

TEST_CASE("a domain has a name, which is that of no other domain of its table") {
  MappingTable table, elsewhere;
  CHECK_THROWS_WITH_AS(Domain(table, ""), "open mapping domain: the name is empty; give it one",
                       std::invalid_argument);
  const DomainOf<CopyUnit> domain(table);
  CHECK(domain.domain().name() == "copy unit");
  CHECK_THROWS_WITH_AS(DomainOf<CopyUnit>{table},
                       "open mapping domain 'copy unit': the table has a domain of this name "
                       "already; use that one, or another name",
                       std::invalid_argument);
  CHECK_NOTHROW(DomainOf<CopyUnit>{elsewhere});
}

TEST_CASE("the name of a domain is free again when nothing is mapped in it any more") {
  MappingTable table;
  Bytes memory{};
  { const DomainOf<CopyUnit> unused(table); }
  Region<CopyUnit, read> region;
  {
    DomainOf<CopyUnit> domain(table);
    region = domain.map<read>(memory).region;
  }
  CHECK_THROWS_WITH_AS(DomainOf<CopyUnit>{table},
                       "open mapping domain 'copy unit': the table has a domain of this name in "
                       "which memory is still mapped; unmap it first, or use another name",
                       std::invalid_argument);
  region = {};
  CHECK(table.size() == 0);
  CHECK_NOTHROW(DomainOf<CopyUnit>{table});
}

TEST_CASE("S3.1: any byte in common is refused, whether a transfer has it or not, until unmapped") {
  MappingTable table;
  Domain first(table, "first"), second(table, "second");
  struct Case {
    std::uintptr_t address;
    std::size_t length;
    bool overlaps;
  };
  for (const Case& c : {Case{0x1000, 0x1000, true}, Case{0x1fff, 1, true}, Case{0x1000, 1, true},
                        Case{0xfff, 2, true}, Case{0, 0x5000, true}, Case{0x1800, 0x10, true},
                        Case{0x1fff, 2, true}, Case{0x2000, 1, false}, Case{0xfff, 1, false},
                        Case{0, 0x1000, false}}) {
    CAPTURE(c.address);
    CAPTURE(c.length);
    for (const bool lent : {false, true}) {
      auto held = AnyRegion::map(first, numbers(0x1000, 0x1000), read).region;
      if (lent) REQUIRE(held.lend(1) == MappingError::none);
      const auto check = [&](Domain& domain, MappingError error, bool with_device) {
        const auto mapped = AnyRegion::map(domain, numbers(c.address, c.length), read);
        CHECK(mapped.refusal.error == (c.overlaps ? error : MappingError::none));
        if (c.overlaps) CHECK(mapped.refusal.lent_parts == (with_device ? 1 : 0));
      };
      check(second, MappingError::owned_elsewhere, lent);
      check(first, MappingError::already_mapped, lent);
      if (lent) REQUIRE(held.returned(ended(1)) == MappingError::none);
      check(second, MappingError::owned_elsewhere, false);
      REQUIRE(held.unmap() == MappingError::none);
      CHECK(AnyRegion::map(second, numbers(c.address, c.length), read));
    }
  }
}

TEST_CASE("a region may begin at address 0, and may end with the address space, but not wrap") {
  constexpr std::uintptr_t kTop = ~std::uintptr_t{0};
  MappingTable table;
  Domain domain(table, "domain"), other(table, "other");
  auto low = AnyRegion::map(domain, numbers(0, 4096), read_write);
  REQUIRE(low);
  REQUIRE(low.region.bytes());
  CHECK(low.region.bytes().value.data() == nullptr);
  CHECK(low.region.bytes().value.size() == 4096);
  REQUIRE(low.region.lend(1) == MappingError::none);
  const auto piece = low.region.piece(domain, write);
  CHECK(piece);
  CHECK(piece.value.data == nullptr);
  CHECK(piece.value.length == 4096);
  CHECK(low.region.returned(ended(1)) == MappingError::none);
  CHECK(AnyRegion::map(other, numbers(0, 1), read).refusal.error == MappingError::owned_elsewhere);
  CHECK(AnyRegion::map(other, numbers(4095, 1), read).refusal.error ==
        MappingError::owned_elsewhere);

  const auto high = AnyRegion::map(domain, numbers(kTop - 4095, 4096), read);
  REQUIRE(high);
  CHECK(AnyRegion::map(other, numbers(kTop, 1), read).refusal.error ==
        MappingError::owned_elsewhere);
  CHECK(AnyRegion::map(other, numbers(kTop - 5000, 4096), read).refusal.error ==
        MappingError::owned_elsewhere);
  CHECK(AnyRegion::map(other, numbers(kTop - 4096, 1), read));

  const auto refusal_of = [&](std::uintptr_t address, std::size_t length) {
    return AnyRegion::map(other, numbers(address, length), read).refusal.error;
  };
  CHECK(refusal_of(kTop - 4095, 4097) == MappingError::wraps);
  CHECK(refusal_of(kTop, 2) == MappingError::wraps);
  CHECK(refusal_of(1, kTop) == MappingError::owned_elsewhere);  // it ends with the address space
  CHECK(refusal_of(2, kTop) == MappingError::wraps);
  CHECK(refusal_of(0x10000, 0) == MappingError::no_bytes);
  CHECK(refusal_of(0, 0) == MappingError::no_bytes);
  CHECK(other.stats().refused == 10);
}

TEST_CASE("what is mapped is what a model of single bytes says") {
  constexpr std::size_t kWorld = 96;
  for (const std::uintptr_t base : {std::uintptr_t{0}, ~std::uintptr_t{0} - (kWorld - 1)}) {
    MappingTable table;
    std::vector<std::unique_ptr<Domain>> domains;
    for (const char* name : {"a", "b", "c"})
      domains.push_back(std::make_unique<Domain>(table, name));
    struct Held {
      AnyRegion region;
      std::size_t first, length;
    };
    std::vector<Held> held;
    std::array<int, kWorld> owner;  // of each byte: a domain, or -1
    owner.fill(-1);
    std::mt19937_64 random(20);
    std::array<std::uint64_t, 4> seen{};
    for (unsigned round = 0; round < 100'000; ++round) {
      if (random() % 3 == 0 && !held.empty()) {
        const std::size_t which = random() % held.size();
        REQUIRE(held[which].region.unmap() == MappingError::none);
        std::fill_n(owner.begin() + static_cast<std::ptrdiff_t>(held[which].first),
                    held[which].length, -1);
        std::swap(held[which], held.back());
        held.pop_back();
        continue;
      }
      const std::size_t first = random() % kWorld;
      const std::size_t length = 1 + random() % std::min<std::size_t>(12, kWorld - first);
      const auto domain = static_cast<int>(random() % 3);
      std::set<int> owners(owner.begin() + static_cast<std::ptrdiff_t>(first),
                           owner.begin() + static_cast<std::ptrdiff_t>(first + length));
      owners.erase(-1);
      auto mapped = AnyRegion::map(*domains[static_cast<std::size_t>(domain)],
                                   numbers(base + first, length), read);
      // Which of several mappings in the way is named is left open.
      const MappingError error = mapped.refusal.error;
      if (owners.empty()) {
        REQUIRE(error == MappingError::none);
        std::fill_n(owner.begin() + static_cast<std::ptrdiff_t>(first), length, domain);
        held.push_back({std::move(mapped.region), first, length});
      } else if (owners.size() == 1) {
        REQUIRE(error == (owners.count(domain) != 0 ? MappingError::already_mapped
                                                    : MappingError::owned_elsewhere));
      } else {
        REQUIRE((error == MappingError::already_mapped || error == MappingError::owned_elsewhere));
      }
      REQUIRE(table.size() == held.size());
      ++seen[owners.size()];
    }
    for (const std::uint64_t count : seen) CHECK(count > 50);
  }
}

TEST_CASE("a refusal says what was tried, on what, what is in the way and what to do") {
  MappingTable table;
  Domain copy(table, "copy"), exclusive_or(table, "xor");
  auto held = AnyRegion::map(copy, numbers(0x10000, 4096), read_write).region;
  const MapRefusal refusal = AnyRegion::map(exclusive_or, numbers(0x10f00, 512), read).refusal;
  CHECK(
      describe(refusal) ==
      "domain 'xor', 512 bytes at 0x10f00: map: a mapping in another domain has some of the bytes, "
      "and they belong to that domain's devices until the client unmaps them; unmap there first, "
      "or "
      "use channels of one domain and map once (in the way: 4096 bytes at 0x10000 in domain "
      "'copy', "
      "of which transfers have 0 parts)");
  CHECK(
      describe(AnyRegion::map(copy, numbers(0x20000, 0), read).refusal) ==
      "domain 'copy', 0 bytes at 0x20000: map: there are no bytes in the range; map at least one");
}

TEST_CASE("the parts of one mapping may be with different threads") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  Bytes memory{};
  constexpr unsigned kRounds = 300;
  for (unsigned round = 0; round < kRounds; ++round) {
    auto [left, right] = std::move(domain.map<read_write>(memory).region).split(32);
    const auto use = [](Region<CopyUnit, read_write> part) {
      for (std::uint64_t token = 0; token < 20; ++token) {
        part.bytes()[0] = std::byte{1};
        auto lent = std::move(part).lend(token);
        part = lent.returned(ended(token));
      }
    };
    std::thread other(use, std::move(left));
    use(std::move(right));
    other.join();
    memory.fill(std::byte{0});  // as the client may, after the last part is gone
  }
  CHECK(domain.domain().stats().maps == kRounds);
  CHECK(domain.domain().stats().unmaps == kRounds);
  CHECK(domain.domain().stats().lent == 0);
}

TEST_CASE("of two threads that map the same bytes for two domains, never both have them") {
  MappingTable table;
  Bytes memory{};
  std::uint64_t owned = 0;  // plain, as are the bytes: only a mapping keeps the threads apart
  std::array<std::uint64_t, 2> mapped{};
  const auto strive = [&](const char* name, std::uint64_t& count) {
    Domain domain(table, name);
    for (unsigned tries = 0; tries < 20'000; ++tries) {
      if (auto answer = AnyRegion::map(domain, memory, read_write)) {
        ++owned;
        ++count;
      }
    }
  };
  std::thread other(strive, "other", std::ref(mapped[1]));
  strive("one", mapped[0]);
  other.join();
  CHECK(owned == mapped[0] + mapped[1]);
  CHECK(owned > 0);
  CHECK(table.size() == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
