// SPDX-License-Identifier: BSD-2-Clause
// Lists that are not equally long: refused, unless as many bytes as the shorter one has were asked
// for.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bellpull/engine/chunked_transfer.hpp"
#include "operation_rig.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

// Memory in random segments, some of them empty.
struct List {
  List(std::mt19937_64& random, std::size_t length, std::byte value) : bytes(length + 1, value) {
    for (std::size_t at = 0; at < length;) {
      const std::size_t size = std::min<std::size_t>(random() % 40, length - at);
      segments.push_back({bytes.data() + at, size});
      at += size;
    }
    for (std::size_t i = 0; i < length; ++i) bytes[i] ^= static_cast<std::byte>(random() % 251);
  }
  std::vector<std::byte> bytes;
  std::vector<Segment> segments;
};

struct Case {
  Case(std::mt19937_64& random, std::size_t a, std::size_t b)
      : from(random, a, std::byte{1}), to(random, b, std::byte{0x80}), common(std::min(a, b)) {}
  [[nodiscard]] OperationRequest request(Operation operation, bool shorter) const {
    OperationRequest made{.operation = operation, .shorter = shorter, .seed = 7};
    made.source = from.segments;
    made.destination = to.segments;
    return made;
  }
  // What the destination has to be after a copy.
  [[nodiscard]] std::vector<std::byte> expected() const {
    std::vector<std::byte> bytes = to.bytes;
    std::copy_n(from.bytes.begin(), common, bytes.begin());
    return bytes;
  }
  List from, to;
  std::size_t common;
};

void check_copies(OperationRig& rig, std::mt19937_64& random, Operation operation) {
  Case one(random, 1 + random() % 700, 1 + random() % 700);
  const std::vector<std::byte> expected = one.expected();
  const bool equal = one.from.bytes.size() == one.to.bytes.size();
  const PrepareError strict = [&] {
    const OperationRequest request = one.request(operation, false);
    return rig.channel->prepare({&request, 1}).error;
  }();
  CHECK(strict.reason == (equal ? PrepareReason::none : PrepareReason::totals_differ));
  REQUIRE(rig.submit(one.request(operation, true)) != 0);
  rig.channel->issue();
  const auto done = rig.collect(1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].status == Status::ok);
  CHECK(done[0].bytes == one.common);
  CHECK(one.to.bytes == expected);
  if (operation == Operation::copy_crc32c) {
    CHECK(done[0].value == slow_crc32c(7, std::span(one.from.bytes).first(one.common)));
  }
  CHECK(rig.channel->free_slots() == rig.channel->size());
}

TEST_CASE("S1.1, S2.17: totals agree, unless the shorter one was asked for: then no byte more") {
  const std::uint64_t seed = ring::test::announce_seed("shorter lists", 1);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const unsigned segments : {1u, 3u, kMaxSegments}) {
    const Capabilities limits{
        .operations = kMemoryOperations, .max_segments = segments, .max_length = 1000};
    for (const OperationSetting& setting : kOperationSettings) {
      CAPTURE(describe(setting));
      OperationRig rig(setting, std::make_unique<LimitedBackend>(limits));
      for (int i = 0; i < 100; ++i) {
        check_copies(rig, random, i % 2 == 0 ? Operation::copy : Operation::copy_crc32c);
      }
    }
  }
}

TEST_CASE("S2.17: a comparison of the shorter length looks at no byte behind it") {
  std::mt19937_64 random(2);
  OperationRig rig({}, make_copy_backend());
  for (const auto& [a, b] : {std::pair{300u, 200u}, std::pair{200u, 300u}}) {
    Case one(random, a, b);
    std::copy_n(one.from.bytes.begin(), 200, one.to.bytes.begin());
    REQUIRE(rig.submit(one.request(Operation::compare, true)) != 0);
    rig.channel->issue();
    const auto done = rig.collect(1);
    REQUIRE(done.size() == 1);
    CHECK(done[0].value == 0);
    CHECK(done[0].bytes == 200);
  }
}

TEST_CASE("S2.17: the shorter length takes only the slots it needs, and none is refused") {
  Bytes memory(64);
  std::byte* const at = memory.bytes().data();
  const std::array many{Segment{at, 8}, Segment{at + 8, 8}, Segment{at + 16, 8},
                        Segment{at + 24, 8}};
  const Segment few{at + 40, 9}, none{at + 50, 0};
  OperationRig rig({}, make_copy_backend(), {.size = 4});
  OperationRequest copy{.operation = Operation::copy, .shorter = true};
  copy.source = many;
  copy.destination = {&few, 1};
  REQUIRE(rig.submit(copy) == 1);  // two of the source's segments, one of the destination's
  CHECK(rig.channel->free_slots() == 1);
  rig.channel->issue();
  REQUIRE(rig.collect(1).at(0).bytes == 9);
  copy.destination = {&none, 1};
  CHECK(rig.channel->post({&copy, 1}).reason == PrepareReason::zero_length);
  // Where there is one list, there is nothing shorter.
  OperationRequest fill{.operation = Operation::fill, .shorter = true};
  fill.destination = many;
  REQUIRE(rig.submit(fill) == 2);
  rig.channel->issue();
  CHECK(rig.collect(1).at(0).bytes == 32);
}

TEST_CASE("S2.17: reusable and chunked transfers take the shorter length, too") {
  std::mt19937_64 random(3);
  Case one(random, 500, 900);
  const std::vector<std::byte> expected = one.expected();
  OperationRig rig({}, make_copy_backend(), {.size = 128});
  ReusableResult reusable = rig.channel->prepare_reusable(one.request(Operation::copy, true));
  REQUIRE(reusable);
  REQUIRE(rig.channel->submit(reusable.transfer) != 0);
  rig.channel->issue();
  CHECK(rig.collect(1).at(0).bytes == 500);
  CHECK(one.to.bytes == expected);

  std::fill(one.to.bytes.begin(), one.to.bytes.begin() + 500, std::byte{});
  OperationRig small({}, make_copy_backend(), {.size = 4});
  ChunkedResult chunked = ChunkedTransfer::make(*small.channel, one.request(Operation::copy, true));
  REQUIRE(chunked);
  REQUIRE(chunked.transfer.submit().kind == PrepareError::Kind::none);
  for (int i = 0; i < 1000; ++i) {
    small.channel->issue();
    const auto end = chunked.transfer.take(small.collect(1).at(0));
    if (!end) continue;
    CHECK(end->bytes == 500);
    CHECK(one.to.bytes == expected);
    return;
  }
  FAIL("it does not end");
}

}  // namespace
}  // namespace bellpull::engine::test
