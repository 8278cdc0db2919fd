// SPDX-License-Identifier: BSD-2-Clause
// S0.19 of injected faults; part of the program that counts allocations.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/fault_backend.hpp"
#include "counted_allocation.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("S0.19: making faults of all kinds allocates nothing") {
  std::string text = "chance=50000:stuck";
  for (unsigned kind = 0; kind < kFaultKinds; ++kind) {
    text += ";chance=100000:" + std::string(name_of(static_cast<FaultKind>(kind)));
  }
  const ParsedFault parsed = parse_fault(text);
  REQUIRE(parsed);
  FaultCounters counters;
  const auto backend = make_fault_backend(make_copy_backend({.window = 16}), parsed.plan, counters);
  std::array<std::byte, 64> from{}, to{};
  const std::array<Segment, 2> source{{{from.data(), 30}, {from.data() + 30, 34}}};
  const std::array<Segment, 2> destination{{{to.data(), 5}, {to.data() + 5, 59}}};
  Op op{.source = source, .destination = destination, .operation = Operation::copy};
  std::array<Done, 8> done;
  const std::uint64_t before = allocations();
  for (int round = 0; round < 20000; ++round) {
    ++op.id;
    (void)backend->start({&op, 1});
    (void)backend->reap(done);
    (void)backend->progress(op.id);
    if (round % 50 == 0) (void)backend->cancel(op.id);
    if (round % 500 == 0) backend->stop();
  }
  CHECK(allocations() == before);
  for (unsigned kind = 0; kind < kFaultKinds; ++kind) CHECK(counters.faults[kind].value() > 0);
}

}  // namespace
}  // namespace bellpull::engine::test
