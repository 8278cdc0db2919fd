// SPDX-License-Identifier: BSD-2-Clause
// S0.19 of a shared channel; part of the program that counts allocations.
#include <doctest/doctest.h>

#include <array>

#include "counted_allocation.hpp"
#include "shared_rig.hpp"

namespace bellpull::engine::test {
namespace {

TEST_CASE("S0.19: sharing a channel allocates nothing once it is open") {
  SharedRig rig({}, make_copy_backend(), {.submitters = 3, .depth = 8});
  std::array<std::byte, 64> from{}, to{};
  const Segment source{from.data(), from.size()}, destination{to.data(), to.size()};
  const std::array batch{copy_of({&source, 1}, {&destination, 1}), nop(1, true), nop(2)};
  std::array<OperationCompletion, 8> some;
  Submitter stays = rig.shared.join();
  std::uint64_t polled = 0;
  const std::uint64_t before = allocations();
  for (int round = 0; round < 20000; ++round) {
    Submitter passing = rig.shared.join();
    for (Submitter* submitter : {&stays, &passing}) {
      (void)submitter->post(batch);
      submitter->issue();
      (void)submitter->arm();
      polled += submitter->poll(some);
    }
    (void)rig.shared.run(64);
    (void)rig.rig.engine.run(64);
    (void)rig.shared.arm();
    if (round % 100 == 0) stays.reset();
  }
  CHECK(allocations() == before);
  CHECK(polled > 20000);
}

}  // namespace
}  // namespace bellpull::engine::test
