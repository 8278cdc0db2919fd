// SPDX-License-Identifier: BSD-2-Clause
// A RAID stripe: one unit copies the data, another adds up the parity, in domains of their own or
// in one. The order that goes wrong with async_tx is stopped at its second step.
#include <doctest/doctest.h>

#include "graph_rig.hpp"
#include "region_rig.hpp"

namespace bellpull::engine::test {
namespace {

using enum DeviceAccess;
constexpr std::size_t kBlock = 32;
constexpr std::size_t kBlocks = 4;  // data, and one more for the parity
using Blocks = std::array<std::byte, kBlock*(kBlocks + 1)>;

/// A device that adds: its `copy` is an exclusive or of the source into the destination.
class AddingBackend final : public Backend {
 public:
  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {Operation::copy}, .max_segments = 1, .max_length = kBlock};
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return held_.id == 0 ? 1 : 0; }
  unsigned start(std::span<const Op> ops) noexcept override {
    held_ = ops[0];
    return 1;
  }
  Reaped reap(std::span<Done> done) noexcept override {
    if (held_.id == 0) return {};
    const Segment from = held_.source[0], to = held_.destination[0];
    for (std::size_t i = 0; i < from.length; ++i) to.data[i] ^= from.data[i];
    done[0] = {.id = std::exchange(held_.id, 0), .bytes = from.length};
    return {1, false};
  }
  bool cancel(std::uint64_t id) noexcept override {
    if (id != held_.id) return false;
    held_.id = 0;
    return true;
  }
  void stop() noexcept override { held_.id = 0; }

 private:
  Op held_;
};

struct Raid {
  Raid(Placement copier, Placement adder)
      : copying(copier), adding(adder, std::make_unique<AddingBackend>()) {
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(13 * i + 5);
  }
  void check_parity() const {
    for (std::size_t i = 0; i < kBlock; ++i) {
      std::byte sum{};
      for (std::size_t block = 0; block < kBlocks; ++block) {
        CHECK(stripe[block * kBlock + i] == input[block * kBlock + i]);
        sum ^= input[block * kBlock + i];
      }
      CHECK(stripe[kBlocks * kBlock + i] == sum);
    }
  }
  std::array<std::byte, kBlock * kBlocks> input{};
  Blocks stripe{};
  MappingTable table;
  Station copying, adding;
  TransferGraph graph{{}};
  Loop loop{graph, {&copying, &adding}};
};

// The nodes that add the blocks up, one after the other.
template <class Tag>
std::vector<NodeOf<Tag>> add_up(TransferGraph& graph, ChannelOf<Tag> channel, NodeId parent) {
  std::vector<NodeOf<Tag>> nodes;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    const auto added = graph.add(channel, Operation::copy, {parent});
    REQUIRE(added);
    nodes.push_back(added.node);
    parent = added.node;
  }
  return nodes;
}
template <class Tag>
void bind_all(TransferGraph& graph, const std::vector<NodeOf<Tag>>& nodes, Source<Tag> from,
              Destination<Tag> to) {
  for (std::size_t block = 0; block < kBlocks; ++block) {
    REQUIRE(graph.bind(nodes[block], TypedRequest<Tag>::copy(to.part(kBlocks * kBlock, kBlock),
                                                             from.part(block * kBlock, kBlock),
                                                             {.token = 1})) == GraphError::none);
  }
}

TEST_CASE("S3.10: a stripe is copied by one channel, its parity is added up by another") {
  for (const Placement copier : kPlacements) {
    for (const Placement adder : kPlacements) {
      CAPTURE(describe(copier));
      CAPTURE(describe(adder));
      Raid raid(copier, adder);
      DomainOf<Host> host(raid.table);
      const auto first = raid.graph.use(TypedChannel<Host>(*raid.copying.channel, host));
      const auto second = raid.graph.use(TypedChannel<Host>(*raid.adding.channel, host));
      const auto copy = raid.graph.add(first, Operation::copy);
      const auto sums = add_up(raid.graph, second, copy.node);
      auto input = host.map<read>(raid.input).region;
      auto stripe = host.map<read_write>(raid.stripe).region;
      auto lent_input = std::move(input).lend(1);
      auto lent_stripe = std::move(stripe).lend(1, kBlocks + 1);
      const Destination<Host> to(lent_stripe);
      REQUIRE(raid.graph.bind(copy.node, TypedRequest<Host>::copy(to.part(0, kBlock * kBlocks),
                                                                  lent_input, {.token = 1})) ==
              GraphError::none);
      bind_all(raid.graph, sums, Source<Host>(lent_stripe), to);
      REQUIRE(raid.loop.run());
      for (const NodeEnd& end : raid.loop.ends) {
        CHECK(end.completion.status == Status::ok);
        if (end.node == copy.node) input = lent_input.returned(end.completion);
        stripe = lent_stripe.returned(end.completion);
      }
      CHECK(input);
      REQUIRE(stripe);
      raid.check_parity();
      CHECK(host.domain().stats().maps == 2);
      CHECK(host.domain().stats().unmaps == 0);
    }
  }
}

TEST_CASE(
    "S3.5, check 16: over two domains the wrong order is stopped at step 2, the right one runs") {
  Raid raid(Placement::driven, Placement::autonomous);
  DomainOf<CopyUnit> copies(raid.table);
  DomainOf<XorUnit> adds(raid.table);
  const auto first = raid.graph.use(TypedChannel<CopyUnit>(*raid.copying.channel, copies));
  const auto second = raid.graph.use(TypedChannel<XorUnit>(*raid.adding.channel, adds));
  const auto copy = raid.graph.add(first, Operation::copy);
  const auto sums = add_up(raid.graph, second, copy.node);
  CHECK(raid.graph.only_domain() == nullptr);  // so it cannot be mapped once for all

  auto input = std::move(copies.map<read>(raid.input).region).lend(1);
  auto stripe = std::move(copies.map<read_write>(raid.stripe).region).lend(1);  // step 1
  {
    const auto too_early = adds.map<read_write>(raid.stripe);  // step 2 of the wrong order
    CHECK(too_early.refusal.error == MappingError::owned_elsewhere);
    CHECK(too_early.refusal.holder == CopyUnit::kName);
    CHECK(too_early.refusal.lent_parts == 2 - 1);
  }
  const auto to = Destination<CopyUnit>(stripe).part(0, kBlock * kBlocks);
  REQUIRE(raid.graph.bind(copy.node, TypedRequest<CopyUnit>::copy(to, input, {.token = 1})) ==
          GraphError::none);
  while (raid.loop.ends.empty()) {  // step 2: the copy
    raid.graph.advance();
    raid.loop.turn();
  }
  CHECK_FALSE(raid.graph.over());
  CHECK(raid.adding.channel->stats().submitted == 0);
  CHECK(stripe.returned(raid.loop.ends[0].completion));  // step 3: and unmapped
  CHECK(input.returned(raid.loop.ends[0].completion));
  auto mapped = adds.map<read_write>(raid.stripe);  // step 4
  REQUIRE(mapped);
  auto again = std::move(mapped.region).lend(1, kBlocks);
  bind_all(raid.graph, sums, Source<XorUnit>(again), Destination<XorUnit>(again));
  REQUIRE(raid.loop.run());  // step 5: the sums, from here
  REQUIRE(raid.loop.ends.size() == 1 + kBlocks);
  for (std::size_t i = 1; i <= kBlocks; ++i) {
    CHECK(bool(again.returned(raid.loop.ends[i].completion)) == (i == kBlocks));  // step 6
  }
  raid.check_parity();
  CHECK(raid.table.size() == 0);
  CHECK(copies.domain().stats().maps == 2);
  CHECK(adds.domain().stats().maps == 1);
}

}  // namespace
}  // namespace bellpull::engine::test
