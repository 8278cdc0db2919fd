// SPDX-License-Identifier: BSD-2-Clause
// How finely a channel tells what is left of a transfer: as its back-end declares, not finer.
#include <doctest/doctest.h>

#include <set>

#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::uint64_t kLength = 100;

// From three segments to four.
struct Lists {
  Bytes from{kLength}, to{kLength};
  std::array<Segment, 3> source{};
  std::array<Segment, 4> destination{};

  Lists() {
    std::byte* const a = from.bytes().data();
    std::byte* const b = to.bytes().data();
    source = {{{a, 50}, {a + 50, 25}, {a + 75, 25}}};
    destination = {{{b, 10}, {b + 10, 30}, {b + 40, 35}, {b + 75, 25}}};
  }
  [[nodiscard]] OperationRequest request(Operation operation) const {
    OperationRequest made{.operation = operation};
    if (reads_source(operation)) made.source = source;
    if (has_destination(operation)) made.destination = destination;
    return made;
  }
};

// What is seen to be left, over all steps, by one who asks after each step of the engine.
[[nodiscard]] std::set<std::uint64_t> seen(Granularity residue, Operation operation,
                                           std::uint32_t burst, unsigned max_segments) {
  const Capabilities limits{.operations = kMemoryOperations,
                            .max_segments = max_segments,
                            .max_length = 1u << 20,
                            .residue = residue,
                            .configurable = true};
  OperationRig rig({}, std::make_unique<LimitedBackend>(limits, CopyOptions{.slice = 5}));
  const Lists lists;
  if (burst != 0) REQUIRE(rig.channel->configure({.burst = burst}));
  REQUIRE(rig.submit(lists.request(operation)) == 1);
  rig.channel->issue();
  std::set<std::uint64_t> left;
  for (int i = 0; i < 1000; ++i) {
    const TransferStatus status = rig.channel->status(1);
    left.insert(status.left);
    if (status.state == TransferState::complete) return left;
    rig.engine.run(1);
  }
  FAIL("it does not end");
  return left;
}

using Values = std::set<std::uint64_t>;

TEST_CASE("S2.10, check 18: what is left is nothing or all where that is declared") {
  for (const unsigned max_segments : {1u, 2u, kMaxSegments}) {
    CAPTURE(max_segments);  // also when the core cuts the transfer up, and could tell more
    CHECK(seen(Granularity::descriptor, Operation::copy, 0, max_segments) == Values{0, 100});
    CHECK(seen(Granularity::descriptor, Operation::crc32c, 5, max_segments) == Values{0, 100});
  }
}

TEST_CASE("S2.10, check 18: what is left goes by segments where that is declared") {
  for (const unsigned max_segments : {1u, 2u, kMaxSegments}) {
    CAPTURE(max_segments);
    CHECK(seen(Granularity::segment, Operation::copy, 0, max_segments) ==
          Values{0, 25, 60, 90, 100});
    CHECK(seen(Granularity::segment, Operation::fill, 0, max_segments) ==
          Values{0, 25, 60, 90, 100});
    CHECK(seen(Granularity::segment, Operation::crc32c, 0, max_segments) == Values{0, 25, 50, 100});
  }
}

TEST_CASE("S2.10, check 18: what is left goes by bursts where that is declared") {
  CHECK(seen(Granularity::burst, Operation::copy, 0, kMaxSegments).size() == 21);  // slices
  const std::set<std::uint64_t> fours = seen(Granularity::burst, Operation::copy, 4, kMaxSegments);
  CHECK(fours.size() == 26);
  for (const std::uint64_t left : fours) CHECK(left % 4 == 0);
  CHECK(seen(Granularity::burst, Operation::crc32c, 3, kMaxSegments).size() == 35);
}

}  // namespace
}  // namespace bellpull::engine::test
