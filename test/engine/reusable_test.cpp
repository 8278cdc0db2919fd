// SPDX-License-Identifier: BSD-2-Clause
// Transfers that are prepared once and submitted any number of times.
#include <doctest/doctest.h>

#include "long_run.hpp"
#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

[[nodiscard]] Reusable reusable(OperationRig& rig, const OperationRequest& request) {
  ReusableResult result = rig.channel->prepare_reusable(request);
  REQUIRE(result);
  REQUIRE(result.transfer);
  return std::move(result.transfer);
}

TEST_CASE("S2.37: a transfer that was prepared once copies anew each time it is submitted") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    OperationRig rig(setting, make_copy_backend(), {.size = 8});
    Bytes source(100), destination(100);
    Reusable transfer = reusable(rig, {.operation = Operation::copy,
                                       .source = source.list(),
                                       .destination = destination.list(),
                                       .token = 7});
    const unsigned rounds = long_run() ? 1'000'000 : 5'000;
    for (unsigned round = 0; round < rounds; ++round) {
      const auto value = static_cast<std::byte>(round * 31 + 1);
      std::fill(source.bytes().begin(), source.bytes().end(), value);
      const Cookie cookie = rig.channel->submit(transfer);
      REQUIRE(cookie == round + 1);
      rig.channel->issue();
      const auto done = rig.collect(1);
      REQUIRE(done.size() == 1);
      REQUIRE(done[0].status == Status::ok);
      REQUIRE(done[0].cookie == cookie);
      REQUIRE(done[0].token == 7);
      REQUIRE(done[0].bytes == 100);
      REQUIRE(destination.bytes() == source.bytes());
    }
  }
}

TEST_CASE("S2.37: it cannot be submitted again while it is in flight, nor to another channel") {
  OperationRig rig({}, make_copy_backend());
  OperationRig other({}, make_copy_backend());
  Reusable transfer = reusable(rig, {});
  CHECK_FALSE(transfer.in_flight());
  CHECK(transfer.slots() == 1);
  CHECK(other.channel->submit(transfer) == 0);
  CHECK(rig.channel->submit(transfer) == 1);
  CHECK(transfer.in_flight());
  CHECK(rig.channel->submit(transfer) == 0);
  rig.channel->issue();
  rig.engine.run(64);
  CHECK(transfer.in_flight());  // over, and not polled
  CHECK(rig.channel->submit(transfer) == 0);
  CHECK(rig.collect(1).size() == 1);
  CHECK_FALSE(transfer.in_flight());
  CHECK(rig.channel->submit(transfer) == 2);
  Reusable nothing;
  CHECK_FALSE(nothing);
  CHECK(rig.channel->submit(nothing) == 0);
  CHECK(nothing.slots() == 0);
  CHECK_FALSE(nothing.in_flight());
}

TEST_CASE("S2.37: its slots stay its own, so that it can be submitted when no others are free") {
  for (const QueueLayout layout : {QueueLayout::split, QueueLayout::packed}) {
    CAPTURE(describe(layout));
    OperationRig rig({.layout = layout}, make_copy_backend(), {.size = 8});
    Bytes source(64, std::byte{5}), destination(64);
    Reusable transfer = reusable(
        rig,
        {.operation = Operation::copy, .source = source.list(), .destination = destination.list()});
    CHECK(rig.channel->free_slots() == 6);
    for (unsigned i = 0; i < 6; ++i) REQUIRE(rig.submit({}) != 0);
    CHECK(rig.channel->free_slots() == 0);
    const OperationRequest one_more;
    CHECK(rig.channel->post({&one_more, 1}).kind == PrepareError::Kind::would_block);
    CHECK(rig.channel->submit(transfer) == 7);
    CHECK(rig.channel->free_slots() == 0);
    rig.channel->issue();
    CHECK(rig.collect(7).size() == 7);
    CHECK(destination.bytes() == source.bytes());
    CHECK(rig.channel->free_slots() == 6);  // its own are not among them
    CHECK(rig.channel->submit(transfer) == 8);
    CHECK(rig.channel->free_slots() == 6);
  }
}

TEST_CASE("S2.37: destroying it gives the slots back, at the poll if it is in flight") {
  for (const bool pushes : {false, true}) {
    CAPTURE(pushes);
    OperationOptions options{.size = 8};
    if (pushes) options.sink.push = [](void*, const OperationCompletion&) noexcept {};
    OperationRig rig({}, make_copy_backend(), options);
    const auto poll = [&] {
      std::array<OperationCompletion, 8> done;
      (void)rig.channel->poll(done);
    };
    {
      const Reusable idle = reusable(rig, {});
      CHECK(rig.channel->free_slots() == 7);
    }
    CHECK(rig.channel->free_slots() == 8);
    {
      Reusable busy = reusable(rig, {});
      REQUIRE(rig.channel->submit(busy) == 1);
      Reusable moved = std::move(busy);
      CHECK(moved.in_flight());
      CHECK_FALSE(busy);  // NOLINT(bugprone-use-after-move): that is the question
      Reusable& itself = moved;
      moved = std::move(itself);
      CHECK(moved.in_flight());
    }
    CHECK(rig.channel->free_slots() == 7);
    rig.channel->issue();
    rig.engine.run(64);
    poll();
    CHECK(rig.channel->free_slots() == 8);
    Reusable first = reusable(rig, {});
    first = reusable(rig, {});
    CHECK(rig.channel->free_slots() == 7);
    REQUIRE(rig.channel->submit(first) == 2);
    rig.channel->issue();
    rig.engine.run(64);
    poll();
    CHECK(rig.channel->free_slots() == 7);
    CHECK(rig.channel->in_flight() == 0);
  }
}

TEST_CASE("S2.37: what prepare refuses cannot be made reusable") {
  OperationRig rig({}, make_copy_backend(), {.size = 4});
  const Segment nowhere{nullptr, 8};
  const ReusableResult refused = rig.channel->prepare_reusable(
      {.operation = Operation::crc32c, .source = std::span(&nowhere, 1)});
  CHECK_FALSE(refused);
  CHECK(refused.error.reason == PrepareReason::segment_without_memory);
  CHECK_FALSE(refused.transfer);
  Bytes memory(10);
  const std::vector<Segment> many(5, memory.list()[0]);
  const ReusableResult large =
      rig.channel->prepare_reusable({.operation = Operation::crc32c, .source = many});
  CHECK(large.error.kind == PrepareError::Kind::too_large);
  CHECK(rig.channel->free_slots() == 4);
}

TEST_CASE("check 19: a reusable transfer goes by the configuration it was prepared with") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  REQUIRE(rig.channel->configure({.burst = 16}));
  Reusable transfer = reusable(rig, {});
  REQUIRE(rig.channel->configure({.burst = 32}));
  REQUIRE(rig.channel->submit(transfer) == 1);
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.started.size() == 1);
  CHECK(hand.started[0].burst == 16);
}

TEST_CASE("S2.37: a reusable transfer that failed or was terminated can be submitted again") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  Bytes source(8), destination(8);
  Reusable transfer = reusable(
      rig,
      {.operation = Operation::copy, .source = source.list(), .destination = destination.list()});
  REQUIRE(rig.channel->submit(transfer) == 1);
  rig.channel->issue();
  rig.engine.run(64);
  hand.end(0, EIO);
  auto done = rig.collect(1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].status == Status::failed);
  REQUIRE(rig.channel->submit(transfer) == 2);
  rig.channel->issue();
  rig.engine.run(64);
  rig.channel->terminate();
  done = rig.collect(1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].status == Status::aborted);
  REQUIRE(rig.channel->submit(transfer) == 3);
  rig.channel->issue();
  rig.engine.run(64);
  hand.end(0);
  done = rig.collect(1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].status == Status::ok);
  CHECK(done[0].bytes == 8);
}

}  // namespace
}  // namespace bellpull::engine::test
