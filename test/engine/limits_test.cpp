// SPDX-License-Identifier: BSD-2-Clause
// Random requests against random limits: taken if and only if they keep all of them.
#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "operation_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;
using Reason = PrepareReason;

// Nothing is moved in these tests, so segments may lie anywhere.
[[nodiscard]] Segment at(std::uint64_t address, std::uint64_t length) {
  return {reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address)),
          static_cast<std::size_t>(length)};
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  [[nodiscard]] bool one_in(std::uint64_t times) { return below(times) == 0; }

 private:
  std::mt19937_64 engine_;
};

[[nodiscard]] Capabilities random_limits(Random& random, OperationSet operations) {
  const std::uint32_t alignment = 1u << random.below(5);
  return {.operations = operations,
          .max_segments = static_cast<unsigned>(1 + random.below(6)),
          .max_length = static_cast<std::uint32_t>(alignment * (1 + random.below(400))),
          .alignment = alignment,
          .address_mask = random.one_in(3) ? ~std::uint64_t{0}
                                           : (std::uint64_t{1} << (20 + random.below(20))) - 1};
}

// Mostly right, and wrong in one way now and then.
[[nodiscard]] Segment random_segment(Random& random, const Capabilities& limits) {
  const std::uint64_t unit = limits.alignment;
  std::uint64_t address = 0x10000 + unit * random.below(1000);
  std::uint64_t length = unit * (1 + random.below(40));
  switch (random.below(24)) {
    case 0:
      address = 0;
      break;
    case 1:
      length = 0;
      break;
    case 2:
      address += 1 + random.below(8);
      break;
    case 3:
      length += 1 + random.below(8);
      break;
    case 4:
      address = (limits.address_mask - random.below(400)) / unit * unit;
      break;
    case 5:
      address = std::numeric_limits<std::uint64_t>::max() - random.below(64);
      break;
    default:
      break;
  }
  return at(address, length);
}

// All the rules that a segment breaks, one by one, from what is declared: the oracle.
[[nodiscard]] std::set<Reason> broken_by(const Segment& segment, const Capabilities& limits) {
  std::set<Reason> broken;
  const std::uint64_t address = reinterpret_cast<std::uintptr_t>(segment.data);
  const std::uint64_t last = address + segment.length - 1;
  if (segment.data == nullptr) broken.insert(Reason::segment_without_memory);
  if (last < address) broken.insert(Reason::segment_wraps);
  if (last > limits.address_mask) broken.insert(Reason::address_out_of_reach);
  if (address % limits.alignment != 0) broken.insert(Reason::address_misaligned);
  if (segment.length % limits.alignment != 0) broken.insert(Reason::length_misaligned);
  return broken;
}

// The verdict of prepare is right: none if no rule is broken, otherwise one that is.
[[nodiscard]] bool right(const PrepareError& error, const std::set<Reason>& broken) {
  if (broken.empty()) return error.kind == Kind::none && error.reason == Reason::none;
  return error.kind != Kind::none && broken.contains(error.reason);
}

TEST_CASE("S0.5: a stream takes a random request if and only if it keeps all random limits") {
  const std::uint64_t seed = ring::test::announce_seed("random limits", 5);
  CAPTURE(seed);
  Random random(seed);
  std::set<Reason> seen;
  for (std::uint64_t world = 0; world < scaled(500); ++world) {
    const bool writes = random.one_in(2);
    const Capabilities limits =
        random_limits(random, {writes ? Operation::read : Operation::write});
    Hand hand;
    Engine engine({});
    const auto channel =
        engine.open_stream({.size = 16}, std::make_unique<HandBackend>(hand, limits));
    for (int i = 0; i < 100; ++i) {
      std::vector<Segment> list(random.below(limits.max_segments + 2));
      std::set<Reason> broken;
      std::uint64_t total = 0;
      for (Segment& segment : list) {
        segment = random_segment(random, limits);
        total += segment.length;
        if (segment.length == 0) {
          broken.insert(segment.data == nullptr ? Reason::segment_without_memory
                                                : Reason::segment_without_length);
        } else {
          broken.merge(broken_by(segment, limits));
        }
      }
      if (list.empty()) broken.insert(Reason::no_segments);
      if (list.size() > limits.max_segments) broken.insert(Reason::too_many_segments);
      if (total > limits.max_length) broken.insert(Reason::too_long);
      const Request request{list, 0};
      const PrepareResult result = channel->prepare({&request, 1});
      CAPTURE(describe(result.error.reason));
      REQUIRE(right(result.error, broken));
      if (result.error.kind == Kind::bad_request && !list.empty()) {
        CHECK(result.error.side == (writes ? Side::destination : Side::source));
        REQUIRE(result.error.segment < list.size());
      }
      seen.insert(result.error.reason);
    }
  }
  CHECK(seen.size() == 10);
}

TEST_CASE("S0.5: an operation is taken if and only if it keeps all random limits") {
  const std::uint64_t seed = ring::test::announce_seed("random limits", 6);
  CAPTURE(seed);
  Random random(seed);
  std::set<Reason> seen;
  for (std::uint64_t world = 0; world < scaled(500); ++world) {
    OperationSet operations{Operation::copy};
    for (const Operation each : {Operation::nop, Operation::fill, Operation::crc32c,
                                 Operation::copy_crc32c, Operation::compare}) {
      if (!random.one_in(3)) operations = operations | OperationSet{each};
    }
    const Capabilities limits = random_limits(random, operations);
    Hand hand;
    OperationRig rig({}, std::make_unique<HandBackend>(hand, limits));
    for (int i = 0; i < 100; ++i) {
      std::set<Reason> broken;
      const auto operation = static_cast<Operation>(random.below(10));
      OperationRequest request{.operation = operation, .shorter = random.one_in(4)};
      request.pattern_bytes = static_cast<std::uint8_t>(random.below(12));
      const bool known = static_cast<unsigned>(operation) < kOperations;
      std::array<std::vector<Segment>, 2> lists;
      for (std::vector<Segment>& list : lists) {
        list.resize(random.below(5));
        for (Segment& segment : list) segment = random_segment(random, limits);
      }
      // What the operation does not need is there now and then, and two lists are equal usually.
      if (known && !reads_source(operation) && !random.one_in(20)) lists[0].clear();
      if (known && !has_destination(operation) && !random.one_in(20)) lists[1].clear();
      const bool both = known && reads_source(operation) && has_destination(operation);
      if (both && !random.one_in(3)) lists[1] = lists[0];
      std::array<std::uint64_t, 2> totals{};
      for (unsigned side = 0; side < 2; ++side) {
        for (const Segment& segment : lists[side]) {
          totals[side] += segment.length;
          if (segment.length != 0) broken.merge(broken_by(segment, limits));
        }
        if (!known) continue;
        const bool wanted = side == 0 ? reads_source(operation) : has_destination(operation);
        if (wanted && lists[side].empty()) broken.insert(Reason::no_segments);
        if (!wanted && !lists[side].empty()) {
          broken.insert(side == 0 ? Reason::source_unexpected : Reason::destination_unexpected);
        }
      }
      request.source = lists[0];
      request.destination = lists[1];
      if (!known) broken = {Reason::operation_unknown};
      if (known && !operations.contains(operation)) broken.insert(Reason::operation_not_supported);
      if (both && totals[0] != totals[1] && !request.shorter) broken.insert(Reason::totals_differ);
      const std::uint64_t length =
          both ? std::min(totals[0], totals[1]) : std::max(totals[0], totals[1]);
      if (known && operation != Operation::nop && length == 0) broken.insert(Reason::zero_length);
      if (operation == Operation::fill &&
          (request.pattern_bytes == 0 || request.pattern_bytes > 8)) {
        broken.insert(Reason::pattern_bytes);
      }
      const PrepareResult result = rig.channel->prepare({&request, 1});
      CAPTURE(describe(result.error.reason));
      CAPTURE(static_cast<unsigned>(operation));
      REQUIRE(right(result.error, broken));
      seen.insert(result.error.reason);
    }
  }
  CHECK(seen.size() == 14);
}

TEST_CASE("S0.5, S1.4: an address mask that cannot be is refused when a channel is opened") {
  Engine engine({});
  Hand hand;
  for (const std::uint64_t mask : {std::uint64_t{0}, std::uint64_t{0xff00}, std::uint64_t{2}}) {
    const Capabilities limits{
        .operations = {Operation::copy}, .max_length = 16, .address_mask = mask};
    CHECK_THROWS_AS((void)engine.open_operations({}, std::make_unique<HandBackend>(hand, limits)),
                    std::invalid_argument);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
