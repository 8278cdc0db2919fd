// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bellpull/engine/any_region.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "bellpull/engine/region.hpp"
#include "bellpull/engine/transfer_graph.hpp"
#include "operation_rig.hpp"

namespace bellpull::engine::test {

struct Host {
  static constexpr const char* kName = "host";
};

/// A channel with an engine of its own.
struct Station {
  explicit Station(Placement placement, std::unique_ptr<Backend> backend = make_copy_backend(),
                   const OperationOptions& options = {})
      : engine({.placement = placement}),
        channel(engine.open_operations(options, std::move(backend))) {}

  Engine engine;
  std::unique_ptr<OperationChannel> channel;
};

/// A copy back-end that goes wrong as planned.
class FaultyStation : public Station {
 public:
  FaultyStation(Placement placement, const std::string& plan, const OperationOptions& options = {})
      : FaultyStation(std::make_unique<FaultCounters>(), placement, plan, options) {}
  ~FaultyStation() { channel.reset(); }

 private:
  FaultyStation(std::unique_ptr<FaultCounters> counters, Placement placement,
                const std::string& plan, const OperationOptions& options)
      : Station(placement, make_fault_backend(make_copy_backend(), parsed(plan), *counters),
                options),
        counters_(std::move(counters)) {}
  static FaultPlan parsed(const std::string& text) {
    const ParsedFault fault = parse_fault(text);
    REQUIRE_MESSAGE(fault, fault.error);
    return fault.plan;
  }
  std::unique_ptr<FaultCounters> counters_;
};

/// Completions that were nobody's node, and the loop of an owner around a graph.
struct Loop {
  TransferGraph& graph;
  std::vector<Station*> stations;
  std::vector<OperationCompletion> others{};
  std::vector<NodeEnd> ends{};
  std::uint64_t submitted = 0;  // as advance() said

  /// One turn without advance(): engines run, completions are polled and handed over.
  std::size_t turn(std::size_t budget = 16) {
    std::size_t polled = 0;
    for (Station* station : stations) {
      step(station->engine);
      std::array<OperationCompletion, 16> done;
      const unsigned count = station->channel->poll(std::span(done).first(budget));
      for (const OperationCompletion& each : std::span(done).first(count)) {
        if (!graph.take(*station->channel, each)) others.push_back(each);
      }
      polled += count;
    }
    std::array<NodeEnd, 3> some;
    while (const unsigned count = graph.poll(some)) {
      ends.insert(ends.end(), some.begin(), some.begin() + count);
    }
    return polled;
  }

  /// Until the graph is over and `more` completions of others came; false when it is stuck.
  bool run(std::size_t more = 0) {
    auto give_up = std::chrono::steady_clock::now() + kStuck;
    while (!graph.over() || others.size() < more) {
      const Advanced advanced = graph.advance();
      submitted += advanced.submitted;
      const std::size_t polled = turn();
      if (polled + advanced.ended + advanced.submitted != 0) {
        give_up = std::chrono::steady_clock::now() + kStuck;
      }
      if (std::chrono::steady_clock::now() > give_up) return false;
    }
    turn();
    return true;
  }

  [[nodiscard]] Status status(std::size_t at) const { return ends.at(at).completion.status; }
};

/// Nodes of nops, for tests of who begins when.
struct Nops {
  explicit Nops(Loop& loop, const Domain& domain) : loop_(loop) {
    for (Station* station : loop.stations)
      channels.push_back(loop.graph.use(*station->channel, domain));
  }
  /// A node on the station at `at`.
  NodeId add(std::size_t at, std::initializer_list<NodeId> parents = {},
             Operation operation = Operation::nop) {
    const auto added = loop_.graph.add(channels.at(at), operation, parents);
    REQUIRE(added.error == GraphError::none);
    return added.node;
  }
  /// The same with what it needs to be submitted.
  NodeId ready(std::size_t at, std::initializer_list<NodeId> parents = {},
               std::uint64_t token = 7) {
    const NodeId node = add(at, parents);
    const Domain& domain = *loop_.graph.runs_on(node).domain;
    REQUIRE(loop_.graph.bind(node, AnyRequest<>(domain, Operation::nop, {.token = token})) ==
            GraphError::none);
    return node;
  }
  std::vector<ChannelId> channels;

 private:
  Loop& loop_;
};

}  // namespace bellpull::engine::test
