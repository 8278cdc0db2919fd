// SPDX-License-Identifier: BSD-2-Clause
// What can be declared and asked, what is refused, and how a graph is ended early or used again.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

#include "graph_rig.hpp"

namespace bellpull::engine::test {
namespace {

struct Rig {
  Station first{Placement::driven}, second{Placement::driven};
  MappingTable table;
  Domain host{table, "host"}, other{table, "other"};
  TransferGraph graph{{.name = "mine", .nodes = 3, .parents = 3, .segments = 3, .channels = 2}};
  Loop loop{graph, {&first, &second}};
};

template <class Try>
std::string refusal_of(Try&& attempt) {
  try {
    attempt();
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return {};
}

bool names(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* const word : words) {
    if (text.find(word) == std::string::npos) return false;
  }
  return true;
}

TEST_CASE("set-up refuses what it cannot do, by name") {
  Rig on;
  for (const std::uint32_t wrong : {0U, 65536U}) {
    CHECK(names(refusal_of([&] { TransferGraph({.name = "huge", .nodes = wrong}); }),
                {"huge", std::to_string(wrong).c_str(), "65535"}));
    CHECK(names(refusal_of([&] { TransferGraph({.channels = wrong}); }), {"channels", "65535"}));
  }
  const ChannelId id = on.graph.use(*on.first.channel, on.host);
  CHECK(on.graph.use(*on.first.channel, on.host).index == id.index);
  CHECK(names(refusal_of([&] { on.graph.use(*on.first.channel, on.other); }),
              {"mine", "host", "other"}));
  on.graph.use(*on.second.channel, on.other);
  Station third(Placement::driven);
  CHECK(names(refusal_of([&] { on.graph.use(*third.channel, on.host); }),
              {"mine", "2", "GraphLimits::channels"}));
}

TEST_CASE("what cannot be is refused when it is declared, and changes nothing") {
  Rig on;
  TransferGraph elsewhere({});
  const ChannelId foreign = elsewhere.use(*on.second.channel, on.host);
  const ChannelId here = on.graph.use(*on.first.channel, on.host);
  const NodeId stranger = elsewhere.add(foreign, Operation::nop).node;
  CHECK(on.graph.add(foreign, Operation::nop).error == GraphError::channel_unknown);
  CHECK(on.graph.add({}, Operation::nop).error == GraphError::channel_unknown);
  CHECK(on.graph.add({&on.graph, 1}, Operation::nop).error == GraphError::channel_unknown);
  CHECK(on.graph.add(here, Operation::read).error == GraphError::operation_not_supported);
  CHECK(on.graph.add(here, static_cast<Operation>(99)).error ==
        GraphError::operation_not_supported);
  // A cycle would need a parent that comes later, or is the node itself.
  for (const NodeId parent :
       {stranger, NodeId{}, NodeId{&on.graph, 0, 0}, NodeId{&on.graph, 1, 0}}) {
    CHECK(on.graph.add(here, Operation::nop, {parent}).error == GraphError::parent_not_declared);
  }
  const NodeId node = on.graph.add(here, Operation::nop).node;
  CHECK(node.index == 0);
  CHECK(on.graph.add(here, Operation::nop, {node, {&on.graph, 1, 0}}).error ==
        GraphError::parent_not_declared);
  CHECK(on.graph.add(here, Operation::nop, {node, node, node, node}).error ==
        GraphError::too_many_parents);
  CHECK(on.graph.add(here, Operation::nop, {node, node, node}));
  CHECK(on.graph.add(here, Operation::nop, {node}).error == GraphError::too_many_parents);
  CHECK(on.graph.add(here, Operation::nop));
  CHECK(on.graph.add(here, Operation::nop).error == GraphError::too_many_nodes);
}

TEST_CASE("memory that cannot be is refused, and the node waits for other memory") {
  Rig on;
  std::array<std::byte, 64> memory{};
  auto region = AnyRegion::map(on.host, memory, DeviceAccess::read_write).region;
  REQUIRE(region.lend(1) == MappingError::none);
  const ChannelId here = on.graph.use(*on.first.channel, on.host);
  const NodeId copy = on.graph.add(here, Operation::copy).node;
  const auto request = [&](std::size_t sources) {
    AnyRequest<3> made(on.host, Operation::copy, {.token = 1});
    for (std::size_t i = 0; i < sources; ++i) (void)made.from(region, 8 * i, 8);
    (void)made.to(region, 32, 8 * sources);
    return made;
  };
  const auto copies = request(1);
  CHECK(on.graph.bind(NodeId{}, copies) == GraphError::node_unknown);
  CHECK(on.graph.bind(NodeId{&on.graph, 0, 1}, copies) == GraphError::node_unknown);
  CHECK(on.graph.bind(copy, AnyRequest<>(on.host, Operation::fill)) == GraphError::other_operation);
  CHECK(on.graph.bind(copy, AnyRequest<>(on.other, Operation::copy)) == GraphError::wrong_domain);
  CHECK(on.graph.bind(copy, request(3)) == GraphError::too_many_segments);  // of the graph
  CHECK(on.graph.bind(copy, request(4)) == GraphError::too_many_segments);  // of the request
  AnyRequest<> refused(on.other, Operation::copy);
  CHECK(refused.from(region) == MappingError::wrong_domain);
  CHECK(on.graph.bind(copy, refused) == GraphError::wrong_domain);
  AnyRequest<> unmapped(on.host, Operation::copy);
  CHECK(unmapped.from(AnyRegion{}) == MappingError::not_mapped);
  CHECK(on.graph.bind(copy, unmapped) == GraphError::memory_refused);
  CHECK(on.graph.bind(copy, copies) == GraphError::none);
  CHECK(on.graph.bind(copy, copies) == GraphError::has_memory);
  REQUIRE(on.loop.run());
  CHECK(on.loop.status(0) == Status::ok);
  CHECK(on.graph.bind(copy, copies) == GraphError::node_over);
  CHECK(region.returned(on.loop.ends[0].completion) == MappingError::none);
}

TEST_CASE("every refusal is a sentence of its own") {
  std::vector<std::string> all;
  for (int i = 0; i <= static_cast<int>(GraphError::memory_refused); ++i) {
    all.emplace_back(describe(static_cast<GraphError>(i)));
    CHECK(all.back() != "an unknown error");
    for (std::size_t j = 0; j + 1 < all.size(); ++j) CHECK(all[j] != all.back());
  }
}

TEST_CASE("S3.4: which channel and domain run a node is known before anything is mapped") {
  Rig on;
  const ChannelId first = on.graph.use(*on.first.channel, on.host);
  const ChannelId second = on.graph.use(*on.second.channel, on.other);
  CHECK(on.graph.only_domain() == nullptr);
  const NodeId a = on.graph.add(first, Operation::copy).node;
  CHECK(on.graph.only_domain() == &on.host);
  const NodeId b = on.graph.add(second, Operation::crc32c, {a}).node;
  CHECK(on.graph.runs_on(a).channel == on.first.channel.get());
  CHECK(on.graph.runs_on(a).domain == &on.host);
  CHECK(on.graph.runs_on(b).channel == on.second.channel.get());
  CHECK(on.graph.runs_on(b).domain == &on.other);
  CHECK(on.graph.runs_on(NodeId{}).channel == nullptr);
  CHECK(on.graph.only_domain() == nullptr);
  CHECK(on.host.stats().maps + on.other.stats().maps == 0);
  CHECK(on.table.size() == 0);
}

TEST_CASE("S2.19: that one channel runs the whole is found by looking, and nothing can claim it") {
  Rig on;
  const ChannelId first = on.graph.use(*on.first.channel, on.host);
  const ChannelId second = on.graph.use(*on.second.channel, on.host);
  CHECK(on.graph.only_channel() == nullptr);
  (void)on.graph.add(first, Operation::copy);
  (void)on.graph.add(first, Operation::crc32c);
  CHECK(on.graph.only_channel() == on.first.channel.get());
  (void)on.graph.add(second, Operation::crc32c);
  CHECK(on.graph.only_channel() == nullptr);
  Rig two;  // the last node is the second
  (void)two.graph.add(two.graph.use(*two.first.channel, two.host), Operation::copy);
  (void)two.graph.add(two.graph.use(*two.second.channel, two.host), Operation::copy);
  CHECK(two.graph.only_channel() == nullptr);
  // All that a back-end can declare: another member does not fit in here.
  const auto [operations, segments, length, alignment, mask, residue, configurable, external] =
      Capabilities{};
  CHECK((operations.empty() && mask == ~std::uint64_t{0} && !configurable && !external));
  CHECK(segments + length + alignment + static_cast<unsigned>(residue) == 2);
  // And a bit that names no operation is refused.
  for (unsigned bit = kOperations; bit < 32; ++bit) {
    const Capabilities claims{
        .operations = OperationSet{Operation::copy} | OperationSet{static_cast<Operation>(bit)},
        .max_length = 64};
    Hand hand;
    CHECK_THROWS_AS(
        (void)on.first.engine.open_operations({}, std::make_unique<HandBackend>(hand, claims)),
        std::invalid_argument);
  }
}

TEST_CASE("a channel that is forgotten is not used again, and its nodes end") {
  Rig on;
  Hand hand;
  Station leaving(Placement::driven, std::make_unique<HandBackend>(hand));
  const ChannelId there = on.graph.use(*leaving.channel, on.host);
  const ChannelId here = on.graph.use(*on.first.channel, on.host);
  const auto ready = [&](ChannelId where, std::initializer_list<NodeId> parents) {
    const NodeId node = on.graph.add(where, Operation::nop, parents).node;
    CHECK(on.graph.bind(node, AnyRequest<>(on.host, Operation::nop)) == GraphError::none);
    return node;
  };
  const NodeId under_way = ready(there, {});
  (void)ready(here, {under_way});
  CHECK(on.graph.advance().submitted == 1);
  const NodeId waiting = on.graph.add(there, Operation::nop).node;
  on.graph.forget(there);
  leaving.channel.reset();
  CHECK(on.graph.runs_on(under_way).channel == nullptr);
  CHECK(on.graph.add(there, Operation::nop).error == GraphError::channel_unknown);
  CHECK(on.graph.bind(waiting, AnyRequest<>(on.host, Operation::nop)) == GraphError::node_over);
  REQUIRE(on.loop.run());
  REQUIRE(on.loop.ends.size() == 3);
  CHECK(on.loop.status(0) == Status::aborted);
  CHECK(on.loop.status(1) == Status::not_attempted);
  CHECK(on.loop.ends[1].cause.node == under_way);
  CHECK(on.loop.ends[1].cause.channel == nullptr);
  CHECK(on.loop.status(2) == Status::not_attempted);
  CHECK(on.first.channel->stats().submitted == 0);
}

TEST_CASE("a graph that is given up begins nothing more, ends all, and is used again") {
  Rig on;
  const ChannelId here = on.graph.use(*on.first.channel, on.host);
  for (int round = 0; round < 3; ++round) {
    const NodeId first = on.graph.add(here, Operation::nop).node;
    const NodeId second = on.graph.add(here, Operation::copy, {first}).node;
    REQUIRE(on.graph.bind(first, AnyRequest<>(on.host, Operation::nop)) == GraphError::none);
    CHECK(on.graph.advance().submitted == 1);
    CHECK_FALSE(on.graph.clear());
    on.graph.give_up();
    CHECK(on.graph.bind(second, AnyRequest<>(on.host, Operation::copy)) == GraphError::node_over);
    on.loop.ends.clear();
    REQUIRE(on.loop.run());
    REQUIRE(on.loop.ends.size() == 2);
    CHECK(on.loop.status(0) == Status::ok);
    CHECK(on.loop.status(1) == Status::not_attempted);
    CHECK(on.graph.clear());
    CHECK(on.graph.runs_on(first).channel == nullptr);
    CHECK(on.graph.add(here, Operation::nop, {first}).error == GraphError::parent_not_declared);
  }
  CHECK(on.graph.over());
  CHECK_FALSE(std::is_move_constructible_v<TransferGraph>);
}

}  // namespace
}  // namespace bellpull::engine::test
