// SPDX-License-Identifier: BSD-2-Clause
// Channels that several users share, and those that somebody has for himself.
#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>
#include <utility>

#include "bellpull/engine/domain.hpp"
#include "directory_rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {
namespace {

/// Posts one no-op and waits for its end.
[[nodiscard]] bool works(ChannelDirectory& directory, Engine& engine, Submitter& submitter) {
  if (!post(submitter, nop(3))) return false;
  submitter.issue();
  std::array<OperationCompletion, 1> done;
  return until(engine,
               [&] {
                 directory.run_pool(16);
                 return submitter.poll(done) == 1;
               }) &&
         done[0].token == 3 && done[0].status == Status::ok;
}

TEST_CASE(
    "S2.18, R11: an exclusive channel is handed to nobody who shares, and returns to them "
    "when it is released") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    Engine engine{{.placement = placement}};
    ChannelDirectory directory;
    directory.add(copy_device(engine, 1));
    const auto query = ChannelQuery::named("copy 0");
    for (int cycle = 0; cycle < 50; ++cycle) {
      {
        const Requested mine = directory.request(query);
        REQUIRE(mine.lease);
        CHECK(directory.plan({Operation::copy}).error.reason() == FindReason::busy);
        const Joined joined = directory.join({Operation::copy});
        CHECK_FALSE(joined.submitter);
        CHECK(joined.error.reason() == FindReason::busy);
      }
      {
        Joined joined = directory.join({Operation::copy});
        REQUIRE(joined.submitter);
        CHECK(directory.request(query).error.reason() == FindReason::busy);
        CHECK(says(directory.request(query).error, "1 share it"));
        CHECK(works(directory, engine, joined.submitter));
        Joined other = directory.join({Operation::copy});
        REQUIRE(other.submitter);
        joined.submitter = {};
        CHECK(directory.request(query).error.reason() == FindReason::busy);  // one is left
        CHECK(works(directory, engine, other.submitter));
      }
    }
    directory.run_pool(16);
    CHECK(directory.stats().opened == 100);
    CHECK(directory.stats().closed == 100);
  }
}

TEST_CASE("S2.18: users are spread over the channels that nobody has for himself") {
  Engine engine{{}};
  ChannelDirectory directory({.submitters = 2});
  DeviceDeclaration device = copy_device(engine, 3);
  device.channels.push_back(copy_channel("private"));
  device.channels.back().exclusive = true;
  directory.add(device);
  ChannelLease mine = directory.request(ChannelQuery::named("copy 1")).lease;
  std::vector<Joined> users;
  for (const char* const expected : {"copy 0", "copy 2", "copy 0", "copy 2"}) {
    CHECK(directory.plan({Operation::copy}).offer->name == expected);
    users.push_back(directory.join({Operation::copy}));
    REQUIRE(users.back().submitter);
    CHECK(users.back().offer->name == expected);
  }
  const Joined refused = directory.join({Operation::copy});
  CHECK(refused.error.reason() == FindReason::busy);
  CHECK(says(refused.error, "'copy 0', 'copy 1', 'copy 2'", "wait"));
  CHECK_FALSE(says(refused.error, "private"));
  mine = {};
  users.push_back(directory.join({Operation::copy}));
  CHECK(users.back().offer->name == "copy 1");
  for (Joined& user : users) CHECK(works(directory, engine, user.submitter));
  CHECK(directory.stats().opened == 4);  // once per channel and once for the lease
  users.clear();
  directory.run_pool(16);
  CHECK(directory.stats().closed == 4);
}

TEST_CASE("a channel whose last user left with transfers in flight is free when these have ended") {
  Hand hand;
  Engine engine{{}};
  ChannelDirectory directory;
  DeviceDeclaration device = copy_device(engine, 1);
  device.channels[0].make = [&] { return std::make_unique<HandBackend>(hand); };
  device.capabilities = HandBackend(hand).capabilities();
  directory.add(device);
  const auto query = ChannelQuery::named("copy 0");
  {
    Joined joined = directory.join({Operation::nop});
    REQUIRE(post(joined.submitter, nop(1)));
    joined.submitter.issue();
    directory.run_pool(16);
    engine.run(16);
    REQUIRE(hand.held.size() == 1);
  }
  CHECK(directory.request(query).error.reason() == FindReason::busy);
  CHECK(hand.stops == 0);
  hand.end(0);
  engine.run(16);
  CHECK(static_cast<bool>(directory.request(query).lease));
}

TEST_CASE(
    "S3.4: which channel and which domain would run an operation is known before anything is "
    "opened or mapped") {
  Engine engine{{}};
  MappingTable table;
  const Domain summing(table, "summing unit"), copying(table, "copy unit");
  ChannelDirectory directory;
  DeviceDeclaration sums{.name = "summer", .engine = &engine, .domain = &summing};
  sums.capabilities = kCopyAll;
  sums.capabilities.operations = {Operation::crc32c};
  sums.channels = {copy_channel("sum")};
  DeviceDeclaration copies = copy_device(engine, 1);
  copies.domain = &copying;
  copies.capabilities.operations = {Operation::copy, Operation::fill};
  unsigned opened = 0;
  copies.channels[0].make = [&opened] {
    ++opened;
    return make_copy_backend();
  };
  directory.add(sums);
  directory.add(copies);
  directory.wire("client", "fill", "copy 0");
  const ChannelDirectory& view = directory;
  CHECK(view.plan({Operation::crc32c}).offer->domain == &summing);
  const Found plan = view.plan({Operation::copy, Operation::fill});
  REQUIRE(plan.offer != nullptr);
  CHECK(plan.offer->domain == &copying);
  CHECK(plan.offer->name == "copy 0");
  CHECK(plan.offer->device == "copier");
  CHECK(plan.offer->engine == &engine);
  CHECK(view.find(ChannelQuery::wired("client", "fill")).offer == plan.offer);
  const auto in_domain =
      ChannelQuery::matching([&](const ChannelOffer& offer) { return offer.domain == &copying; });
  CHECK(view.find(in_domain).offer == plan.offer);
  // No channel does both.
  CHECK(view.plan({Operation::copy, Operation::crc32c}).error.reason() == FindReason::not_capable);
  CHECK(opened == 0);
  CHECK(table.size() == 0);
  Joined joined = directory.join({Operation::copy, Operation::fill});
  CHECK(joined.offer == plan.offer);
  CHECK(opened == 1);
  CHECK_FALSE(post(joined.submitter, {.operation = Operation::crc32c}));  // as declared
}

TEST_CASE("users of a pool may be with other threads, and wake its owner when they leave") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BellCounter bell;
    Engine engine{{.placement = placement}};
    ChannelDirectory directory({.notify = bell.notify()});
    directory.add(copy_device(engine, 2));
    const std::uint64_t each = scaled(2000) + 10;
    std::atomic<std::uint64_t> done{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, joined = directory.join({Operation::nop})]() mutable {
        std::array<OperationCompletion, 4> some;
        for (std::uint64_t polled = 0, posted = 0; polled < each;) {
          if (posted < each && post(joined.submitter, nop(posted))) ++posted;
          joined.submitter.issue();
          const unsigned got = joined.submitter.poll(some);
          if (got == 0) std::this_thread::yield();
          polled += got;
          done += got;
        }
      });
    }
    while (directory.stats().closed != 2) {
      const SharedRun run = directory.run_pool(32);
      if (placement == Placement::driven) engine.run(32);
      if (run.submitted + run.completed == 0) std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(done == 4 * each);
    CHECK(static_cast<bool>(directory.request(ChannelQuery::named("copy 0")).lease));
    {
      const Joined joined = directory.join({Operation::nop});
      directory.run_pool(32);
      REQUIRE(directory.arm_pool() == Armed::armed);
      CHECK(bell.rung == 0);
    }
    CHECK(bell.rung == 1);
    CHECK(directory.arm_pool() == Armed::work_pending);
  }
}

TEST_CASE("a directory refuses numbers that no shared channel has") {
  CHECK_THROWS_AS(ChannelDirectory({.submitters = 0}), std::invalid_argument);
  CHECK_THROWS_AS(ChannelDirectory({.depth = 40000}), std::invalid_argument);
}

}  // namespace
}  // namespace bellpull::engine::test
