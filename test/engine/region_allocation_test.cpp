// SPDX-License-Identifier: BSD-2-Clause
// In the program that counts allocations.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <new>

#include "counted_allocation.hpp"
#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;

TEST_CASE("S0.19: lending, naming and giving back mapped memory allocate nothing") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  std::array<std::byte, 64> memory{}, more{};
  auto region = domain.map<read_write>(memory).region;
  auto any = AnyRegion::map(domain.domain(), more, read_write).region;
  const std::uint64_t before = allocations();
  std::uint64_t wrong = 0;
  for (std::size_t left = memory.size(); left > 8; --left) {
    auto [head, tail] = std::move(region).split(1);
    wrong += head.bytes().size() == 1 ? 0 : 1;
    region = std::move(tail);
  }
  for (std::uint64_t token = 0; token < 100'000; ++token) {
    auto lent = std::move(region).lend(token);
    wrong += Source<CopyUnit>(lent).part(4, 4).segment().length == 4 ? 0 : 1;
    wrong += lent.returned(ended(token + 1)) ? 1 : 0;
    region = lent.returned(ended(token));
    wrong += region.bytes().size() == 8 ? 0 : 1;

    wrong += any.lend(token) == MappingError::none ? 0 : 1;
    wrong += any.piece(domain.domain(), write, 1, 2) ? 0 : 1;
    wrong += any.unmap() == MappingError::lent ? 0 : 1;
    wrong += any.returned(ended(token)) == MappingError::none ? 0 : 1;
  }
  CHECK(allocations() == before);
  CHECK(wrong == 0);
}

TEST_CASE("memory that cannot be mapped for want of memory is not mapped") {
  MappingTable table;
  DomainOf<CopyUnit> domain(table);
  std::array<std::byte, 64> memory{};
  std::int64_t failures = 0;
  for (bool mapped = false; !mapped; ++failures) {
    fail_allocation(failures);
    try {
      const auto answer = domain.map<read>(memory);
      mapped = static_cast<bool>(answer);
    } catch (const std::bad_alloc&) {
    }
    fail_allocation(-1);
    CHECK(table.size() == 0);
  }
  CHECK(failures > 1);
  CHECK(domain.domain().stats().maps == 1);
  CHECK(domain.domain().stats().unmaps == 1);
}

}  // namespace
}  // namespace bellpull::engine::test
