// SPDX-License-Identifier: BSD-2-Clause
// Transfers that depend on each other: what begins when, and what becomes of it when another fails.
#include <doctest/doctest.h>

#include "graph_rig.hpp"

namespace bellpull::engine::test {
namespace {

// Two channels whose back-ends do what the test says, and a graph over both.
struct Hands {
  explicit Hands(const GraphLimits& limits = {}, const OperationOptions& options = {})
      : first(Placement::driven, std::make_unique<HandBackend>(one), options),
        second(Placement::driven, std::make_unique<HandBackend>(two), options),
        graph(limits) {}

  // Runs the engines and hands over what they completed.
  void turn() {
    loop.turn();
    loop.turn();
  }
  Advanced advance() {
    const Advanced advanced = graph.advance();
    turn();
    return advanced;
  }

  Hand one, two;
  Station first, second;
  MappingTable table;
  Domain host{table, "host"};
  TransferGraph graph;
  Loop loop{graph, {&first, &second}};
  Nops nops{loop, host};
};

void check_end(const NodeEnd& end, NodeId node, Status status, NodeId cause = {}) {
  CHECK(end.node == node);
  CHECK(end.completion.status == status);
  CHECK(end.cause.node == cause);
}

TEST_CASE("S2.35: a child on another channel is submitted when its parent's completion was taken") {
  Hands on;
  const NodeId parent = on.nops.ready(0), child = on.nops.ready(1, {parent});
  CHECK(on.advance().submitted == 1);
  CHECK(on.one.held.size() == 1);
  on.one.end(0);
  on.turn();
  CHECK(on.first.channel->in_flight() == 0);
  CHECK(on.second.channel->stats().submitted == 0);  // not from the completion
  CHECK(on.advance().submitted == 1);
  REQUIRE(on.two.held.size() == 1);
  CHECK_FALSE(on.graph.over());
  on.two.end(0);
  on.turn();
  CHECK(on.graph.over());
  REQUIRE(on.loop.ends.size() == 2);
  check_end(on.loop.ends[0], parent, Status::ok);
  check_end(on.loop.ends[1], child, Status::ok);
  CHECK(on.loop.ends[1].completion.token == 7);
  CHECK(on.loop.ends[1].completion.cookie == 1);
}

TEST_CASE("S2.35: nodes that are all on one channel are submitted by one call, behind fences") {
  Hands on;
  NodeId last{};
  for (int i = 0; i < 5; ++i) last = i == 0 ? on.nops.ready(0) : on.nops.ready(0, {last});
  CHECK(on.advance().submitted == 5);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(on.one.held.size() == 1);  // the next begins when this one ended, not before
    on.one.end(0);
    step(on.first.engine);
    step(on.first.engine);
  }
  CHECK(on.advance().submitted == 0);
  CHECK(on.graph.over());
  REQUIRE(on.loop.ends.size() == 5);
  for (const NodeEnd& end : on.loop.ends) CHECK(end.completion.status == Status::ok);
}

TEST_CASE("a child waits for all its parents, on whichever channels") {
  Hands on;
  const NodeId a = on.nops.ready(0), b = on.nops.ready(1), child = on.nops.ready(0, {a, b, a});
  CHECK(on.advance().submitted == 2);
  on.one.end(0);
  on.turn();
  CHECK(on.advance().submitted == 0);
  on.two.end(0);
  on.turn();
  CHECK(on.advance().submitted == 1);
  on.one.end(0);
  on.turn();
  REQUIRE(on.loop.ends.size() == 3);
  check_end(on.loop.ends[2], child, Status::ok);
}

TEST_CASE(
    "S2.35, R10, check 15: of a failed node no descendant runs, on no channel, and each names it") {
  for (const std::size_t child_on : {0U, 1U}) {
    CAPTURE(child_on);
    Hands on;
    const NodeId good = on.nops.ready(1), bad = on.nops.ready(0);
    const NodeId child = on.nops.ready(child_on, {good, bad});
    const NodeId grandchild = on.nops.ready(1 - child_on, {child});
    const NodeId sibling = on.nops.ready(child_on), nephew = on.nops.ready(1, {sibling, good});
    on.advance();
    const Cookie cookie = 1;
    on.one.end(0, EIO);
    while (!on.two.held.empty()) on.two.end(0);
    on.turn();
    while (!on.graph.over()) {
      on.advance();
      while (!on.one.held.empty()) on.one.end(0);
      while (!on.two.held.empty()) on.two.end(0);
      on.turn();
    }
    REQUIRE(on.loop.ends.size() == 6);
    check_end(on.loop.ends[0], good, Status::ok);
    check_end(on.loop.ends[1], bad, Status::failed);
    CHECK(on.loop.ends[1].completion.error == EIO);
    for (const std::size_t at : {2U, 3U}) {
      check_end(on.loop.ends[at], at == 2 ? child : grandchild, Status::not_attempted, bad);
      CHECK(on.loop.ends[at].cause.channel == on.first.channel.get());
      CHECK(on.loop.ends[at].cause.cookie == cookie);
      CHECK(on.loop.ends[at].completion.cause == cookie);
      CHECK(on.loop.ends[at].completion.token == 7);
    }
    check_end(on.loop.ends[4], sibling, Status::ok);
    check_end(on.loop.ends[5], nephew, Status::ok);
    CHECK(on.one.started.size() + on.two.started.size() == 4);  // all but the two
    CHECK(on.loop.others.empty());
  }
}

TEST_CASE("R10: what prepare() refuses ends its node with the reason, and stops its descendants") {
  Hands on({}, {.size = 4});
  const NodeId bad = on.nops.add(0, {}, Operation::fill),
               large = on.nops.add(0, {}, Operation::copy);
  const NodeId child = on.nops.ready(1, {bad}), other = on.nops.ready(1, {large});
  std::array<std::byte, 64> memory{};
  auto region = AnyRegion::map(on.host, memory, DeviceAccess::read_write).region;
  REQUIRE(region.lend(7, 2) == MappingError::none);
  AnyRequest<> fill(on.host, Operation::fill, {.token = 7, .pattern_bytes = 9});
  REQUIRE(fill.to(region) == MappingError::none);
  REQUIRE(on.graph.bind(bad, fill) == GraphError::none);
  AnyRequest<3> copy(on.host, Operation::copy, {.token = 7});  // six slots
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(copy.from(region, 8 * i, 8) == MappingError::none);
    REQUIRE(copy.to(region, 32 + 8 * i, 8) == MappingError::none);
  }
  REQUIRE(on.graph.bind(large, copy) == GraphError::none);
  const Advanced advanced = on.advance();
  CHECK(advanced.submitted == 0);
  CHECK(advanced.ended == 4);
  REQUIRE(on.loop.ends.size() == 4);
  check_end(on.loop.ends[0], bad, Status::failed);
  CHECK(on.loop.ends[0].completion.error == EINVAL);
  CHECK(on.loop.ends[0].refusal.kind == PrepareError::Kind::bad_request);
  CHECK(on.loop.ends[0].refusal.reason == PrepareReason::pattern_bytes);
  check_end(on.loop.ends[1], large, Status::failed);
  CHECK(on.loop.ends[1].completion.error == E2BIG);
  CHECK(on.loop.ends[1].refusal.kind == PrepareError::Kind::too_large);
  CHECK(on.loop.ends[1].refusal.max == 4);
  check_end(on.loop.ends[2], child, Status::not_attempted, bad);
  CHECK(on.loop.ends[2].cause.cookie == 0);
  check_end(on.loop.ends[3], other, Status::not_attempted, large);
  CHECK(region.returned(on.loop.ends[0].completion) == MappingError::under_way);
  CHECK(region.returned(on.loop.ends[1].completion) == MappingError::none);
}

TEST_CASE("what prepare() has no slots for is kept, and submitted when they come back") {
  Hands on({}, {.size = 2});
  std::array<NodeId, 5> nodes{on.nops.ready(0)};
  for (std::size_t i = 1; i < 5; ++i) nodes[i] = on.nops.ready(0, {nodes[i - 1]});
  const NodeId other = on.nops.ready(1);
  CHECK(on.advance().submitted == 3);  // as many as there are slots, and the other channel's
  on.two.end(0);
  for (int i = 0; i < 5; ++i) {
    CHECK(on.advance().submitted == (i == 2 || i == 4 ? (i == 2 ? 2 : 1) : 0));
    REQUIRE(on.one.held.size() == 1);
    on.one.end(0);
    on.turn();
  }
  REQUIRE(on.loop.ends.size() == 6);
  check_end(on.loop.ends[4], nodes[4], Status::ok);
  check_end(on.loop.ends[5], other, Status::ok);
}

TEST_CASE("of nodes that wait for slots none overtakes a larger one for ever") {
  Hands on({}, {.size = 4});
  const NodeId small = on.nops.ready(0), large = on.nops.add(0, {}, Operation::copy);
  std::array<std::byte, 64> memory{};
  auto region = AnyRegion::map(on.host, memory, DeviceAccess::read_write).region;
  REQUIRE(region.lend(7) == MappingError::none);
  AnyRequest<2> copy(on.host, Operation::copy, {.token = 7});
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(copy.from(region, 8 * i, 8) == MappingError::none);
    REQUIRE(copy.to(region, 32 + 8 * i, 8) == MappingError::none);
  }
  REQUIRE(on.graph.bind(large, copy) == GraphError::none);
  const NodeId late = on.nops.ready(0);
  CHECK(on.advance().submitted == 1);
  on.one.end(0);
  on.turn();
  CHECK(on.advance().submitted == 1);
  REQUIRE(on.one.held.size() == 1);
  CHECK(on.one.held[0].operation == Operation::copy);
  on.one.end(0);
  on.turn();
  CHECK(on.advance().submitted == 1);
  on.one.end(0);
  on.turn();
  REQUIRE(on.loop.ends.size() == 3);
  check_end(on.loop.ends[0], small, Status::ok);
  check_end(on.loop.ends[2], late, Status::ok);
  CHECK(region.returned(on.loop.ends[1].completion) == MappingError::none);
}

TEST_CASE("ends come in the order of declaration, as many as asked for, each once") {
  Hands on;
  const NodeId slow = on.nops.ready(0), quick = on.nops.ready(1);
  on.graph.advance();
  step(on.second.engine);
  on.two.end(0);
  step(on.second.engine);
  std::array<OperationCompletion, 2> done;
  REQUIRE(on.second.channel->poll(done) == 1);
  CHECK(on.graph.take(*on.second.channel, done[0]));
  CHECK_FALSE(on.graph.take(*on.second.channel, done[0]));  // once is enough
  std::array<NodeEnd, 4> ends;
  CHECK(on.graph.poll(ends) == 0);
  step(on.first.engine);
  on.one.end(0);
  step(on.first.engine);
  REQUIRE(on.first.channel->poll(done) == 1);
  CHECK(on.graph.take(*on.first.channel, done[0]));
  CHECK(on.graph.over());
  CHECK(on.graph.poll({}) == 0);
  REQUIRE(on.graph.poll(std::span(ends).first(1)) == 1);
  check_end(ends[0], slow, Status::ok);
  REQUIRE(on.graph.poll(ends) == 1);
  check_end(ends[0], quick, Status::ok);
  CHECK(on.graph.poll(ends) == 0);
}

}  // namespace
}  // namespace bellpull::engine::test
