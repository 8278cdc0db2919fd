// SPDX-License-Identifier: BSD-2-Clause
// A graph beside other users of its channels: their tokens, their failures, what their owner does
// to the channel in between.
#include <doctest/doctest.h>

#include "graph_rig.hpp"

namespace bellpull::engine::test {
namespace {

struct OneHand {
  explicit OneHand(const OperationOptions& options = {})
      : station(Placement::driven, std::make_unique<HandBackend>(hand), options) {}

  Cookie submit_other(std::uint64_t token) {
    const OperationRequest nop{.token = token};
    PrepareResult prepared = station.channel->prepare({&nop, 1});
    REQUIRE(prepared);
    return station.channel->submit(std::move(prepared.prepared));
  }
  // Ends what is held, in order and well, until all is quiet.
  void finish() {
    for (int i = 0; i < 20; ++i) {
      graph.advance();
      loop.turn();
      while (!hand.held.empty()) hand.end(0);
    }
    loop.turn();
  }

  Hand hand;
  Station station;
  MappingTable table;
  Domain host{table, "host"};
  TransferGraph graph{{}};
  Loop loop{graph, {&station}};
  Nops nops{loop, host};
};

TEST_CASE("completions of other users are theirs, whatever their tokens") {
  OneHand on;
  const Cookie before = on.submit_other(7);  // the token of every node
  const NodeId node = on.nops.ready(0);
  CHECK(on.graph.advance().submitted == 1);
  const Cookie after = on.submit_other(7);
  on.station.channel->issue();
  on.finish();
  REQUIRE(on.loop.others.size() == 2);
  CHECK(on.loop.others[0].cookie == before);
  CHECK(on.loop.others[1].cookie == after);
  REQUIRE(on.loop.ends.size() == 1);
  CHECK(on.loop.ends[0].node == node);
  CHECK(on.loop.ends[0].completion.cookie == before + 1);
}

TEST_CASE("two graphs share a channel") {
  OneHand on;
  TransferGraph second({});
  const ChannelId there = second.use(*on.station.channel, on.host);
  const NodeId mine = on.nops.ready(0);
  const auto theirs = second.add(there, Operation::nop);
  REQUIRE(second.bind(theirs.node, AnyRequest<>(on.host, Operation::nop)) == GraphError::none);
  CHECK(on.graph.bind(theirs.node, AnyRequest<>(on.host, Operation::nop)) ==
        GraphError::node_unknown);
  second.advance();
  on.finish();
  REQUIRE(on.loop.others.size() == 1);
  CHECK(second.take(*on.station.channel, on.loop.others[0]));
  CHECK(second.over());
  REQUIRE(on.loop.ends.size() == 1);
  CHECK(on.loop.ends[0].node == mine);
}

TEST_CASE("S3.9: the failure of one that is no parent stops no node, though a fence heeds it") {
  for (const bool reset : {false, true}) {
    CAPTURE(reset);
    OneHand on;
    on.submit_other(1);
    const NodeId parent = on.nops.ready(0), child = on.nops.ready(0, {parent});
    const NodeId grandchild = on.nops.ready(0, {child});
    CHECK(on.graph.advance().submitted == 3);
    step(on.station.engine);
    on.hand.end(0, EIO);  // the other one
    on.loop.turn();
    while (!on.hand.held.empty()) on.hand.end(0);
    on.loop.turn();
    on.loop.turn();
    CHECK(on.graph.under_way(on.nops.channels[0]) == 0);
    CHECK_FALSE(on.graph.over());
    if (reset) on.station.channel->reset();
    on.finish();
    REQUIRE(on.loop.ends.size() == 3);
    CHECK(on.loop.ends[2].node == grandchild);
    for (const NodeEnd& end : on.loop.ends) {
      CHECK(end.completion.status == Status::ok);
      CHECK_FALSE(end.cause);
    }
    CHECK(on.hand.started.size() == 4);
    CHECK(on.loop.others.size() == 1);
  }
}

TEST_CASE("R10: a node on a channel that halted names who halted it") {
  OneHand on({.on_error = ErrorPolicy::halt});
  const Cookie culprit = on.submit_other(1);
  on.station.channel->issue();
  step(on.station.engine);
  on.hand.end(0, EIO);
  on.loop.turn();
  const NodeId node = on.nops.ready(0), child = on.nops.ready(0, {node});
  on.finish();
  REQUIRE(on.loop.ends.size() == 2);
  for (const NodeEnd& end : on.loop.ends) {
    CHECK(end.completion.status == Status::not_attempted);
    CHECK(end.cause.node == NodeId{});
    CHECK(end.cause.channel == on.station.channel.get());
    CHECK(end.cause.cookie == culprit);
  }
  CHECK(on.loop.ends[1].node == child);
  CHECK(on.hand.started.size() == 1);
}

TEST_CASE("check 15: of a transfer that was terminated no child runs, nor later ones") {
  OneHand on({.size = 2});  // the third has to wait for slots
  const NodeId first = on.nops.ready(0), second = on.nops.ready(0, {first});
  const NodeId third = on.nops.ready(0, {second}), free = on.nops.ready(0);
  CHECK(on.graph.advance().submitted == 2);
  step(on.station.engine);
  REQUIRE(on.hand.held.size() == 1);
  on.station.channel->terminate();
  CHECK(on.graph.advance().submitted == 0);
  on.finish();
  REQUIRE(on.loop.ends.size() == 4);
  CHECK(on.loop.status(0) == Status::aborted);
  CHECK_FALSE(on.loop.ends[0].cause);
  for (const std::size_t at : {1U, 2U}) {
    CHECK(on.loop.status(at) == Status::not_attempted);
    CHECK(on.loop.ends[at].cause.node == first);
    CHECK(on.loop.ends[at].cause.cookie == 1);
  }
  CHECK(on.loop.ends[2].node == third);
  CHECK(on.loop.ends[3].node == free);
  CHECK(on.loop.status(3) == Status::ok);
  CHECK(on.hand.started.size() == 2);
}

TEST_CASE("check 15: a child is not spared when its parent is terminated before it was submitted") {
  OneHand on({.size = 2});
  const NodeId parent = on.nops.ready(0);
  const NodeId child = on.nops.add(0, {parent});
  CHECK(on.graph.advance().submitted == 1);
  on.station.channel->terminate_async();
  REQUIRE(on.graph.bind(child, AnyRequest<>(on.host, Operation::nop)) == GraphError::none);
  CHECK(on.graph.advance().submitted == 0);  // the parent's end was not polled yet
  on.finish();
  REQUIRE(on.loop.ends.size() == 2);
  CHECK(on.loop.status(0) == Status::not_attempted);
  CHECK(on.loop.status(1) == Status::not_attempted);
  CHECK(on.loop.ends[1].cause.node == parent);
  CHECK(on.hand.started.empty());
}

TEST_CASE("what prepare() would refuse behind a parent that fails ends for the parent's sake") {
  OneHand on;
  const NodeId parent = on.nops.ready(0), bad = on.nops.add(0, {parent}, Operation::crc32c);
  REQUIRE(on.graph.bind(bad, AnyRequest<>(on.host, Operation::crc32c)) == GraphError::none);
  CHECK(on.graph.advance().submitted == 1);
  on.loop.turn();
  on.hand.end(0, EIO);
  on.finish();
  REQUIRE(on.loop.ends.size() == 2);
  CHECK(on.loop.status(1) == Status::not_attempted);
  CHECK(on.loop.ends[1].cause.node == parent);
  CHECK(on.loop.ends[1].refusal.kind == PrepareError::Kind::none);
}

TEST_CASE("nodes on a stopped channel end as not_attempted") {
  OneHand on;
  const NodeId node = on.nops.ready(0);
  on.station.channel->stop();
  on.finish();
  REQUIRE(on.loop.ends.size() == 1);
  CHECK(on.loop.ends[0].node == node);
  CHECK(on.loop.status(0) == Status::not_attempted);
  CHECK_FALSE(on.loop.ends[0].cause);
}

}  // namespace
}  // namespace bellpull::engine::test
