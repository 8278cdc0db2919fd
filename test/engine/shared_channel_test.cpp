// SPDX-License-Identifier: BSD-2-Clause
// A shared channel on one thread: what a submitter may expect.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "shared_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;
using Reason = PrepareReason;

TEST_CASE("check 4: of a shared channel nothing begins before its submitter issues") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand), {.depth = 8});
  Submitter submitter = rig.shared.join();
  REQUIRE(submitter);
  for (std::uint64_t token = 1; token <= 8; ++token) REQUIRE(post(submitter, nop(token)));
  CHECK(submitter.post(std::array{nop(9)}).kind == Kind::would_block);
  for (int i = 0; i < 4; ++i) rig.round();
  CHECK(hand.started.empty());
  CHECK(rig.shared.stats().submitted == 0);
  submitter.issue();
  CHECK(hand.started.empty());
  rig.round();
  CHECK(hand.started.size() == 8);
}

TEST_CASE("S1.12: a batch is posted as a whole or not at all") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand), {.depth = 8});
  Submitter submitter = rig.shared.join();
  const std::array five{nop(1), nop(2), nop(3), nop(4), nop(5)};
  REQUIRE(submitter.post(five).kind == Kind::none);
  const PrepareError error = submitter.post(five);
  CHECK(error.kind == Kind::would_block);
  CHECK(error.reason == Reason::slots_in_use);
  CHECK(error.needed == 5);
  CHECK(error.free == 3);
  CHECK(submitter.in_flight() == 5);
  std::array<OperationRequest, 9> nine;
  const PrepareError large = submitter.post(nine);
  CHECK(large.kind == Kind::too_large);
  CHECK(large.max == 8);
  std::array bad{nop(6), nop(7)};
  bad[1].operation = Operation::read;
  const PrepareError refused = submitter.post(bad);
  CHECK(refused.kind == Kind::bad_request);
  CHECK(refused.request == 1);
  CHECK(refused.reason == Reason::operation_not_supported);
  CHECK(submitter.in_flight() == 5);
  CHECK(submitter.next_cookie() == 6);
  submitter.issue();
  rig.round();
  CHECK(hand.started.size() == 5);
}

TEST_CASE("lists are carried by value, of up to eight segments each") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    SharedRig rig(setting, make_copy_backend());
    Submitter submitter = rig.shared.join();
    std::string from = "a shared channel carries lists of segments";
    std::string to(from.size(), '.');
    const std::span<std::byte> source = bytes_of(from), destination = bytes_of(to);
    std::vector<Segment> sources, destinations;
    for (unsigned i = 0; i < 7; ++i) sources.push_back({source.data() + 2 * i, 2});
    sources.push_back({nullptr, 0});  // takes no place
    sources.push_back({source.data() + 14, source.size() - 14});
    destinations.push_back({destination.data(), 5});
    destinations.push_back({destination.data() + 5, destination.size() - 5});
    REQUIRE(post(submitter, copy_of(sources, destinations, 77)));
    std::fill(sources.begin(), sources.end(), Segment{});  // read during the call only
    std::fill(destinations.begin(), destinations.end(), Segment{});
    submitter.issue();
    const auto done = rig.collect(submitter, 1);
    REQUIRE(done.size() == 1);
    CHECK(done[0].status == Status::ok);
    CHECK(done[0].token == 77);
    CHECK(done[0].cookie == 1);
    CHECK(done[0].bytes == from.size());
    CHECK(to == from);
  }
}

TEST_CASE("R11: what a shared channel can never take is too large for it") {
  SharedRig rig({}, make_copy_backend(), {}, {.size = 8});
  Submitter submitter = rig.shared.join();
  std::array<std::byte, 32> from{}, to{};
  std::vector<Segment> nine, eight, two;
  for (std::size_t i = 0; i < 9; ++i) nine.push_back({from.data() + i, 1});
  eight.assign(nine.begin(), nine.begin() + 8);
  const Segment one{to.data(), 9}, shorter{to.data(), 8};
  const PrepareError error = submitter.post(std::array{nop(1), copy_of(nine, {&one, 1})});
  CHECK(error.kind == Kind::too_large);
  CHECK(error.reason == Reason::too_many_segments);
  CHECK(error.max == kSharedSegments);
  CHECK(error.request == 1);
  CHECK(error.segment == 8);
  CHECK(submitter.capabilities().max_segments == kSharedSegments);
  const PrepareError ring = submitter.post(std::array{nop(1), copy_of(eight, {&shorter, 1})});
  CHECK(ring.kind == Kind::too_large);  // nine slots of eight
  CHECK(ring.reason == Reason::ring_too_small);
  CHECK(ring.max == 8);
  CHECK(ring.request == 1);
  CHECK(submitter.in_flight() == 0);
}

TEST_CASE("a submitter that polls nothing loses nothing and holds nobody up") {
  SharedRig rig({}, make_copy_backend(), {.submitters = 2, .depth = 4});
  Submitter lazy = rig.shared.join(), busy = rig.shared.join();
  for (std::uint64_t token = 1; token <= 4; ++token) REQUIRE(post(lazy, nop(token)));
  lazy.issue();
  for (std::uint64_t token = 1; token <= 1000; ++token) {
    REQUIRE(post(busy, nop(token)));
    busy.issue();
    const auto done = rig.collect(busy, 1);
    REQUIRE(done.size() == 1);
    REQUIRE(done[0].token == token);
    REQUIRE(done[0].cookie == token);
    REQUIRE_FALSE(post(lazy, nop(5)));
  }
  const auto done = rig.collect(lazy, 4);
  REQUIRE(done.size() == 4);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(done[i].token == i + 1);
  CHECK(post(lazy, nop(5)));
}

TEST_CASE("S0.15: a failure on a shared channel concerns the fences of its own submitter only") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand));
  Submitter bad = rig.shared.join(), good = rig.shared.join();
  REQUIRE(bad.post(std::array{nop(1), nop(2, true), nop(3), nop(4, true)}).kind == Kind::none);
  REQUIRE(good.post(std::array{nop(11), nop(12, true)}).kind == Kind::none);
  bad.issue();
  good.issue();
  rig.round();
  rig.round();
  REQUIRE(hand.held.size() == 2);  // each fence waits for its submitter's first
  hand.end(0, EIO);
  hand.end(0);
  for (int i = 0; i < 3; ++i) rig.round();
  REQUIRE(hand.held.size() == 2);  // the third of the one, the fence of the other
  hand.end(0);
  hand.end(0);
  const auto failed = rig.collect(bad, 4);
  const auto fine = rig.collect(good, 2);
  REQUIRE(failed.size() == 4);
  REQUIRE(fine.size() == 2);
  CHECK(failed[0].status == Status::failed);
  CHECK(failed[0].error == EIO);
  CHECK(failed[1].status == Status::not_attempted);
  CHECK(failed[1].cause == 1);
  CHECK(failed[2].status == Status::ok);
  CHECK(failed[3].status == Status::not_attempted);
  CHECK(failed[3].cause == 1);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(failed[i].cookie == i + 1);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(failed[i].token == i + 1);
  for (const OperationCompletion& done : fine) CHECK(done.status == Status::ok);
  CHECK(fine[1].cookie == 2);
  bad.reset();
  REQUIRE(post(bad, nop(5, true)));
  bad.issue();
  rig.round();
  rig.round();
  REQUIRE(hand.held.size() == 1);
  hand.end(0);
  const auto after = rig.collect(bad, 1);
  REQUIRE(after.size() == 1);
  CHECK(after[0].status == Status::ok);
}

TEST_CASE("after a reset the failures of what was posted before do not count, whenever they come") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand));
  Submitter submitter = rig.shared.join();
  REQUIRE(post(submitter, nop(1)));
  submitter.reset();
  REQUIRE(submitter.post(std::array{nop(2), nop(3, true)}).kind == Kind::none);
  submitter.issue();
  rig.round();
  rig.round();
  REQUIRE(hand.held.size() == 2);
  hand.end(0, EIO);
  hand.end(0);
  for (int i = 0; i < 3; ++i) rig.round();
  REQUIRE(hand.held.size() == 1);  // the fence began
  hand.end(0);
  const auto done = rig.collect(submitter, 3);
  REQUIRE(done.size() == 3);
  CHECK(done[0].status == Status::failed);
  CHECK(done[2].status == Status::ok);
}

TEST_CASE("a large transfer is not passed by small ones for ever") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand), {.submitters = 2, .depth = 8},
                {.size = 8});
  Submitter small = rig.shared.join(), large = rig.shared.join();
  for (std::uint64_t token = 1; token <= 8; ++token) REQUIRE(post(small, nop(token)));
  small.issue();
  rig.round();
  REQUIRE(hand.held.size() == 8);
  std::array<std::byte, 8> memory{};
  std::vector<Segment> four;
  for (std::size_t i = 0; i < 4; ++i) four.push_back({memory.data() + i, 1});
  REQUIRE(post(large, copy_of(four, four, 99)));
  large.issue();
  unsigned passed = 0;
  bool begun = false;
  for (unsigned i = 0; i < 32 && !begun; ++i) {
    hand.end(0);
    step(rig.rig.engine);
    rig.round();
    passed += static_cast<unsigned>(rig.collect(small, 1).size());
    if (post(small, nop(100 + i))) small.issue();
    begun = std::any_of(hand.held.begin(), hand.held.end(),
                        [](const Op& op) { return op.operation == Operation::copy; });
  }
  CHECK(begun);
  CHECK(passed <= 9);
}

TEST_CASE("a round of a shared channel keeps to its limit, and says that there is more") {
  SharedRig rig({}, make_copy_backend(), {.submitters = 3, .depth = 64});
  std::array<Submitter, 3> all{rig.shared.join(), rig.shared.join(), rig.shared.join()};
  CHECK_FALSE(static_cast<bool>(rig.shared.join()));  // no place left
  for (Submitter& submitter : all) {
    for (std::uint64_t token = 1; token <= 64; ++token) REQUIRE(post(submitter, nop(token)));
    submitter.issue();
  }
  CHECK(rig.shared.run(0).submitted == 0);
  std::uint64_t submitted = 0, completed = 0;
  for (unsigned round = 0; round < 1000 && completed < 192; ++round) {
    const unsigned limit = 1 + round * 23 % 40;  // a small one behind a large one, too
    const SharedRun run = rig.shared.run(limit);
    REQUIRE(run.submitted <= limit);
    REQUIRE(run.completed <= limit);
    submitted += run.submitted;
    completed += run.completed;
    REQUIRE((run.runnable || submitted == 192));
    if (run.runnable) CHECK(rig.shared.arm() == Armed::work_pending);
    step(rig.rig.engine);
  }
  CHECK(completed == 192);
  CHECK(rig.shared.stats().completed == 192);
}

TEST_CASE("the owner's bell rings once after it armed, whoever issues and however often") {
  BellCounter owner, client;
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand), {.notify = owner.notify()});
  Submitter one = rig.shared.join(client.notify()), two = rig.shared.join();
  REQUIRE(post(one, nop(1)));
  one.issue();
  CHECK(owner.rung == 0);  // not armed
  CHECK(rig.shared.arm() == Armed::work_pending);
  rig.round();
  CHECK(rig.shared.arm() == Armed::work_pending);  // the engine's
  CHECK(one.arm() == Armed::armed);
  hand.end(0);
  step(rig.rig.engine);
  rig.round();
  CHECK(client.rung == 1);
  CHECK(rig.collect(one, 1).size() == 1);
  REQUIRE(rig.shared.arm() == Armed::armed);
  CHECK(one.arm() == Armed::armed);
  for (std::uint64_t token = 2; token <= 5; ++token) {
    REQUIRE(post(one, nop(token)));
    REQUIRE(post(two, nop(token)));
    CHECK(owner.rung == (token == 2 ? 0 : 1));  // post() rings nothing
    one.issue();
    two.issue();
  }
  CHECK(owner.rung == 1);
  rig.round();
  CHECK(client.rung == 1);
  REQUIRE(hand.held.size() == 8);
  for (int i = 0; i < 8; ++i) {  // one after the other
    hand.end(0);
    step(rig.rig.engine);
    rig.round();
  }
  CHECK(client.rung == 2);
  CHECK(one.arm() == Armed::work_pending);
  CHECK(rig.collect(one, 4).size() == 4);
  CHECK(rig.collect(two, 4).size() == 4);
  CHECK(one.arm() == Armed::armed);
  CHECK(client.rung == 2);
  CHECK(rig.shared.stats().bells == 1);
  REQUIRE(rig.shared.arm() == Armed::armed);
  rig.shared.disarm();
  REQUIRE(post(one, nop(6)));
  one.issue();
  CHECK(owner.rung == 1);
}

TEST_CASE("an owner that stopped at its limit does not sleep, though nothing is in flight") {
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand));
  Submitter submitter = rig.shared.join();
  REQUIRE(post(submitter, nop(1)));
  for (std::uint64_t token = 2; token <= 8; ++token) REQUIRE(post(submitter, nop(token, true)));
  submitter.issue();
  rig.round();
  REQUIRE(hand.held.size() == 1);
  hand.end(0, EIO);
  step(rig.rig.engine);
  for (const unsigned left : {7U, 4U, 1U}) {  // behind a failure they end here, three at a time
    const SharedRun run = rig.shared.run(3);
    CHECK(run.runnable == (left > 2));
    CHECK(rig.rig.channel->in_flight() == 0);
    CHECK(rig.shared.arm() == (left > 2 ? Armed::work_pending : Armed::armed));
  }
  CHECK(rig.collect(submitter, 8).size() == 8);
}

TEST_CASE(
    "who leaves frees the place once the last transfer has ended, and what was not issued "
    "never begins") {
  BellCounter owner;
  Hand hand;
  SharedRig rig({}, std::make_unique<HandBackend>(hand),
                {.submitters = 1, .depth = 4, .notify = owner.notify()});
  {
    Submitter leaver = rig.shared.join();
    for (std::uint64_t token = 1; token <= 3; ++token) REQUIRE(post(leaver, nop(token)));
    leaver.issue();
    REQUIRE(post(leaver, nop(4)));
    rig.round();
    hand.end(0);
    step(rig.rig.engine);
    rig.round();  // the first has ended, and is polled by nobody
    CHECK(leaver.arm() == Armed::work_pending);
  }
  rig.round();
  CHECK(rig.shared.submitters() == 1);
  CHECK_FALSE(static_cast<bool>(rig.shared.join()));
  REQUIRE(hand.held.size() == 2);
  hand.end(0);
  hand.end(0, EIO);
  step(rig.rig.engine);
  rig.round();
  CHECK(hand.started.size() == 3);
  CHECK(rig.shared.submitters() == 0);
  CHECK(rig.shared.stats().abandoned == 2);
  Submitter next = rig.shared.join();
  REQUIRE(next);
  CHECK(next.in_flight() == 0);
  CHECK(next.arm() == Armed::armed);
  std::array<OperationCompletion, 4> none;
  CHECK(next.poll(none) == 0);
  REQUIRE(post(next, nop(21, true)));  // the failure before it was another's
  next.issue();
  rig.round();
  REQUIRE(hand.held.size() == 1);
  hand.end(0);
  const auto done = rig.collect(next, 1);
  REQUIRE(done.size() == 1);
  CHECK(done[0].token == 21);
  CHECK(done[0].cookie == 1);
  REQUIRE(rig.shared.arm() == Armed::armed);
  CHECK(owner.rung == 0);
  next = {};
  CHECK(owner.rung == 1);
  CHECK(rig.shared.arm() == Armed::work_pending);  // until the place is free again
  rig.round();
  CHECK(rig.shared.arm() == Armed::armed);
}

TEST_CASE("an empty submitter takes nothing, and moving one leaves an empty one") {
  SharedRig rig({}, make_copy_backend(), {.submitters = 2});
  Submitter first = rig.shared.join(), second = rig.shared.join();
  REQUIRE(post(first, nop(1)));
  second = std::move(first);
  rig.round();
  CHECK(rig.shared.submitters() == 1);  // the second gave its place up
  CHECK(second.in_flight() == 1);
  CHECK_FALSE(first);
  CHECK_FALSE(post(first, nop(2)));
  CHECK(first.post({}).kind == Kind::none);
  first.issue();
  std::array<OperationCompletion, 4> none;
  CHECK(first.poll(none) == 0);
  CHECK(first.arm() == Armed::armed);
  CHECK(first.size() == 0);
  second.issue();
  CHECK(rig.collect(second, 1).size() == 1);
}

TEST_CASE("a stopped channel gives every submitter its transfers back") {
  for (const OperationSetting& setting : kOperationSettings) {
    CAPTURE(describe(setting));
    SharedRig rig(setting, make_copy_backend());
    Submitter one = rig.shared.join(), two = rig.shared.join();
    rig.rig.channel->stop();
    REQUIRE(one.post(std::array{nop(1), nop(2)}).kind == Kind::none);
    REQUIRE(two.post(std::array{nop(3), nop(4, true)}).kind == Kind::none);
    one.issue();
    two.issue();
    for (const OperationCompletion& done : rig.collect(one, 2)) {
      CHECK(done.status == Status::not_attempted);
    }
    const auto others = rig.collect(two, 2);
    REQUIRE(others.size() == 2);
    CHECK(others[0].cause == 0);
    CHECK(others[1].status == Status::not_attempted);
    CHECK(others[1].cause == 1);
  }
}

TEST_CASE("sharing refuses numbers out of range and a channel that is in use") {
  const auto refused = [](OperationChannel& channel, const SharedOptions& options,
                          const char* what) {
    try {
      SharedChannel shared(channel, options);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what()).find(what) != std::string::npos;
    }
    return false;
  };
  OperationRig rig({}, make_copy_backend());
  CHECK(refused(*rig.channel, {.submitters = 0}, "0 submitters"));
  CHECK(refused(*rig.channel, {.submitters = 1025}, "1025 submitters"));
  CHECK(refused(*rig.channel, {.depth = 0}, "0 transfers"));
  CHECK(refused(*rig.channel, {.depth = 32769}, "32769 transfers"));
  REQUIRE(rig.submit(nop(1)) != 0);
  CHECK(refused(*rig.channel, {}, "1 transfers in flight"));
}

}  // namespace
}  // namespace bellpull::engine::test
