// SPDX-License-Identifier: BSD-2-Clause
// What a hostile driver can do with the indices and links of the split layout.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "hostile_bench.hpp"

namespace bellpull::ring::test {
namespace {

using Bench = HostileBench<Split>;

TEST_CASE("check 12, D1: an available index ahead by more than the queue's size breaks the queue") {
  for (const std::uint16_t index : Words{9, 16, 17, 255, 32768, 65534, 65535}) {
    CAPTURE(index);
    Bench bench(8);
    bench.driver->chain({bench.buffer()});
    bench.driver->show(index);
    bench.expect_broken(QueueFault::avail_index_jump);
  }
  Bench bench(8);
  for (unsigned i = 0; i < 8; ++i) bench.driver->chain({bench.buffer()});
  for (std::uint16_t i = 0; i < 8; ++i) bench.expect_accepted(i, 1, 0);  // just the size is legal
}

TEST_CASE(
    "check 12, D1: chains in flight count: no head is in flight more often than it is there") {
  Bench bench(8);
  for (unsigned i = 0; i < 5; ++i) bench.driver->chain({bench.buffer()});
  for (unsigned i = 0; i < 3; ++i) REQUIRE(bench.queue.take());
  bench.driver->show(8);
  REQUIRE(bench.queue.device.refresh() == 5);
  bench.driver->show(9);
  CHECK(bench.queue.device.refresh() == 0);
  bench.expect_dead(QueueFault::avail_index_jump);
}

TEST_CASE(
    "check 12, D2: an available index that goes back breaks the queue, wherever it is noticed") {
  for (const std::uint16_t back_to : Words{4, 2, 0, 65535}) {
    CAPTURE(back_to);
    Bench bench(8);
    for (unsigned i = 0; i < 5; ++i) bench.driver->chain({bench.buffer()});
    REQUIRE(bench.queue.device.refresh() == 5);
    bench.driver->show(back_to);
    CHECK(bench.queue.device.arm());
    bench.expect_dead(QueueFault::avail_index_jump);
  }
  Bench bench(8);  // behind what was taken
  for (unsigned i = 0; i < 5; ++i) bench.driver->chain({bench.buffer()});
  for (std::uint16_t i = 0; i < 5; ++i) bench.expect_accepted(i, 1, 0);
  bench.driver->show(4);
  bench.expect_broken(QueueFault::avail_index_jump);
}

TEST_CASE(
    "check 12, D3: a head outside of the table breaks the queue before a descriptor is read") {
  for (const std::uint16_t head : Words{8, 9, 255, 32768, 65535}) {
    CAPTURE(head);
    Bench bench(8);
    bench.driver->offer(head);
    bench.driver->show(1);
    bench.expect_broken(QueueFault::head_out_of_range);
  }
}

TEST_CASE("check 12, D4: a next outside of the table, in the ring and in an indirect table") {
  for (const std::uint16_t next : Words{8, 9, 255, 32768, 65535}) {
    CAPTURE(next);
    Bench bench(8);
    bench.driver->set(0, {bench.queue.address(0), 4, kNext, next});
    bench.driver->offer(0);
    bench.driver->show(1);
    CHECK_FALSE(bench.queue.take());
    CHECK(bench.queue.device.counters()
              .chain_faults[static_cast<std::size_t>(ChainFault::next_out_of_range)] == 1);
    bench.queue.device.publish();
    bench.expect_used(0, 0);
  }
  Bench bench(8);
  // A table of two: 2 is inside of the queue's table, but outside of this one.
  std::vector<RawDesc> entries = {bench.buffer(), bench.buffer()};
  entries[0].flags = kNext;
  for (const std::uint16_t next : Words{2, 7, 8, 65535}) {
    CAPTURE(next);
    entries[0].next = next;
    bench.expect_chain_fault(ChainFault::next_out_of_range,
                             bench.driver->chain({bench.table(entries)}));
  }
}

TEST_CASE("check 12, D5: loops in the ring and in a table end after as many steps as there are") {
  const auto faults = [](Bench& bench) {
    return bench.queue.device.counters()
        .chain_faults[static_cast<std::size_t>(ChainFault::too_long)];
  };
  Bench bench(8);
  bench.driver->set(0, {bench.queue.address(0), 1, kNext, 0});  // itself
  bench.driver->offer(0);
  bench.driver->show(1);
  CHECK_FALSE(bench.queue.take());
  CHECK(faults(bench) == 1);
  for (std::uint16_t i = 0; i < 8; ++i) {  // all, and around
    bench.driver->set(i,
                      {bench.queue.address(0), 1, kNext, static_cast<std::uint16_t>((i + 1) % 8)});
  }
  bench.driver->offer(3);
  bench.driver->show(2);
  CHECK_FALSE(bench.queue.take());
  CHECK(faults(bench) == 2);
  CHECK(bench.queue.device.fault() == QueueFault::none);
  bench.queue.device.publish();
  bench.expect_used(0, 0);
  bench.expect_used(3, 0);

  Bench other(8);
  std::vector<RawDesc> entries = {other.buffer(1), other.buffer(1), other.buffer(1)};
  for (RawDesc& entry : entries) entry.flags = kNext;
  entries[0].next = 1;
  entries[1].next = 0;
  other.expect_chain_fault(ChainFault::too_long, other.driver->chain({other.table(entries)}));
  entries[1].next = 1;
  other.expect_chain_fault(ChainFault::too_long, other.driver->chain({other.table(entries)}));
}

TEST_CASE("check 12, D6: one descriptor more than the queue has") {
  // Nine steps through eight descriptors: a chain can only be that long by using one twice.
  Bench bench(8);
  for (std::uint16_t i = 0; i < 8; ++i) {
    bench.driver->set(i, {bench.queue.address(0), 1, kNext, static_cast<std::uint16_t>(i + 1)});
  }
  bench.driver->set(7, {bench.queue.address(0), 1, kNext, 7});
  bench.driver->offer(0);
  bench.driver->show(1);
  CHECK_FALSE(bench.queue.take());
  CHECK(
      bench.queue.device.counters().chain_faults[static_cast<std::size_t>(ChainFault::too_long)] ==
      1);
}

TEST_CASE("check 12, D15: a head that is in flight already breaks the queue") {
  Bench bench(8);
  bench.driver->chain({bench.buffer()});
  bench.driver->offer(0);
  bench.driver->show(2);
  REQUIRE(bench.queue.take());
  bench.expect_broken(QueueFault::head_in_flight);
}

TEST_CASE("check 12, D15: a faulty chain is given back at once, so its head may come again") {
  Bench bench(8);
  bench.driver->set(0, {0, 1, 0, 0});
  for (std::uint16_t i = 0; i < 8; ++i) bench.driver->offer(0);
  bench.driver->show(8);
  CHECK_FALSE(bench.queue.take());
  CHECK(bench.queue.device.fault() == QueueFault::none);
  CHECK(bench.queue.device.counters()
            .chain_faults[static_cast<std::size_t>(ChainFault::address_unmapped)] == 8);
}

TEST_CASE(
    "check 12, D15: a queue full of chains in flight takes no more, and goes on when it may") {
  Bench bench(8);
  std::vector<Chain> chains;
  for (unsigned i = 0; i < 8; ++i) bench.driver->chain({bench.buffer()});
  while (const auto chain = bench.queue.take()) chains.push_back(*chain);
  REQUIRE(chains.size() == 8);
  CHECK(bench.queue.device.fault() == QueueFault::none);
  for (const Chain& chain : chains) bench.queue.complete(chain, 0);
  bench.queue.device.publish();
  for (std::uint16_t i = 0; i < 8; ++i) bench.expect_used(i, 0);
  bench.expect_good_chain();
}

TEST_CASE("check 12, D27: the index is masked, a queue at any index reads the right place") {
  Bench bench(8);
  for (unsigned i = 0; i < 70000; ++i) {
    const std::uint16_t id = bench.driver->chain({bench.buffer(1)});
    const auto chain = bench.queue.take();
    if (!chain || chain->head != id) REQUIRE(false);
    bench.queue.complete(*chain, 0);
    bench.queue.device.publish();
  }
  CHECK(bench.queue.device.fault() == QueueFault::none);
}

TEST_CASE("check 12, D29: any value of used_event and of the flags costs a notification at most") {
  for (const bool event_idx : {true, false}) {
    for (const std::uint16_t word : Words{0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff}) {
      CAPTURE(word);
      Bench bench(8, {.event_idx = event_idx});
      for (unsigned i = 0; i < 100; ++i) {
        bench.queue.memory.queue.avail->flags = word;
        used_event_word(bench.queue.memory.queue) = word;
        const std::uint16_t id = bench.driver->chain({bench.buffer()});
        const auto chain = bench.queue.take();
        REQUIRE(chain);
        bench.queue.complete(*chain, 0);
        static_cast<void>(bench.queue.device.publish_and_test());
        bench.expect_used(id, 0);
      }
      CHECK(bench.queue.device.counters().publishes == 100);
    }
  }
}

TEST_CASE("check 12, D29: what a driver scribbles over the used ring is overwritten, not read") {
  Bench bench(8);
  std::ranges::fill(bench.queue.memory.parts[2].span(), std::byte{0xff});
  const std::uint16_t id = bench.driver->chain({bench.buffer()});
  const auto chain = bench.queue.take();
  REQUIRE(chain);
  bench.queue.complete(*chain, 3);
  bench.queue.device.publish();
  CHECK(bench.queue.memory.queue.used->idx == 1);
  CHECK(bench.queue.memory.queue.used->ring[0].id == id);
  CHECK(bench.queue.memory.queue.used->ring[0].len == 3);
}

TEST_CASE(
    "check 12, D32: a driver that refills after every chain cannot keep one poll from ending") {
  Bench bench(8);
  for (unsigned i = 0; i < 8; ++i) bench.driver->chain({bench.buffer(1)});
  Budget budget;  // no bound but the index, which is read once
  unsigned visits = 0;
  const Pull pull = bench.queue.device.poll(budget, bench.queue.pieces, [&](const Chain& chain) {
    ++visits;
    bench.queue.complete(chain, 0);
    bench.queue.device.publish();
    bench.driver->chain({bench.buffer(1)});
  });
  CHECK(pull == Pull::empty);
  CHECK(visits == 8);
}

}  // namespace
}  // namespace bellpull::ring::test
