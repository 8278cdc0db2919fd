// SPDX-License-Identifier: BSD-2-Clause
// Order, fences, failures: what comes back, in which order, after what.
#include <doctest/doctest.h>

#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

[[nodiscard]] OperationRequest nop(std::uint64_t token, bool fence = false) {
  return {.operation = Operation::nop, .fence = fence, .token = token};
}

TEST_CASE("S2.16: transfers come back in the order of their submission, however they end") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(rig.submit(nop(i)) == i + 1);
  CHECK(rig.engine.run(64).completed == 0);
  CHECK(hand.started.empty());  // nothing before issue
  rig.channel->issue();
  CHECK(rig.engine.run(64).completed == 0);
  REQUIRE(hand.held.size() == 4);
  hand.end(3);
  hand.end(1);
  CHECK(rig.engine.run(64).completed == 0);
  std::array<OperationCompletion, 8> done;
  CHECK(rig.channel->poll(done) == 0);
  hand.end(0);
  CHECK(rig.engine.run(64).completed == 2);
  REQUIRE(rig.channel->poll(done) == 2);
  CHECK(done[0].cookie == 1);
  CHECK(done[1].cookie == 2);
  hand.end(0);
  CHECK(rig.engine.run(64).completed == 2);
  REQUIRE(rig.channel->poll(done) == 2);
  CHECK(done[0].cookie == 3);
  CHECK(done[1].cookie == 4);
}

TEST_CASE("a fence begins when all before it are over") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  rig.submit(nop(0));
  rig.submit(nop(1));
  rig.submit(nop(2, true));
  rig.submit(nop(3));
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 2);
  hand.end(1);
  rig.engine.run(64);
  CHECK(hand.held.size() == 1);
  hand.end(0);
  rig.engine.run(64);
  CHECK(hand.held.size() == 2);  // the fence, and what is behind it
  hand.end(0);
  hand.end(0);
  rig.engine.run(64);
  std::array<OperationCompletion, 8> done;
  REQUIRE(rig.channel->poll(done) == 4);
  for (const auto& each : std::span(done).first(4)) CHECK(each.status == Status::ok);
}

TEST_CASE("S0.11, S0.18: behind a failure, fenced transfers are not attempted and name it") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  rig.submit(nop(0));
  const Cookie bad = rig.submit(nop(1));
  rig.submit(nop(2));
  rig.submit(nop(3, true));
  rig.submit(nop(4));
  rig.submit(nop(5, true));
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 3);
  hand.end(0);
  const Op failing = hand.held[0];
  hand.reports.push_back(
      {.id = failing.id, .error = EIO, .side = Side::destination, .segment = 3, .value = 9});
  hand.held.pop_front();
  hand.end(0);
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);  // number 4, which has no fence
  hand.end(0);
  rig.engine.run(64);
  std::array<OperationCompletion, 8> done;
  REQUIRE(rig.channel->poll(done) == 6);
  CHECK(done[0].status == Status::ok);
  CHECK(done[1].status == Status::failed);
  CHECK(done[1].error == EIO);
  CHECK(done[1].side == Side::destination);
  CHECK(done[1].segment == 3);
  CHECK(done[2].status == Status::ok);
  CHECK(done[3].status == Status::not_attempted);
  CHECK(done[3].cause == bad);
  CHECK(done[3].bytes == 0);
  CHECK(done[4].status == Status::ok);
  CHECK(done[5].status == Status::not_attempted);
  CHECK(done[5].cause == bad);
  CHECK(rig.channel->stats().failed == 3);

  rig.channel->reset();  // the owner has dealt with it
  rig.submit(nop(6, true));
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);
  hand.end(0);
  rig.engine.run(64);
  REQUIRE(rig.channel->poll(done) == 1);
  CHECK(done[0].status == Status::ok);
}

TEST_CASE("S0.18: a channel that halts on errors begins nothing more until it is reset") {
  for (const bool cancels : {true, false}) {
    CAPTURE(cancels);
    Hand hand;
    hand.window = 3;
    hand.cancels = cancels;
    OperationRig rig({}, std::make_unique<HandBackend>(hand), {.on_error = ErrorPolicy::halt});
    for (std::uint64_t i = 0; i < 6; ++i) rig.submit(nop(i));
    rig.channel->issue();
    rig.engine.run(64);
    REQUIRE(hand.held.size() == 3);
    hand.end(0);
    hand.end(0, EFAULT);
    hand.window = 1;  // so that nothing begins before the failure is known
    rig.engine.run(64);
    CHECK(rig.channel->halted());
    if (!cancels) {
      REQUIRE(hand.held.size() >= 1);
      while (!hand.held.empty()) hand.end(0);
      rig.engine.run(64);
    }
    CHECK(hand.held.empty());
    std::array<OperationCompletion, 8> done;
    REQUIRE(rig.channel->poll(done) == 6);
    CHECK(done[0].status == Status::ok);
    CHECK(done[1].status == Status::failed);
    CHECK(done[1].error == EFAULT);
    CHECK(done[2].status == (cancels ? Status::not_attempted : Status::ok));
    for (unsigned i = 3; i < 6; ++i) {
      CHECK(done[i].status == Status::not_attempted);
      CHECK(done[i].cause == 2);
    }
    rig.submit(nop(6));
    rig.channel->issue();
    rig.engine.run(64);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].status == Status::not_attempted);

    hand.window = 3;
    rig.channel->reset();
    CHECK_FALSE(rig.channel->halted());
    rig.submit(nop(7));
    rig.channel->issue();
    rig.engine.run(64);
    REQUIRE(hand.held.size() == 1);
    hand.end(0);
    rig.engine.run(64);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].status == Status::ok);
  }
}

TEST_CASE("S0.15: who fails fails alone: another channel of the engine loses nothing") {
  Hand broken;
  OperationRig rig({}, std::make_unique<HandBackend>(broken));
  const auto other = rig.engine.open_operations({}, make_copy_backend());
  Bytes from(1000, std::byte{3});
  Bytes to(1000);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  std::array<OperationCompletion, 8> done;
  for (int i = 0; i < 200; ++i) {
    rig.submit(nop(0));
    rig.channel->issue();
    REQUIRE(other->post({&copy, 1}).kind == PrepareError::Kind::none);
    other->issue();
    rig.engine.run(64);
    REQUIRE(broken.held.size() == 1);
    broken.end(0, EIO);
    rig.engine.run(64);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].status == Status::failed);
    REQUIRE(other->poll(done) == 1);
    CHECK(done[0].status == Status::ok);
  }
  CHECK(other->stats().failed == 0);
}

TEST_CASE("check 23: reports that cannot be true are counted and change nothing, or are failures") {
  Hand hand;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  Bytes from(100);
  Bytes to(100);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  rig.submit(copy);
  rig.submit(copy);
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 2);
  const std::uint64_t id = hand.held[0].id;
  hand.reports = {{.id = 0},
                  {.id = ~0ULL},
                  {.id = id ^ 1},
                  {.id = id + 0x10000},
                  {.id = id, .bytes = 100},
                  {.id = id, .bytes = 100}};
  rig.engine.run(64);
  CHECK(rig.channel->stats().bad_done == 5);
  CHECK(rig.channel->stats().completed == 1);
  std::array<OperationCompletion, 8> done;
  REQUIRE(rig.channel->poll(done) == 1);
  CHECK(done[0].status == Status::ok);
  SUBCASE("less than all, and no error") {
    hand.reports.push_back({.id = hand.held[1].id, .bytes = 99});
    rig.engine.run(64);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].status == Status::failed);
    CHECK(done[0].error == EIO);
    CHECK(done[0].bytes == 99);
  }
  SUBCASE("more than all") {
    hand.reports.push_back({.id = hand.held[1].id, .bytes = 101});
    rig.engine.run(64);
    REQUIRE(rig.channel->poll(done) == 1);
    CHECK(done[0].status == Status::failed);
    CHECK(done[0].bytes == 100);
  }
  CHECK(rig.channel->stats().bad_done == 6);
}

TEST_CASE("S2.6: a failure in a part ends the transfer, and names the segment of the whole") {
  Hand hand;
  const Capabilities limits{.operations = kMemoryOperations, .max_segments = 1, .max_length = 1000};
  OperationRig rig({}, std::make_unique<HandBackend>(hand, limits));
  Bytes memory(100);
  std::byte* const at = memory.bytes().data();
  const std::array source{Segment{at, 10}, Segment{at + 20, 10}, Segment{at + 40, 10}};
  const std::array target{Segment{at + 50, 15}, Segment{at + 80, 15}};
  OperationRequest copy{.operation = Operation::copy};
  copy.source = source;
  copy.destination = target;
  rig.submit(copy);
  rig.submit(nop(1));
  rig.channel->issue();
  rig.engine.run(64);
  // 10 | 5 | 5 | 10: where either list begins a segment a part begins.
  for (int part = 0; part < 2; ++part) {
    REQUIRE(hand.held.size() == 1);  // alone
    CHECK(hand.held[0].source.size() == 1);
    hand.end(0);
    rig.engine.run(64);
  }
  REQUIRE(hand.held.size() == 1);
  CHECK(hand.held[0].source[0].data == at + 25);
  CHECK(hand.held[0].destination[0].data == at + 80);
  hand.reports.push_back({.id = hand.held[0].id, .bytes = 2, .error = EIO});
  hand.held.pop_front();
  rig.engine.run(64);
  std::array<OperationCompletion, 8> done;
  REQUIRE(rig.channel->poll(done) == 1);
  CHECK(done[0].status == Status::failed);
  CHECK(done[0].bytes == 17);
  CHECK(done[0].segment == 1);
  REQUIRE(hand.held.size() == 1);
  CHECK(hand.held[0].operation == Operation::nop);
}

TEST_CASE("a back-end that takes no part now is offered it again") {
  Hand hand;
  const Capabilities limits{.operations = kMemoryOperations, .max_segments = 1, .max_length = 10};
  OperationRig rig({}, std::make_unique<HandBackend>(hand, limits));
  Bytes from(20);
  Bytes to(20);
  OperationRequest copy{.operation = Operation::copy};
  copy.source = from.list();
  copy.destination = to.list();
  rig.submit(copy);
  rig.channel->issue();
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);
  hand.end(0);
  hand.window = 0;
  rig.engine.run(64);
  CHECK(hand.held.empty());
  CHECK_FALSE(rig.engine.runnable());
  hand.window = 1;
  CHECK(rig.engine.runnable());
  rig.engine.run(64);
  REQUIRE(hand.held.size() == 1);
  hand.end(0);
  rig.engine.run(64);
  std::array<OperationCompletion, 8> done;
  REQUIRE(rig.channel->poll(done) == 1);
  CHECK(done[0].bytes == 20);
}

TEST_CASE("S4.2: poll returns at most what there is room for, and counts whole") {
  Hand hand;
  hand.window = 64;
  OperationRig rig({}, std::make_unique<HandBackend>(hand));
  for (std::uint64_t i = 0; i < 50; ++i) rig.submit(nop(i));
  rig.channel->issue();
  rig.engine.run(64);
  while (!hand.held.empty()) hand.end(0);
  rig.engine.run(64);
  std::array<OperationCompletion, 64> done;
  unsigned total = 0;
  for (unsigned budget = 0; total < 50; ++budget) {
    const unsigned got = rig.channel->poll(std::span(done).first(budget));
    CHECK(got == std::min(budget, 50 - total));
    total += got;
  }
  CHECK(rig.channel->poll({}) == 0);
}

TEST_CASE("completions go to a push sink in order, and poll takes the slots back") {
  struct Seen {
    std::vector<OperationCompletion> all;
    static void push(void* context, const OperationCompletion& done) noexcept {
      static_cast<Seen*>(context)->all.push_back(done);
    }
  };
  for (const OperationSetting& setting : kOperationSettings) {
    if (setting.placement == Placement::autonomous) continue;
    Seen seen;
    OperationRig rig(setting, make_copy_backend(), {.size = 16, .sink = {&Seen::push, &seen}});
    for (std::uint64_t i = 0; i < 100; ++i) {
      REQUIRE(rig.submit(nop(i)) == i + 1);
      rig.channel->issue();
      rig.engine.run(8);
    }
    REQUIRE(seen.all.size() == 100);
    for (std::uint64_t i = 0; i < 100; ++i) CHECK(seen.all[i].token == i);
    std::array<OperationCompletion, 4> none;
    CHECK(rig.channel->poll(none) == 0);
    CHECK(rig.channel->free_slots() == 16);
  }
}

TEST_CASE("S2.38: when the bell rings for a transfer the next one has been started") {
  struct Seen {
    Hand hand;
    std::vector<std::size_t> started_at_bell;
  } seen;
  seen.hand.window = 1;
  OperationOptions options;
  options.notify = {[](void* context) noexcept {
                      auto& at = *static_cast<Seen*>(context);
                      at.started_at_bell.push_back(at.hand.started.size());
                    },
                    &seen};
  OperationRig rig({}, std::make_unique<HandBackend>(seen.hand), options);
  for (std::uint64_t i = 0; i < 4; ++i) rig.submit(nop(i));
  rig.channel->issue();
  rig.engine.run(64);
  for (unsigned ended = 0; ended < 3; ++ended) {
    (void)rig.channel->arm();
    seen.hand.end(0);
    rig.engine.run(64);
    CHECK(rig.collect(1).size() == 1);
  }
  CHECK(seen.started_at_bell == std::vector<std::size_t>{2, 3, 4});
}

}  // namespace
}  // namespace bellpull::engine::test
