// SPDX-License-Identifier: BSD-2-Clause
// S0.19 of graphs and typed requests; part of the program that counts allocations.
#include <doctest/doctest.h>

#include "counted_allocation.hpp"
#include "graph_rig.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("S0.19: a graph that is made allocates nothing more: declared, run, cleared, again") {
  Station first(Placement::driven, make_copy_backend(), {.size = 8});
  Station second(Placement::autonomous, make_copy_backend(), {.size = 8});
  MappingTable table;
  DomainOf<Host> host(table);
  TransferGraph graph({});
  const auto one = graph.use(TypedChannel<Host>(*first.channel, host));
  const auto two = graph.use(TypedChannel<Host>(*second.channel, host));
  std::array<std::byte, 64> memory{};
  auto region = host.map<DeviceAccess::read_write>(memory).region;
  const auto poll = [&](Station& station) {
    step(station.engine);
    std::array<OperationCompletion, 4> done;
    const unsigned count = station.channel->poll(done);
    for (const auto& each : std::span(done).first(count)) (void)graph.take(*station.channel, each);
  };
  std::uint64_t ended = 0, refused = 0;
  const std::uint64_t before = allocations();
  for (int round = 0; round < 200; ++round) {
    auto lent = std::move(region).lend(1, 10);
    const Source<Host> from(lent);
    const Destination<Host> to(lent);
    NodeId last{};
    for (int i = 0; i < 10; ++i) {
      const auto added = i == 0 ? graph.add(one, Operation::copy)
                                : graph.add(i % 3 == 0 ? two : one, Operation::copy, {last});
      last = added.node;
      // The sixth is refused: its lists are not equally long.
      const auto request =
          TypedRequest<Host>::copy(to.part(32, 16), from.part(0, i == 5 ? 8 : 16), {.token = 1});
      (void)graph.bind(added.node, request);
    }
    while (!graph.over()) {
      graph.advance();
      poll(first);
      poll(second);
    }
    std::array<NodeEnd, 10> ends;
    ended += graph.poll(ends);
    for (const NodeEnd& end : ends) {
      refused += end.refusal.kind != PrepareError::Kind::none;
      if (auto back = lent.returned(end.completion)) region = std::move(back);
    }
    (void)graph.clear();
  }
  CHECK(allocations() == before);
  CHECK(ended == 2000);
  CHECK(refused == 200);
  CHECK(region);
}

}  // namespace
}  // namespace bellpull::engine::test
