// SPDX-License-Identifier: BSD-2-Clause
// One operation in portions: lists that no ring has room for.
#include "bellpull/engine/chunked_transfer.hpp"

#include <doctest/doctest.h>

#include <random>

#include "operation_rig.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

// Bytes in so many segments with gaps between them, some of them empty.
class Scattered {
 public:
  Scattered(std::size_t size, std::size_t pieces, std::mt19937_64& random)
      : memory_(size + pieces) {
    std::vector<std::size_t> at{0, size};
    for (std::size_t i = 1; i < pieces; ++i) at.push_back(random() % (size + 1));
    std::sort(at.begin(), at.end());
    for (std::size_t i = 0; i < pieces; ++i) {
      list.push_back({memory_.data() + at[i] + i, at[i + 1] - at[i]});
    }
  }

  void set(std::span<const std::byte> bytes) {
    for (const Segment& each : list) {
      std::copy_n(bytes.begin(), each.length, each.data);
      bytes = bytes.subspan(each.length);
    }
  }
  [[nodiscard]] std::vector<std::byte> get() const {
    std::vector<std::byte> bytes;
    for (const Segment& each : list) bytes.insert(bytes.end(), each.data, each.data + each.length);
    return bytes;
  }

  std::vector<Segment> list;

 private:
  std::vector<std::byte> memory_;
};

[[nodiscard]] ChunkedTransfer chunked(OperationRig& rig, const OperationRequest& request) {
  ChunkedResult result = ChunkedTransfer::make(*rig.channel, request);
  REQUIRE(result);
  return std::move(result.transfer);
}

// Submits and issues until it is over.
[[nodiscard]] OperationCompletion finish(OperationRig& rig, ChunkedTransfer& transfer,
                                         unsigned& portions) {
  REQUIRE(transfer.submit().kind == PrepareError::Kind::none);
  for (;;) {
    rig.channel->issue();
    const auto done = rig.collect(1);
    REQUIRE(done.size() == 1);
    ++portions;
    if (const auto end = transfer.take(done[0])) return *end;
  }
}

TEST_CASE("S1.13: ten rings' worth of segments arrives exact, with one completion") {
  const std::uint64_t seed = ring::test::announce_seed("chunked transfers", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend(), {.size = 16});
    std::vector<std::byte> bytes(50'000);
    for (std::byte& each : bytes) each = static_cast<std::byte>(random());
    Scattered from(bytes.size(), 160, random);
    const Scattered to(bytes.size(), 200, random);
    from.set(bytes);
    ChunkedTransfer transfer = chunked(rig, {.operation = Operation::copy_crc32c,
                                             .source = from.list,
                                             .destination = to.list,
                                             .token = 5});
    unsigned portions = 0;
    const OperationCompletion end = finish(rig, transfer, portions);
    CHECK(end.status == Status::ok);
    CHECK(end.token == 5);
    CHECK(end.bytes == 50'000);
    CHECK(end.value == slow_crc32c(0, bytes));
    CHECK(portions >= 20);
    CHECK(to.get() == bytes);
    CHECK_FALSE(transfer.due());
    CHECK(transfer.submit().kind == PrepareError::Kind::none);  // over: nothing happens
    CHECK(rig.channel->in_flight() == 0);
  }
}

TEST_CASE("S1.13: fills, checksums and comparisons go on from one portion to the next") {
  const std::uint64_t seed = ring::test::announce_seed("chunked transfers", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  OperationRig rig({}, make_copy_backend(), {.size = 4});
  std::vector<std::byte> expected(1'000);
  unsigned portions = 0;
  const Scattered memory(expected.size(), 90, random);
  Scattered other(expected.size(), 70, random);
  ChunkedTransfer fill = chunked(rig, {.operation = Operation::fill,
                                       .pattern_bytes = 3,
                                       .pattern = 0x030201,
                                       .destination = memory.list});
  CHECK(finish(rig, fill, portions).status == Status::ok);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::byte>(i % 3 + 1);
  CHECK(memory.get() == expected);
  ChunkedTransfer sum = chunked(rig, {.operation = Operation::crc32c, .source = memory.list});
  CHECK(finish(rig, sum, portions).value == slow_crc32c(0, expected));
  std::vector<std::byte> changed = expected;
  changed[777] = std::byte{9};
  other.set(changed);
  ChunkedTransfer compare = chunked(
      rig, {.operation = Operation::compare, .source = memory.list, .destination = other.list});
  const OperationCompletion end = finish(rig, compare, portions);
  CHECK(end.status == Status::ok);
  CHECK(end.value == 1);
  CHECK(end.bytes == 777);
  CHECK(portions >= 40);
}

TEST_CASE("S1.13: nothing of it moves before issue, nor the next portion before the next issue") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.size = 2});
  std::vector<std::byte> memory(40);
  const std::vector<Segment> list{
      {memory.data(), 8}, {memory.data() + 16, 8}, {memory.data() + 32, 8}};
  ChunkedTransfer transfer = chunked(rig, {.operation = Operation::crc32c, .source = list});
  CHECK(transfer.due());
  REQUIRE(transfer.submit().kind == PrepareError::Kind::none);
  CHECK_FALSE(transfer.due());
  rig.engine.run(64);
  CHECK(hand.started.empty());
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.started.size() == 1);
  hand.end(0);
  const auto done = rig.collect(1);
  REQUIRE(done.size() == 1);
  CHECK_FALSE(transfer.take(done[0]));
  CHECK_FALSE(transfer.take(done[0]));  // that was the portion before
  rig.engine.run(64);
  CHECK(hand.started.size() == 1);
  CHECK(rig.channel->in_flight() == 1);
  rig.channel->issue();
  rig.engine.run(64);
  CHECK(hand.started.size() == 2);
}

TEST_CASE("S1.13: a failure ends it, with its bytes and the segment of the whole list") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.size = 4});
  std::vector<std::byte> memory(200);
  std::vector<Segment> list;
  for (std::size_t i = 0; i < 10; ++i) {
    list.push_back({memory.data() + 20 * i, 8});
    list.push_back({memory.data() + 20 * i, 0});
  }
  ChunkedTransfer transfer =
      chunked(rig, {.operation = Operation::crc32c, .source = list, .token = 3});
  REQUIRE(transfer.submit().kind == PrepareError::Kind::none);
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);
  REQUIRE(hand.held[0].source.size() == 4);
  hand.end(0);
  REQUIRE_FALSE(transfer.take(rig.collect(1).at(0)));
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);
  hand.reports.push_back({.id = hand.held[0].id, .bytes = 16, .error = EFAULT, .segment = 2});
  hand.held.clear();
  const auto end = transfer.take(rig.collect(1).at(0));
  REQUIRE(end);
  CHECK(end->status == Status::failed);
  CHECK(end->error == EFAULT);
  CHECK(end->bytes == 48);
  CHECK(end->segment == 6);
  CHECK(end->token == 3);
  CHECK_FALSE(transfer.due());
  CHECK(rig.channel->in_flight() == 0);
}

TEST_CASE("S1.13: a portion that finds no slots stays due") {
  OperationRig rig({}, make_copy_backend(), {.size = 4});
  std::vector<std::byte> memory(60);
  std::vector<Segment> list;
  for (std::size_t i = 0; i < 6; ++i) list.push_back({memory.data() + 10 * i, 5});
  ChunkedTransfer transfer = chunked(rig, {.operation = Operation::crc32c, .source = list});
  REQUIRE(rig.submit({}) == 1);
  CHECK(transfer.submit().kind == PrepareError::Kind::would_block);
  CHECK(transfer.due());
  rig.channel->issue();
  const auto other = rig.collect(1);
  REQUIRE(other.size() == 1);
  CHECK_FALSE(transfer.take(other[0]));  // not its own
  unsigned portions = 0;
  CHECK(finish(rig, transfer, portions).bytes == 30);
  CHECK(portions == 2);
}

TEST_CASE("S1.13: what breaks a rule is refused before any portion") {
  OperationRig rig({}, make_copy_backend(), {.size = 1});
  Bytes memory(8), other(7);
  const auto refused = [&](const OperationRequest& request) {
    const ChunkedResult result = ChunkedTransfer::make(*rig.channel, request);
    CHECK_FALSE(result);
    return result.error.reason;
  };
  CHECK(refused({.operation = Operation::copy, .source = memory.list()}) ==
        PrepareReason::no_segments);
  CHECK(refused(
            {.operation = Operation::copy, .source = memory.list(), .destination = other.list()}) ==
        PrepareReason::totals_differ);
  // Two slots at least, and the ring has one.
  CHECK(refused({.operation = Operation::copy,
                 .source = memory.list(),
                 .destination = memory.list()}) == PrepareReason::ring_too_small);
  const std::vector<Segment> many(65'536, memory.list()[0]);
  CHECK(refused({.operation = Operation::crc32c, .source = many}) ==
        PrepareReason::too_many_segments);
  CHECK(ChunkedTransfer::make(
      *rig.channel, {.operation = Operation::crc32c, .source = std::span(many).first(65'535)}));
}

}  // namespace
}  // namespace bellpull::engine::test
