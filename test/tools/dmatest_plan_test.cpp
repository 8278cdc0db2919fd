// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <string_view>

#include "dmatest/plan.hpp"
#include "dmatest/random.hpp"
#include "dmatest/reference.hpp"

using namespace bellpull::tools::dmatest;
using bellpull::engine::Operation;

namespace {

const Shape kShape{.operations = {Operation::nop, Operation::copy, Operation::fill,
                                  Operation::crc32c, Operation::copy_crc32c, Operation::compare},
                   .least = 1,
                   .most = 5000,
                   .segments = 8};

void check_list(const Shape& shape, const Plan& plan, const std::vector<Part>& parts) {
  REQUIRE(!parts.empty());
  CHECK(parts.size() <= shape.segments);
  std::size_t length = 0;
  std::size_t end = 0;
  for (const Part& part : parts) {
    CHECK(part.offset >= end + kGuard);
    CHECK(part.offset % shape.alignment == 0);
    CHECK(part.length % shape.alignment == 0);
    end = part.offset + part.length;
    length += part.length;
  }
  CHECK(length == plan.length);
  CHECK(end + kGuard <= memory_for(shape));
}

}  // namespace

TEST_CASE("every plan keeps to its shape, with guards around every segment") {
  for (const std::size_t alignment : {1u, 8u, 256u}) {
    Shape shape = kShape;
    shape.alignment = alignment;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      Plan plan;
      make_plan(shape, 7, 1, i, plan);
      CAPTURE(describe(plan));
      CHECK(plan.source.empty() != reads_source(plan.operation));
      CHECK(plan.destination.empty() != has_destination(plan.operation));
      if (plan.operation != Operation::nop) {
        CHECK(plan.length >= 1);
        CHECK(plan.length <= std::max(shape.most, alignment));
      }
      if (!plan.source.empty()) check_list(shape, plan, plan.source);
      if (!plan.destination.empty()) check_list(shape, plan, plan.destination);
    }
  }
}

TEST_CASE("plans meet every misalignment, length class and verdict") {
  std::set<std::size_t> misalignments;
  std::set<std::size_t> counts;
  std::set<int> magnitudes;
  int differ = 0;
  int empty_segments = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    Plan plan;
    make_plan(kShape, 7, 0, i, plan);
    for (const Part& part : plan.destination) {
      misalignments.insert(part.offset % kLine);
      empty_segments += part.length == 0 ? 1 : 0;
    }
    counts.insert(plan.destination.size());
    if (plan.length != 0) magnitudes.insert(static_cast<int>(std::bit_width(plan.length)));
    differ += plan.differs_at != plan.length ? 1 : 0;
  }
  CHECK(misalignments.size() == kLine);
  CHECK(counts.size() == kShape.segments + 1);
  CHECK(magnitudes.size() == 13);
  CHECK(differ > 100);
  CHECK(empty_segments > 100);
}

TEST_CASE("a plan depends on seed, thread and iteration alone, and on each of them") {
  Plan fresh;
  Plan used;
  make_plan(kShape, 1, 0, 999, used);
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (unsigned thread = 0; thread < 3; ++thread) {
      for (std::uint64_t i = 0; i < 100; ++i) {
        make_plan(kShape, seed, thread, i, used);
        fresh = Plan{};
        make_plan(kShape, seed, thread, i, fresh);
        CHECK(digest_of(fresh) == digest_of(used));
        CHECK(describe(fresh) == describe(used));
        digests.insert(digest_of(fresh));
      }
    }
  }
  CHECK(digests.size() == 900);
}

TEST_CASE("a plan in words has what it takes to do it again") {
  Plan plan;
  plan.thread = 2;
  plan.iteration = 31;
  plan.operation = Operation::copy_crc32c;
  plan.length = 300;
  plan.source = {{64 + 3, 100}, {300, 200}};
  plan.destination = {{64, 300}};
  plan.seed = 0xab;
  CHECK(describe(plan) ==
        "thread 2, iteration 31, copy_crc32c of 300 bytes, source [100+3, 200+44], destination "
        "[300+0], seed 0x000000ab");
  plan.operation = Operation::compare;
  plan.differs_at = 17;
  CHECK(describe(plan).ends_with(", differs at 17"));
}

TEST_CASE("random bytes: any part can be made again, and any wrong byte is found") {
  const RandomBytes row(11);
  std::array<std::byte, 1500> bytes{};
  for (std::size_t begin = 0; begin < 20; ++begin) {
    for (const std::size_t length : {0u, 1u, 7u, 8u, 9u, 63u, 511u, 512u, 513u, 1400u}) {
      const auto part = std::span(bytes).first(length);
      row.fill(begin, part);
      for (std::size_t i = 0; i < length; ++i) REQUIRE(part[i] == row.at(begin + i));
      CHECK_FALSE(row.mismatch(begin, part));
      for (std::size_t wrong : {std::size_t{0}, length / 2, length - 1}) {
        if (length == 0) continue;
        part[wrong] ^= std::byte{1};
        CHECK(row.mismatch(begin, part) == wrong);
        part[wrong] ^= std::byte{1};
      }
    }
  }
  // No two lines are alike, so what is moved by any distance is found.
  row.fill(0, bytes);
  for (std::size_t shift = 1; shift < 1400; ++shift) {
    REQUIRE(std::memcmp(bytes.data(), bytes.data() + shift, 64) != 0);
  }
}

TEST_CASE("the reference checksum is that of RFC 3720, in one piece or several") {
  const std::string_view digits = "123456789";
  const auto bytes = std::as_bytes(std::span(digits));
  CHECK(reference_crc32c(0, bytes) == 0xE3069283);
  CHECK(reference_crc32c(reference_crc32c(0, bytes.first(4)), bytes.subspan(4)) == 0xE3069283);
  const std::array<std::byte, 32> zeros{};
  CHECK(reference_crc32c(0, zeros) == 0x8A9136AA);
}
