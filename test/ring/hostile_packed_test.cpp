// SPDX-License-Identifier: BSD-2-Clause
// What a hostile driver can do with the flags, ids and event words of the packed layout.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "hostile_bench.hpp"

namespace bellpull::ring::test {
namespace {

using Bench = HostileBench<Packed>;

TEST_CASE("check 12, D15: a buffer id that is in flight already breaks the queue") {
  Bench bench(8);
  bench.driver->chain({bench.buffer()});
  REQUIRE(bench.queue.take());
  bench.driver->set(1, {bench.queue.address(0), 4, kAvail, 0});  // id 0 again
  bench.expect_broken(QueueFault::head_in_flight);
}

TEST_CASE("check 12, D15: more descriptors in flight than the ring has break the queue") {
  Bench bench(4);
  for (unsigned i = 0; i < 3; ++i) {
    bench.driver->chain({bench.buffer()});
    REQUIRE(bench.queue.take());
  }
  // Two more, the second of which is in the place of one that is not used yet.
  bench.driver->chain({bench.buffer(), bench.buffer()});
  bench.expect_broken(QueueFault::ring_overrun);
}

TEST_CASE("check 12, D22: a buffer id that is not below the size of the queue breaks it") {
  for (const std::uint16_t id : Words{8, 9, 255, 0x7fff, 0x8000, 0xffff}) {
    CAPTURE(id);
    Bench bench(8);
    bench.driver->set(0, {bench.queue.address(0), 4, kAvail, id});
    bench.expect_broken(QueueFault::id_out_of_range);
  }
  Bench bench(8);  // only the last descriptor's id counts: 2.8.6
  bench.driver->set(1, {bench.queue.address(0), 4, kAvail, 7});
  bench.driver->set(0, {bench.queue.address(0), 4, kAvail | kNext, 0xffff});
  bench.expect_accepted(7, 2, 0, 2);
}

TEST_CASE("check 12, D22: an id may be used again as soon as its chain came back") {
  Bench bench(3);
  for (unsigned i = 0; i < 20; ++i) {
    const std::uint16_t flags = bench.driver->available();
    bench.driver->set(bench.driver->place(), {bench.queue.address(0), 4, flags, 2});
    bench.driver->skip(1);
    bench.expect_accepted(2, 1, 0);
  }
}

TEST_CASE("check 12, D23: a chain that goes on into an unavailable descriptor breaks the queue") {
  // The second of three: bits of the lap before, both set, both clear (never written).
  for (const std::uint16_t bits :
       {kUsed, static_cast<std::uint16_t>(kAvail | kUsed), std::uint16_t{0}}) {
    CAPTURE(bits);
    Bench bench(8);
    const RawDesc good = bench.buffer();
    bench.driver->set(2, {good.address, 4, kAvail, 0});
    bench.driver->set(1, {good.address, 4, static_cast<std::uint16_t>(bits | kNext), 0});
    bench.driver->set(0, {good.address, 4, kAvail | kNext, 0});
    bench.expect_broken(QueueFault::descriptor_not_ready);
  }
}

TEST_CASE("check 12, D23: a head whose bits do not say available is not there yet") {
  for (const std::uint16_t bits : {kUsed, static_cast<std::uint16_t>(kAvail | kUsed),
                                   std::uint16_t{0}, std::uint16_t{0xffff}}) {
    CAPTURE(bits);
    Bench bench(8);
    bench.driver->set(0, {bench.queue.address(0), 4, bits, 0});
    bench.expect_nothing();
    CHECK_FALSE(bench.queue.device.arm());
    bench.expect_good_chain();
  }
}

TEST_CASE("check 12, D23: a ring that was marked used all over before it is used works") {
  Bench bench(4);
  for (std::uint32_t i = 0; i < 4; ++i) bench.driver->set(i, {0, 0, kAvail | kUsed, 0});
  for (unsigned i = 0; i < 9; ++i) bench.expect_good_chain();
}

TEST_CASE("check 12, D6: a chain over the whole ring that goes on breaks the queue") {
  for (const std::uint32_t size : {1U, 3U, 8U}) {
    CAPTURE(size);
    Bench bench(size);
    for (std::uint32_t i = size; i-- > 0;) {
      bench.driver->set(i, {bench.queue.address(0), 1, kAvail | kNext, 0});
    }
    Budget budget;
    Chain chain;
    CHECK(bench.queue.device.take(budget, bench.queue.pieces, chain) == Pull::broken);
    // The step after the last leads to the head, of the lap before, or is one too many.
    CHECK(bench.queue.device.fault() == QueueFault::ring_overrun);
    bench.queue.device.reset();
  }
}

TEST_CASE(
    "check 12, D24: chains over the end of the ring and over all of it flip the wrap counter") {
  for (const std::uint32_t size : {2U, 3U, 5U}) {
    CAPTURE(size);
    Bench bench(size);
    for (unsigned i = 0; i < 4 * size; ++i) {
      const std::vector<RawDesc> whole(size, bench.buffer(1));
      bench.expect_accepted(bench.driver->chain(whole), size, 0, size);
      bench.expect_accepted(bench.driver->chain({bench.buffer(1)}), 1, 0);
    }
  }
}

TEST_CASE("check 9, D25: AVAIL, USED and NEXT inside an indirect table mean nothing") {
  Bench bench;
  std::vector<RawDesc> entries(3, bench.buffer(4, kAvail | kUsed | kNext));
  entries[1].next = 0xffff;
  entries[2].flags = kWrite | kNext;
  bench.expect_accepted(bench.driver->chain({bench.table(entries)}), 2, 1);
}

TEST_CASE("check 12, D26: rings of one entry, and of sizes that are no power of two") {
  for (const std::uint32_t size : {1U, 3U, 7U, 1000U}) {
    CAPTURE(size);
    Bench bench(size);
    for (std::uint32_t i = 0; i < 3 * size + 2; ++i) {
      bench.expect_accepted(bench.driver->chain({bench.buffer(1, kWrite)}), 0, 1);
    }
  }
  HostileBench<Packed> bench(8);
  PackedMemory memory = bench.queue.memory.queue;
  memory.size = 0;
  CHECK(bench.queue.device.attach(memory, bench.queue.device_options()) == SetupError::size_zero);
}

TEST_CASE("check 12, D28: any event word costs a notification at most; what is no wish is one") {
  struct Row {
    std::uint16_t off_wrap;
    std::uint16_t flags;
    int bells;  // of 100 chains in a ring of 8, each published alone
  };
  for (const Row row : {Row{0, 3, 100}, Row{0, 0xffff, 100}, Row{8, 2, 100}, Row{0x7fff, 2, 100},
                        Row{0, 1, 0}, Row{0xffff, 1, 0}, Row{0, 0, 100},
                        // a place in a lap: once in two laps of 8, at 3, 19, 35, 51, 67, 83, 99
                        Row{3 | 0x8000, 2, 7}, Row{3, 2, 6}}) {
    CAPTURE(row.off_wrap);
    CAPTURE(row.flags);
    Bench bench(8);
    int bells = 0;
    for (unsigned i = 0; i < 100; ++i) {
      *bench.queue.memory.queue.driver_event = row.off_wrap | std::uint32_t{row.flags} << 16;
      const std::uint16_t id = bench.driver->chain({bench.buffer()});
      const auto chain = bench.queue.take();
      REQUIRE(chain);
      bench.queue.complete(*chain, 0);
      bells += bench.queue.device.publish_and_test() ? 1 : 0;
      bench.expect_used(id, 0);
    }
    CHECK(bells == row.bells);
  }
}

TEST_CASE("check 12, D28: an event in the middle of a chain is heard") {
  for (std::uint16_t event = 0; event < 4; ++event) {
    Bench bench(8);
    *bench.queue.memory.queue.driver_event = event | 0x8000U | 0x20000U;
    bench.driver->chain(std::vector<RawDesc>(4, bench.buffer()));
    const auto chain = bench.queue.take();
    REQUIRE(chain);
    bench.queue.complete(*chain, 0);
    CHECK(bench.queue.device.publish_and_test());
  }
}

TEST_CASE(
    "check 12, D32: a driver that makes the next lap available in a poll is stopped by a budget") {
  Bench bench(8);
  for (unsigned i = 0; i < 8; ++i) bench.driver->chain({bench.buffer(1)});
  Budget budget{.chains = 50};
  unsigned visits = 0;
  const Pull pull = bench.queue.device.poll(budget, bench.queue.pieces, [&](const Chain& chain) {
    ++visits;
    bench.queue.complete(chain, 0);
    bench.queue.device.publish();
    bench.driver->chain({bench.buffer(1)});
  });
  CHECK(pull == Pull::more);
  CHECK(visits == 50);
  CHECK(bench.queue.device.fault() == QueueFault::none);
}

TEST_CASE(
    "check 12, D32: a ring refilled before what was used is read breaks and does not run on") {
  Bench bench(4);
  for (unsigned i = 0; i < 4; ++i) bench.driver->chain({bench.buffer(1)});
  Budget budget{.chains = 50};
  const Pull pull = bench.queue.device.poll(budget, bench.queue.pieces, [&](const Chain&) {
    bench.driver->chain({bench.buffer(1)});  // kept in flight: more than the ring has
  });
  CHECK(pull == Pull::broken);
  CHECK(bench.queue.device.fault() == QueueFault::ring_overrun);
}

}  // namespace
}  // namespace bellpull::ring::test
