// SPDX-License-Identifier: BSD-2-Clause
// Which transfers are hit by faults, that this repeats, and what a channel sees of it.
#include <doctest/doctest.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "bellpull/engine/loopback_backend.hpp"
#include "fault_rig.hpp"

namespace bellpull::engine::test {
namespace {

using Rig = FaultRig;

std::string story_of(const std::string& plan, unsigned offered) {
  Rig rig(plan, make_copy_backend({.window = 8}));
  std::string story;
  std::vector<std::unique_ptr<Transfer>> transfers;
  std::vector<Op> ops;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    transfers.push_back(std::make_unique<Transfer>(id));
    ops.push_back(transfers.back()->op);
  }
  std::vector<std::string> ends(201);
  for (std::size_t begun = 0, reaps = 0; reaps < 5000; ++reaps) {
    begun += rig.backend->start(
        std::span(ops).subspan(begun).first(std::min<std::size_t>(offered, ops.size() - begun)));
    for (const Done& done : rig.reap(1)) {
      if (done.id <= 200)
        ends[done.id] += std::to_string(done.bytes) + "/" + std::to_string(done.error) + " ";
    }
  }
  for (const std::string& end : ends) story += end + "\n";
  return story;
}

TEST_CASE("the same plan and transfers make the same faults, however they are offered") {
  const std::string plan =
      "seed=3;write-error:chance=200000;timeout:chance=100000;duplicate:every=5;late:chance=300000";
  const std::string story = story_of(plan, 1);
  CHECK(story_of(plan, 1) == story);
  CHECK(story_of(plan, 20) == story);
  CHECK(story_of("seed=4" + plan.substr(6), 1) != story);
}

TEST_CASE("every, offset and limit say which transfers are hit") {
  Rig rig("write-error:every=3:offset=4:limit=2");
  std::string hit;
  for (std::uint64_t id = 1; id <= 20; ++id) {
    Transfer transfer(id);
    if (rig.run(transfer.op).at(0).error != 0) hit += std::to_string(id) + " ";
  }
  CHECK(hit == "7 10 ");
}

TEST_CASE("a rule that hits every 0th transfer is refused, and so is no back-end at all") {
  FaultCounters counters;
  const FaultPlan plan{.rules = {{.every = 0}}};
  CHECK_THROWS_AS((void)make_fault_backend(make_copy_backend(), plan, counters),
                  std::invalid_argument);
  CHECK_THROWS_AS((void)make_fault_backend(nullptr, {}, counters), std::invalid_argument);
}

TEST_CASE(
    "a blocked device is passed on only while it has a transfer, and nothing waits for time") {
  auto pair = make_loopback({});
  Rig rig("late:offset=1:limit=1:reaps=3;stuck:limit=1:offset=1", std::move(pair.receiver));
  CHECK(rig.backend->wait_source().events == EPOLLIN);
  Transfer first(1, Operation::read), second(2, Operation::read), third(3, Operation::read);
  CHECK(rig.run(first.op, 1).empty());
  CHECK(rig.last.would_block);
  Transfer message(7, Operation::write);
  REQUIRE(pair.sender->start({&message.op, 1}) == 1);
  std::array<Done, 4> sent;
  REQUIRE(pair.sender->reap(sent).count == 1);
  CHECK(rig.reap(1).size() == 1);
  REQUIRE(rig.backend->start({&second.op, 1}) == 1);
  REQUIRE(pair.sender->start({&message.op, 1}) == 1);
  REQUIRE(pair.sender->reap(sent).count == 1);
  CHECK(rig.reap(1).empty());  // it is late
  CHECK_FALSE(rig.last.would_block);
  CHECK(rig.reap(4).size() == 1);
  CHECK(rig.run(third.op, 1).empty());  // it is stuck
  CHECK_FALSE(rig.last.would_block);
}

}  // namespace
}  // namespace bellpull::engine::test
