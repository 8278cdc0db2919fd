// SPDX-License-Identifier: BSD-2-Clause
// Bad requests are refused at prepare, each with its own reason, and take nothing.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>

#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;
using Reason = PrepareReason;

const std::array<std::byte, 256> kMemory{};

[[nodiscard]] Segment piece(std::size_t at, std::size_t length) {
  return {const_cast<std::byte*>(kMemory.data()) + at, length};
}

struct Bad {
  const char* name;
  OperationRequest request;
  Reason reason;
  Side side = Side::source;
  std::uint32_t segment = 0;
  Kind kind = Kind::bad_request;
};

TEST_CASE(
    "S1.4, S0.5, S2.3: each kind of bad request, forty of them, has its own reason, segment and "
    "side") {
  alignas(16) static std::array<std::byte, 256> aligned{};
  const auto at = [](std::size_t offset, std::size_t length) {
    return Segment{aligned.data() + offset, length};
  };
  const std::size_t most = std::numeric_limits<std::uint32_t>::max();
  const std::array good{at(0, 16), at(32, 16)};
  const std::array longer{at(0, 16), at(32, 32)};
  const std::array null{at(0, 16), Segment{nullptr, 16}};
  const std::array wraps{at(0, 16),
                         Segment{aligned.data(), std::numeric_limits<std::size_t>::max()}};
  const std::array crooked{at(0, 16), at(33, 16)};
  const std::array odd{at(0, 16), at(32, 17)};
  const std::array empty{at(0, 0), at(32, 0)};
  const std::array huge{at(0, 16), at(32, most + 1)};
  const std::array sum{at(0, 16), at(32, most - 31), at(0, 16)};
  const std::array far{at(0, 16), Segment{reinterpret_cast<std::byte*>(1ULL << 52), 16}};
  const std::vector<Segment> many(kMaxSegments + 1, at(0, 16));
  const auto request = [](Operation operation, std::span<const Segment> source,
                          std::span<const Segment> destination) {
    OperationRequest made{.operation = operation};
    made.source = source;
    made.destination = destination;
    return made;
  };
  const auto with_pattern = [&](std::uint8_t bytes) {
    OperationRequest made = request(Operation::fill, {}, good);
    made.pattern_bytes = bytes;
    return made;
  };
  constexpr auto kCopy = Operation::copy;
  constexpr auto kTo = Side::destination;
  const std::vector<Bad> all{
      {"unknown", request(static_cast<Operation>(8), good, good), Reason::operation_unknown},
      {"far", request(static_cast<Operation>(255), good, good), Reason::operation_unknown},
      {"read", request(Operation::read, {}, good), Reason::operation_not_supported},
      {"write", request(Operation::write, good, {}), Reason::operation_not_supported},
      {"compare", request(Operation::compare, good, good), Reason::operation_not_supported},
      {"copy from nothing", request(kCopy, {}, good), Reason::no_segments},
      {"copy to nothing", request(kCopy, good, {}), Reason::no_segments, kTo},
      {"fill nothing", request(Operation::fill, {}, {}), Reason::no_segments, kTo},
      {"sum of nothing", request(Operation::crc32c, {}, {}), Reason::no_segments},
      {"fill from", request(Operation::fill, good, good), Reason::source_unexpected},
      {"nop from", request(Operation::nop, good, {}), Reason::source_unexpected},
      {"nop to", request(Operation::nop, {}, good), Reason::destination_unexpected, kTo},
      {"sum to", request(Operation::crc32c, good, good), Reason::destination_unexpected, kTo},
      {"null from", request(kCopy, null, good), Reason::segment_without_memory, Side::source, 1},
      {"null to", request(kCopy, good, null), Reason::segment_without_memory, kTo, 1},
      {"wraps from", request(kCopy, wraps, good), Reason::segment_wraps, Side::source, 1},
      {"wraps to", request(kCopy, good, wraps), Reason::segment_wraps, kTo, 1},
      {"crooked from", request(kCopy, crooked, good), Reason::address_misaligned, Side::source, 1},
      {"crooked to", request(kCopy, good, crooked), Reason::address_misaligned, kTo, 1},
      {"odd from", request(kCopy, odd, good), Reason::length_misaligned, Side::source, 1},
      {"odd to", request(kCopy, good, odd), Reason::length_misaligned, kTo, 1},
      {"longer from", request(kCopy, longer, good), Reason::totals_differ, kTo},
      {"longer to", request(kCopy, good, longer), Reason::totals_differ, kTo},
      {"empty copy", request(kCopy, empty, empty), Reason::zero_length},
      {"empty fill", request(Operation::fill, {}, empty), Reason::zero_length},
      {"empty sum", request(Operation::crc32c, empty, {}), Reason::zero_length},
      {"no pattern", with_pattern(0), Reason::pattern_bytes},
      {"long pattern", with_pattern(9), Reason::pattern_bytes},
      {"huge from", request(kCopy, huge, good), Reason::too_long, Side::source, 1, Kind::too_large},
      {"huge to", request(kCopy, good, huge), Reason::too_long, kTo, 1, Kind::too_large},
      {"sum", request(kCopy, sum, good), Reason::too_long, Side::source, 2, Kind::too_large},
      {"far from", request(kCopy, far, good), Reason::address_out_of_reach, Side::source, 1},
      {"far to", request(kCopy, good, far), Reason::address_out_of_reach, kTo, 1},
      {"many from", request(kCopy, many, good), Reason::too_many_segments, Side::source,
       kMaxSegments, Kind::too_large},
      {"many to", request(kCopy, good, many), Reason::too_many_segments, kTo, kMaxSegments,
       Kind::too_large},
      {"copy and sum", request(Operation::copy_crc32c, good, good),
       Reason::operation_not_supported},
      {"fill null", request(Operation::fill, {}, null), Reason::segment_without_memory, kTo, 1},
      {"fill crooked", request(Operation::fill, {}, crooked), Reason::address_misaligned, kTo, 1},
      {"fill far", request(Operation::fill, {}, far), Reason::address_out_of_reach, kTo, 1},
      {"sum wraps", request(Operation::crc32c, wraps, {}), Reason::segment_wraps, Side::source, 1},
      {"sum odd", request(Operation::crc32c, odd, {}), Reason::length_misaligned, Side::source, 1},
  };
  CHECK(all.size() >= 40);
  const Capabilities limits{
      .operations = {Operation::nop, Operation::copy, Operation::fill, Operation::crc32c},
      .max_segments = 4,
      .max_length = 1u << 20,
      .alignment = 16,
      .address_mask = (std::uint64_t{1} << 52) - 1};
  OperationRig rig({}, std::make_unique<LimitedBackend>(limits));
  OperationRequest fine = request(kCopy, good, good);
  for (const Bad& bad : all) {
    CAPTURE(bad.name);
    // Behind a good one, so that its place in the batch shows.
    const std::array batch{fine, bad.request};
    const PrepareError error = rig.channel->post(batch);
    CHECK(error.kind == bad.kind);
    CHECK(describe(error.reason) == std::string(describe(bad.reason)));
    CHECK(error.request == 1);
    CHECK(error.segment == bad.segment);
    CHECK(error.side == bad.side);
    CHECK(rig.channel->free_slots() == 256);
    CHECK(rig.channel->in_flight() == 0);
  }
  fine.source = fine.destination = std::span(good).first(1);
  REQUIRE(rig.submit(fine) != 0);  // the channel goes on
  rig.channel->issue();
  CHECK(rig.collect(1).size() == 1);
}

TEST_CASE("S1.4: every reason has a text of its own that says what to do") {
  std::set<std::string> texts;
  for (unsigned i = 0; i <= static_cast<unsigned>(Reason::operation_not_supported); ++i) {
    texts.insert(describe(static_cast<Reason>(i)));
  }
  CHECK(texts.size() == static_cast<unsigned>(Reason::operation_not_supported) + 1);
  CHECK(texts.count(describe(static_cast<Reason>(200))) == 0);
}

TEST_CASE("S1.6, S1.8: would_block says how much is missing, too_large comes at once (check 7)") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.size = 8});
  const std::array two{piece(0, 8), piece(16, 8)};
  OperationRequest copy{.operation = Operation::copy};
  copy.source = copy.destination = two;  // 4 slots
  REQUIRE(rig.submit(copy) == 1);
  const std::array three{piece(0, 8), piece(16, 4), piece(32, 4)};
  OperationRequest six{.operation = Operation::copy};
  six.source = six.destination = three;
  const PrepareError later = rig.channel->post({&six, 1});
  CHECK(later.kind == Kind::would_block);
  CHECK(later.needed == 6);
  CHECK(later.free == 4);
  CHECK(later.reason == Reason::slots_in_use);
  const std::array batch{six, copy};
  const PrepareError never = rig.channel->post(batch);
  CHECK(never.kind == Kind::too_large);
  CHECK(never.max == 8);
  CHECK(never.reason == Reason::ring_too_small);
  CHECK(rig.channel->free_slots() == 4);
}

TEST_CASE("S1.6: who waits for slots is told once, when there are as many") {
  int told = 0;
  const Notify bell{[](void* context) noexcept { ++*static_cast<int*>(context); }, &told};
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand), {.size = 8});
  const OperationRequest nop{};
  for (int i = 0; i < 8; ++i) REQUIRE(rig.submit(nop) != 0);
  rig.channel->issue();
  CHECK_FALSE(rig.channel->notify_space(9, bell));
  CHECK(rig.channel->notify_space(6, bell));
  std::array<OperationCompletion, 8> done;
  for (unsigned free = 1; free <= 8; ++free) {
    rig.engine.run(8);
    hand.end(0);
    rig.engine.run(8);
    CHECK(told == (free > 6 ? 1 : 0));  // not before it is polled
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(told == (free >= 6 ? 1 : 0));
  }
  CHECK(hand.started.size() == 8);            // waiting began nothing
  CHECK(rig.channel->notify_space(8, bell));  // there already
  CHECK(told == 2);
  REQUIRE(rig.submit(nop) != 0);
  CHECK(rig.channel->notify_space(8, bell));
  CHECK(rig.channel->notify_space(0, bell));  // taken back
  rig.channel->terminate();
  CHECK(rig.channel->poll(done) == 1);
  CHECK(told == 2);
}

TEST_CASE("S1.2, S1.3: prepared transfers that are dropped give all their slots back") {
  std::mt19937_64 random(7);
  for (const OperationSetting& setting : kOperationSettings) {
    OperationRig rig(setting, make_copy_backend(), {.size = 64});
    std::vector<Prepared> kept;
    std::size_t slots = 0;
    std::vector<std::size_t> each;
    for (int i = 0; i < 20'000; ++i) {
      if (!kept.empty() && random() % 2 == 0) {
        const std::size_t at = random() % kept.size();
        slots -= each[at];
        kept.erase(kept.begin() + static_cast<long>(at));
        each.erase(each.begin() + static_cast<long>(at));
      } else {
        const std::array list{piece(0, 8), piece(8, 0), piece(16, 8), piece(32, 8)};
        const std::size_t count = 1 + random() % 4;
        OperationRequest copy{.operation = Operation::copy};
        copy.source = copy.destination = std::span(list).first(count);
        PrepareResult result = rig.channel->prepare({&copy, 1});
        const std::size_t needs = 2 * (count - (count > 1 ? 1 : 0));
        CHECK(static_cast<bool>(result) == (slots + needs <= 64));
        if (!result) continue;
        kept.push_back(std::move(result.prepared));
        each.push_back(needs);
        slots += needs;
      }
      REQUIRE(rig.channel->free_slots() == 64 - slots);
    }
    kept.clear();
    CHECK(rig.channel->free_slots() == 64);
  }
}

TEST_CASE("S2.9: opening refuses what cannot be, and says why") {
  Engine engine({});
  Hand hand;
  const auto open = [&](const Capabilities& limits) {
    return engine.open_operations({}, std::make_unique<HandBackend>(hand, limits));
  };
  CHECK_THROWS_AS((void)engine.open_operations({}, nullptr), std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {}, .max_segments = 1, .max_length = 1}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {Operation::copy, Operation::read}, .max_length = 1}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {Operation::copy}, .max_segments = 0, .max_length = 1}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {Operation::copy}, .max_length = 8, .alignment = 3}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {Operation::copy}, .max_length = 8, .alignment = 16}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)open({.operations = {Operation::copy}, .max_length = 0}),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)engine.open_stream({}, make_copy_backend()), std::invalid_argument);
  CHECK(open({.operations = {Operation::copy}, .max_length = 16, .alignment = 16}) != nullptr);
}

}  // namespace
}  // namespace bellpull::engine::test
