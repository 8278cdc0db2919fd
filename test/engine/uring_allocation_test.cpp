// SPDX-License-Identifier: BSD-2-Clause
// S0.19 of streams through io_uring: their rings are made when they are opened, and that was that.
// Part of the program that counts allocations.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>

#include "bellpull/engine/uring_backend.hpp"
#include "counted_allocation.hpp"
#include "counted_lock.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"

namespace bellpull::engine::test {

TEST_CASE("S0.19: streams through io_uring allocate nothing and take no lock") {
  if (const std::string why = uring_refusal().reason; !why.empty()) {
    MESSAGE("SKIPPED: no io_uring: " << why);
    return;
  }
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_SEQPACKET);
    Engine engine({.placement = placement});
    const auto tx = engine.open_stream({}, make_uring_backend({.fd = pair.left()}, counters));
    const auto rx = engine.open_stream(
        {}, make_uring_backend({.fd = pair.right(), .direction = Direction::device_to_memory},
                               counters));
    std::string text = "some text", room(16, '.');
    std::array<Completion, 64> done;
    std::uint64_t received = 0;
    const std::uint64_t wanted = scaled(100'000);
    const std::uint64_t allocated = allocations(), locked = locks();
    const auto turn = [&] {
      while (post(*rx, bytes_of(room), 0).kind == PrepareError::Kind::none) {
      }
      rx->issue();
      while (post(*tx, bytes_of(text), 0).kind == PrepareError::Kind::none) {
      }
      tx->issue();
      tx->poll(done);
      received += rx->poll(done);
      return received >= wanted;
    };
    const bool all = until(engine, turn, [&] { return received; });
    const std::uint64_t allocated_after = allocations(), locked_after = locks();
    tx->stop();
    rx->stop();
    CHECK(all);
    CHECK(allocated_after == allocated);
    CHECK(locked_after == locked);
  }
}

}  // namespace bellpull::engine::test
