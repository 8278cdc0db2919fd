// SPDX-License-Identifier: BSD-2-Clause
// Random graphs, their nodes dealt out to back-ends at random, against the same transfers one after
// the other.
#include "graph_model.hpp"

#include <doctest/doctest.h>

#include "graph_rig.hpp"
#include "sanitizers.hpp"
#include "seeds.hpp"

namespace bellpull::engine::test {
namespace {

// Channels that have little in common but what they can do.
struct Farm {
  explicit Farm(Random& random) {
    const std::string always = "copy_crc32c:timeout:reaps=2";
    const std::string late =
        always + ";chance=300000:late:reaps=5;seed=" + std::to_string(below(random, 1000));
    const auto size = [&] { return static_cast<std::uint32_t>(4 << below(random, 3)); };
    using enum Placement;
    stations.push_back(
        std::make_unique<FaultyStation>(driven, always, OperationOptions{.size = size()}));
    stations.push_back(std::make_unique<FaultyStation>(
        driven, late, OperationOptions{.size = size(), .layout = QueueLayout::packed}));
    stations.push_back(
        std::make_unique<FaultyStation>(autonomous, always, OperationOptions{.size = size()}));
    stations.push_back(std::make_unique<FaultyStation>(
        autonomous, late, OperationOptions{.size = size(), .layout = QueueLayout::packed}));
    for (const auto& station : stations) all.push_back(station.get());
  }
  std::vector<std::unique_ptr<FaultyStation>> stations;
  std::vector<Station*> all;
};

// Declares the nodes on channels by chance, in one of a few ways of being assigned.
class Trial {
 public:
  Trial(Random& random, Farm& farm, const Planned& nodes, const Memory& before)
      : random_(random), nodes_(nodes), memory_(before), loop_{graph_, farm.all} {
    for (auto& buffer : memory_) {
      regions_.push_back(AnyRegion::map(host_, buffer, DeviceAccess::read_write).region);
      REQUIRE(regions_.back().lend(kToken, static_cast<std::uint32_t>(nodes.size())) ==
              MappingError::none);
    }
    std::vector<ChannelId> channels;
    for (Station* const station : farm.all)
      channels.push_back(graph_.use(*station->channel, host_));
    const std::size_t only = below(random, 2 * channels.size());  // or all of them
    for (const PlannedNode& node : nodes_) {
      std::vector<NodeId> parents;
      for (const std::uint32_t parent : node.parents) parents.push_back(ids_[parent]);
      const std::size_t on = only < channels.size() ? only : below(random, channels.size());
      const auto added = graph_.add(channels[on], node.operation, parents);
      REQUIRE(added);
      ids_.push_back(added.node);
    }
  }

  // The graph's nodes get their memory before it begins or while it runs, among other users.
  void run(Farm& farm) {
    std::size_t bound = below(random_, 2) == 0 ? 0 : nodes_.size(), others = 0;
    for (std::size_t i = 0; i < bound; ++i) bind(i);
    auto give_up = std::chrono::steady_clock::now() + kStuck;
    while (!graph_.over() || loop_.others.size() < others) {
      if (bound != nodes_.size() && below(random_, 2) == 0) bind(bound++);
      Station& any = *farm.all[below(random_, farm.all.size())];
      if (others < 6 && below(random_, 8) == 0) others += post_other(*any.channel);
      const Advanced advanced = graph_.advance();
      if (advanced.submitted + advanced.ended + loop_.turn(1 + below(random_, 4)) != 0) {
        give_up = std::chrono::steady_clock::now() + kStuck;
      }
      REQUIRE(std::chrono::steady_clock::now() < give_up);
    }
    loop_.turn();
    CHECK(loop_.others.size() == others);
  }

  // Counts what is not as it should be.
  void check(const std::vector<Expected>& expected, const Memory& after) {
    REQUIRE(loop_.ends.size() == expected.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const NodeEnd& end = loop_.ends[i];
      const OperationCompletion& done = end.completion;
      const bool named = end.cause.node.graph != nullptr;
      wrong += end.node != ids_[i] || done.status != expected[i].status ||
               done.error != expected[i].error || done.value != expected[i].value ||
               done.bytes != expected[i].bytes || named != (expected[i].cause != kNobody) ||
               (named && end.cause.node.index != expected[i].cause) ||
               done.token != (has_memory_[i] ? kToken : 0);
      OperationCompletion of_all = done;  // those without memory count too
      of_all.token = kToken;
      const bool last = i + 1 == expected.size();
      for (AnyRegion& region : regions_) {
        wrong += region.returned(of_all) != (last ? MappingError::none : MappingError::under_way);
      }
    }
    CHECK(wrong == 0);
    CHECK(memory_ == after);
    CHECK(host_.stats().maps == kBuffers);
  }

 private:
  void bind(std::size_t at) {
    const PlannedNode& node = nodes_[at];
    AnyRequest<2> request(host_, node.operation,
                          {.token = kToken,
                           .pattern = node.pattern,
                           .pattern_bytes = static_cast<std::uint8_t>(node.refused ? 0 : 1)});
    std::size_t wrong = 0;
    if (reads_source(node.operation)) {
      wrong += request.from(regions_[node.from], 0, node.split) != MappingError::none;
      wrong += request.from(regions_[node.from], node.split, node.length - node.split) !=
               MappingError::none;
    }
    if (has_destination(node.operation)) {
      wrong += request.to(regions_[node.to], 0, node.length) != MappingError::none;
    }
    CHECK(wrong == 0);
    const GraphError error = graph_.bind(ids_[at], request);
    // When a parent did not end well the node may be over by now, or before its turn came.
    CHECK((error == GraphError::none || error == GraphError::node_over));
    has_memory_[at] = error == GraphError::none;
  }
  // Transfers of somebody else, with the same token, which fail now and then.
  std::size_t post_other(OperationChannel& channel) {
    static std::array<std::byte, 8> bytes{}, more{};
    const Segment source{bytes.data(), 8}, destination{more.data(), 8};
    OperationRequest request{.token = kToken};
    if (below(random_, 2) == 0) {
      request.operation = Operation::copy_crc32c;
      request.source = {&source, 1};
      request.destination = {&destination, 1};
    }
    if (channel.post({&request, 1}).kind != PrepareError::Kind::none) return 0;
    channel.issue();
    return 1;
  }

  Random& random_;
  const Planned& nodes_;
  Memory memory_;
  MappingTable table_;
  Domain host_{table_, "host"};
  std::vector<AnyRegion> regions_;
  TransferGraph graph_{{.parents = kMostNodes * kMostNodes}};
  Loop loop_;
  std::vector<NodeId> ids_;
  std::array<bool, kMostNodes> has_memory_{};
};

TEST_CASE("S3.9: the same graph has the same bytes, ends and order of ends on any back-ends") {
  Random random(ring::test::announce_seed("transfer graphs", 1));
  std::size_t failed = 0, not_attempted = 0;
  for (std::uint64_t round = 0; round < scaled(600); ++round) {
    CAPTURE(round);
    const Planned nodes = plan(random);
    Memory before, after;
    for (auto& buffer : before) {
      for (std::byte& byte : buffer) byte = static_cast<std::byte>(random());
    }
    after = before;
    const std::vector<Expected> expected = run_in_turn(nodes, after);
    for (const Expected& end : expected) {
      failed += end.status == Status::failed;
      not_attempted += end.status == Status::not_attempted;
    }
    Farm farm(random);
    for (int assignment = 0; assignment < 5; ++assignment) {
      CAPTURE(assignment);
      Trial trial(random, farm, nodes, before);
      trial.run(farm);
      trial.check(expected, after);
      // Without it each fence heeds the failures of the last trial.
      if (assignment % 2 == 0) {
        for (Station* const station : farm.all) station->channel->reset();
      }
    }
  }
  CHECK(failed > 0);
  CHECK(not_attempted > failed);
}

}  // namespace
}  // namespace bellpull::engine::test
