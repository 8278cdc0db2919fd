// SPDX-License-Identifier: BSD-2-Clause
// S0.19: nothing is allocated once channels are open. A program of its own, because it replaces the
// allocation functions of the whole program.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "counted_allocation.hpp"
#include "long_run.hpp"
#include "rig.hpp"
#include "sanitizers.hpp"
#include "test_backend.hpp"

namespace bellpull::engine::test {
namespace {

using Kind = PrepareError::Kind;

TEST_CASE("the counter counts") {
  if (!counts_malloc()) {
    MESSAGE("malloc belongs to the sanitizer in this build: only operator new is counted");
  }
  const std::uint64_t before = allocations();
  const auto* const volatile one = new int(1);
  CHECK(allocations() == before + 1);
  delete one;
  if (counts_malloc()) {
    void* volatile memory = std::malloc(100);
    CHECK(allocations() == before + 2);
    std::free(memory);
  }
}

// Sends and receives with everything a client can do in between.
std::uint64_t allocations_of(Rig& rig, std::uint64_t transfers) {
  std::array<std::byte, 64> text{}, room{};
  const std::array<Segment, 2> from{{{text.data(), 16}, {text.data() + 16, 16}}};
  const std::array<Segment, 2> to{{{room.data(), 20}, {room.data() + 20, 44}}};
  const Request send{from, 1}, receive{to, 2};
  std::array<Request, 8> sends, receives;
  sends.fill(send);
  receives.fill(receive);
  std::uint64_t received = 0;
  const std::uint64_t before = allocations();
  const auto some_more = [&] {
    while (rig.rx->post(receives).kind == Kind::none) {
    }
    rig.rx->issue();
    { const PrepareResult dropped = rig.tx->prepare(sends); }
    if (PrepareResult result = rig.tx->prepare(sends)) rig.tx->submit(std::move(result.prepared));
    rig.tx->issue();
    std::array<Completion, 16> completions;
    rig.tx->poll(completions);
    received += rig.rx->poll(completions);
    (void)rig.tx->arm();
    (void)rig.rx->arm();
    (void)rig.rx->stats();
    (void)rig.engine.stats();
    return received >= transfers;
  };
  const bool done = until(rig.engine, some_more, [&] { return received; });
  const std::uint64_t after = allocations();
  CHECK(done);
  rig.tx->stop();  // the buffers end here, the channels later
  rig.rx->stop();
  return after - before;
}

TEST_CASE("S0.19, S2.25: a million transfers allocate nothing") {
  for (const Setting& setting : kSettings) {
    CAPTURE(describe(setting));
    BellCounter bell;
    Rig rig(setting, {.tx_bell = bell.notify(), .rx_bell = bell.notify()});
    const bool main_course = setting.medium == Medium::loopback;
    const std::uint64_t transfers = main_course ? 1'000'000 : 20'000;
    CHECK(allocations_of(rig, scaled(transfers) * (long_run() ? 10 : 1)) == 0);
  }
}

TEST_CASE("S0.19: failed transfers, and stopping and polling what was stopped, allocate nothing") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    FdCounters counters;
    SocketPair pair(SOCK_DGRAM);
    Engine engine({.placement = placement});
    const auto tx = engine.open_stream({}, writer(pair.left(), counters));
    const auto rx = engine.open_stream({}, reader(pair.right(), counters));
    std::vector<std::byte> too_long(1u << 20);
    const Segment segment{too_long.data(), too_long.size()};
    const Request request{{&segment, 1}, 1};
    std::array<Completion, 256> done;
    std::uint64_t failed = 0;
    const std::uint64_t before = allocations();
    const auto some_more = [&] {
      while (tx->post({&request, 1}).kind == Kind::none) {
      }
      tx->issue();
      const unsigned count = tx->poll(done);
      for (unsigned i = 0; i < count; ++i) failed += done[i].error == EMSGSIZE ? 1 : 0;
      return failed >= 1000;
    };
    const bool all = until(engine, some_more, [&] { return failed; });
    while (rx->post({&request, 1}).kind == Kind::none) {
    }
    rx->issue();
    rx->stop();
    const unsigned stopped = rx->poll(done);
    const std::uint64_t after = allocations();
    CHECK(all);
    CHECK(stopped == 256);
    CHECK(after - before == 0);
  }
}

TEST_CASE("a channel that cannot be opened for want of memory leaves its engine as it was") {
  for (const Placement placement : kPlacements) {
    CAPTURE(describe(placement));
    BackendLog log;
    FdCounters counters;
    SocketPair pair(SOCK_DGRAM);
    Engine engine({.placement = placement});
    const auto channel = engine.open_stream({}, std::make_unique<TestBackend>(log));
    std::byte byte{};
    const Segment segment{&byte, 1};
    const Request request{{&segment, 1}, 1};
    std::int64_t failures = 0;
    for (bool opened = false; !opened; ++failures) {
      auto backend = reader(pair.left(), counters);
      fail_allocation(failures);
      try {
        const auto other = engine.open_stream({}, std::move(backend));
        fail_allocation(-1);
        opened = true;
      } catch (const std::bad_alloc&) {
        fail_allocation(-1);
      }
      if (placement == Placement::driven) CHECK(engine.wait_sources().empty());
      REQUIRE(channel->post({&request, 1}).kind == Kind::none);
      channel->issue();
      REQUIRE(collect(engine, *channel, 1).size() == 1);
    }
    CHECK(failures > 10);
  }
}

}  // namespace
}  // namespace bellpull::engine::test
