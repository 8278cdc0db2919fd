// SPDX-License-Identifier: BSD-2-Clause
// Every kind of fault on every kind of channel: the program outlives all of them.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "fault_rig.hpp"
#include "operation_rig.hpp"

namespace bellpull::engine::test {
namespace {

constexpr std::array kFaults{"read-error",   "write-error",   "timeout:reaps=3",
                             "corrupt",      "false-success", "stuck",
                             "late:reaps=4", "duplicate",     "garbage-id"};

// All operations with that fault; each has to come back once, whatever is said of it.
void outlive(const OperationSetting& setting, ErrorPolicy policy, const char* fault) {
  FaultCounters counters;
  OperationRig rig(setting, faulty(std::string(fault) + ":every=3", make_copy_backend(), counters),
                   {.size = 64, .on_error = policy});
  Bytes from(100, std::byte{1}), to(100, std::byte{1});
  Cookie submitted = 0, polled = 0;
  std::array<OperationCompletion, 64> done;
  const auto poll = [&] {
    const unsigned count = rig.channel->poll(done);
    for (unsigned i = 0; i < count; ++i) REQUIRE(done[i].cookie == ++polled);
  };
  for (int round = 0; round < 15; ++round) {
    for (const Operation operation :
         {Operation::nop, Operation::copy, Operation::fill, Operation::crc32c,
          Operation::copy_crc32c, Operation::compare}) {
      OperationRequest request{.operation = operation, .fence = round % 4 == 3};
      if (reads_source(operation)) request.source = from.list();
      if (has_destination(operation)) request.destination = to.list();
      if (rig.submit(request) != 0) ++submitted;
    }
    rig.channel->issue();
    for (int i = 0; i < 3; ++i) step(rig.engine);
    poll();
    if (round % 5 == 4) rig.channel->terminate();
    if (round % 3 == 2) rig.channel->reset();
  }
  rig.channel->terminate();
  poll();
  CHECK(polled == submitted);
  CHECK(submitted >= 40);
  CHECK(rig.channel->free_slots() == 64);
}

TEST_CASE("S0.12: the program outlives every kind of injected fault, with all assertions on") {
#ifndef _GLIBCXX_ASSERTIONS
  MESSAGE("the assertions of the standard library are off in this build");
#endif
  for (const char* const fault : kFaults) {
    CAPTURE(fault);
    for (const OperationSetting& setting : kOperationSettings) {
      CAPTURE(describe(setting));
      for (const ErrorPolicy policy : {ErrorPolicy::go_on, ErrorPolicy::halt}) {
        outlive(setting, policy, fault);
      }
    }
  }
}

TEST_CASE("S0.12: streams outlive every kind of injected fault, too, on either end") {
  for (const char* const fault : kFaults) {
    CAPTURE(fault);
    for (const Placement placement : kPlacements) {
      CAPTURE(describe(placement));
      FaultCounters counters;
      Engine engine({.placement = placement});
      LoopbackPair ends = make_loopback({});
      const std::string plan = std::string(fault) + ":every=3";
      const auto tx =
          engine.open_stream({.size = 16}, faulty(plan, std::move(ends.sender), counters));
      const auto rx =
          engine.open_stream({.size = 16}, faulty(plan, std::move(ends.receiver), counters));
      std::array<std::byte, 32> from{}, to{};
      std::array<Completion, 16> done;
      std::array<Cookie, 2> polled{};
      for (int round = 0; round < 200; ++round) {
        (void)post(*tx, from, 0);
        (void)post(*rx, to, 0);
        tx->issue();
        rx->issue();
        step(engine);
        polled[0] += tx->poll(done);
        polled[1] += rx->poll(done);
      }
      tx->stop();
      rx->stop();
      polled[0] += tx->poll(done);
      polled[1] += rx->poll(done);
      CHECK(polled[0] == tx->stats().submitted);
      CHECK(polled[1] == rx->stats().submitted);
      CHECK(tx->free_slots() == 16);
      CHECK(rx->free_slots() == 16);
    }
  }
}

}  // namespace
}  // namespace bellpull::engine::test
