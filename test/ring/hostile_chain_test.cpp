// SPDX-License-Identifier: BSD-2-Clause
// Chains that a hostile driver can make in either layout: the head comes back with length 0, the
// reason is counted, and the queue goes on; or the chain was legal and must not be refused.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "hostile_bench.hpp"

namespace bellpull::ring::test {
namespace {

#define BELLPULL_LAYOUTS Split, Packed

TEST_CASE_TEMPLATE(
    "check 12, D6: a chain of exactly the queue's size is legal, also with a table at its end",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8);
  const std::vector<RawDesc> eight(8, bench.buffer());
  bench.expect_accepted(bench.driver->chain(eight), 8, 0, 8);
  std::vector<RawDesc> chain(5, bench.buffer());
  chain.push_back(bench.linked_table({3, bench.buffer(4, kWrite)}));
  bench.expect_accepted(bench.driver->chain(chain), 5, 3, 6);
}

TEST_CASE_TEMPLATE(
    "check 12, D6: direct descriptors and a table, one more than the queue's size in all", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8);
  std::vector<RawDesc> chain(5, bench.buffer());
  chain.push_back(bench.linked_table({4, bench.buffer(4)}));
  bench.expect_chain_fault(ChainFault::too_long, bench.driver->chain(chain), 6);
}

TEST_CASE_TEMPLATE("check 12, D7: an indirect descriptor without the feature", Layout,
                   BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8, {.indirect = false});
  const std::uint16_t id = bench.driver->chain({bench.table({bench.buffer()})});
  bench.expect_chain_fault(ChainFault::indirect_not_negotiated, id);
}

TEST_CASE_TEMPLATE("check 12, D7: an indirect descriptor inside an indirect table", Layout,
                   BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const RawDesc inner = bench.table({bench.buffer()}, 2048);
  const std::uint16_t id = bench.driver->chain({bench.table({inner})});
  bench.expect_chain_fault(ChainFault::indirect_nested, id);
}

TEST_CASE_TEMPLATE(
    "check 12, D7: an indirect descriptor that has a next one, and two indirect ones", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  std::uint16_t id = bench.driver->chain({bench.table({bench.buffer()}), bench.buffer()});
  bench.expect_chain_fault(ChainFault::indirect_with_next, id, 2);
  const RawDesc other = bench.table({bench.buffer()}, 2048);
  id = bench.driver->chain({bench.table({bench.buffer()}), other});
  bench.expect_chain_fault(ChainFault::indirect_with_next, id, 2);
  RawDesc marked = bench.table({bench.buffer()});
  marked.flags |= kWrite;
  id = bench.driver->chain({bench.buffer(), marked, bench.buffer()});
  bench.expect_chain_fault(ChainFault::indirect_with_next, id, 3);
}

TEST_CASE_TEMPLATE(
    "check 9, D7: direct descriptors, then an indirect one, are legal; WRITE on that is ignored",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  RawDesc table = bench.linked_table({bench.buffer(), bench.buffer(4, kWrite)});
  bench.expect_accepted(bench.driver->chain({bench.buffer(), bench.buffer(), table}), 3, 1, 3);
  table.flags |= kWrite;
  bench.expect_accepted(bench.driver->chain({bench.buffer(), table}), 2, 1, 2);
}

TEST_CASE_TEMPLATE(
    "check 12, D8: an indirect table of 0 bytes, of a part of an entry, or longer than the queue",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8, {.indirect = true});
  std::vector<RawDesc> nine(9, bench.buffer(1));
  for (const std::uint32_t length : {0U, 1U, 15U, 17U, 44U, 47U, 9 * 16U, 0x10000U * 16U,
                                     0x10001U * 16U, 0xfffffff0U, 0xffffffffU}) {
    CAPTURE(length);
    RawDesc table = bench.linked_table(nine);
    table.length = length;
    bench.expect_chain_fault(ChainFault::indirect_length, bench.driver->chain({table}));
  }
  nine.pop_back();
  bench.expect_accepted(bench.driver->chain({bench.linked_table(nine)}), 8, 0);
}

TEST_CASE_TEMPLATE(
    "check 12, D8: an indirect table at any address, aligned or not, is read byte for byte", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  for (std::size_t off = 0; off < 16; ++off) {
    const RawDesc table = bench.linked_table({bench.buffer(), bench.buffer(4, kWrite)}, 1024 + off);
    bench.expect_accepted(bench.driver->chain({table}), 1, 1);
  }
}

TEST_CASE_TEMPLATE("check 12, D9: an indirect table in no memory, or running on out of it", Layout,
                   BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const std::size_t end = bench.queue.arena.size();
  RawDesc table = bench.linked_table(std::vector<RawDesc>(4, bench.buffer()), end - 64);
  bench.expect_accepted(bench.driver->chain({table}), 4, 0);
  for (const std::uint64_t address :
       {std::uint64_t{0}, std::uint64_t{0xdead'0000'0000'0000}, bench.queue.address(end),
        bench.queue.address(end - 16), bench.queue.address(end - 63), ~std::uint64_t{0} - 15}) {
    CAPTURE(address);
    table.address = address;
    bench.expect_chain_fault(ChainFault::indirect_unmapped, bench.driver->chain({table}));
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D9: a table over two regions is put together, with a hole between it is refused",
    Layout, BELLPULL_LAYOUTS) {
  using K = UntrustedKind<Layout>;
  for (const std::uint64_t gap : {0U, 1U}) {
    CAPTURE(gap);
    Pair<K> pair(8, {.indirect = true});
    // The arena in two halves, the second before the first in this program.
    std::vector<Region> halves = {{kArenaAddress, 2048, pair.arena.data() + 2048},
                                  {kArenaAddress + 2048 + gap, 2048, pair.arena.data()}};
    for (std::size_t i = 0; i < 3; ++i) {
      halves.push_back({kPartAddress[i], pair.memory.parts[i].size(), pair.memory.parts[i].data()});
    }
    RegionTable table;
    REQUIRE(RegionTable::make(halves, table) == SetupError::none);
    typename K::Map map(table);
    auto options = pair.device_options();
    options.map = &map;
    REQUIRE(pair.device.attach(pair.memory.queue, options) == SetupError::none);
    std::vector<RawDesc> entries = {{kArenaAddress, 4, 0, 0}, {kArenaAddress + 4, 8, kWrite, 0}};
    if (kIsSplit<Layout>) entries[0].flags = kNext, entries[0].next = 1;
    std::vector<std::byte> bytes(32);
    write_table<Layout>(bytes.data(), entries);
    constexpr std::size_t kBefore = 24;  // bytes of the table in the first region
    std::copy_n(bytes.data(), kBefore, pair.arena.data() + 4096 - kBefore);
    std::copy_n(bytes.data() + kBefore, 32 - kBefore, pair.arena.data());
    RawDriver<Layout> driver(pair.memory);
    driver.chain({{kArenaAddress + 2048 - kBefore, 32, kIndirect, 0}});
    const auto chain = pair.take();
    REQUIRE(chain.has_value() == (gap == 0));
    if (chain) {
      CHECK(chain->readable_bytes == 4);
      CHECK(chain->writable_bytes == 8);
    } else {
      const auto& faults = pair.device.counters().chain_faults;
      CHECK(faults[static_cast<std::size_t>(ChainFault::indirect_unmapped)] == 1);
    }
    pair.device.reset();
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D10: a buffer on top of the queue's own parts is the driver's own loss", Layout,
    BELLPULL_LAYOUTS) {
  for (std::size_t part = 0; part < 3; ++part) {
    CAPTURE(part);
    HostileBench<Layout> bench;
    const auto length = static_cast<std::uint32_t>(bench.queue.memory.parts[part].size());
    bench.driver->chain({{kPartAddress[part], length, kWrite, 0}});
    const auto chain = bench.expect_chain(0, 1);
    std::fill_n(bench.queue.pieces[0].data, length, std::byte{0xee});
    bench.queue.complete(*chain, length);
    bench.queue.device.publish();
    // What the ring says now was never written by a driver: anything but harm may come of it.
    for (unsigned i = 0; i < 100; ++i) {
      if (const auto next = bench.queue.take()) bench.queue.complete(*next, 0);
      bench.queue.device.publish();
    }
    bench.queue.device.reset();
    bench.queue.memory.clear();
    REQUIRE(bench.queue.attach_device() == SetupError::none);
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D10: an indirect table on top of the descriptors is copied before it is believed",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  // Its first entry is the very descriptor that names it: a nested table.
  const std::uint16_t id = bench.driver->chain({{kPartAddress[0], 16, kIndirect, 0}});
  bench.expect_chain_fault(ChainFault::indirect_nested, id);
}

TEST_CASE_TEMPLATE(
    "check 12, D11: address plus length past the region's end, past 2^64, or in no region", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const std::size_t end = bench.queue.arena.size();
  struct Row {
    std::uint64_t address;
    std::uint32_t length;
  };
  const std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
  for (const Row row : {Row{bench.queue.address(end - 15), 16}, Row{bench.queue.address(end), 1},
                        Row{bench.queue.address(0) - 1, 2}, Row{0, 1}, Row{top, 1}, Row{top, 2},
                        Row{top - 15, 0xfffffff0}, Row{0x5555'0000'0000, 4096}}) {
    for (const std::uint16_t flags : {std::uint16_t{0}, kWrite}) {
      CAPTURE(row.address);
      CAPTURE(row.length);
      const RawDesc desc{row.address, row.length, flags, 0};
      bench.expect_chain_fault(ChainFault::address_unmapped, bench.driver->chain({desc}));
      const std::uint16_t id = bench.driver->chain({bench.linked_table({bench.buffer(), desc})});
      bench.expect_chain_fault(ChainFault::address_unmapped, id);
    }
  }
}

TEST_CASE_TEMPLATE("check 12, D11: a buffer that ends exactly where its region ends is legal",
                   Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const auto end = static_cast<std::uint32_t>(bench.queue.arena.size());
  bench.expect_accepted(bench.driver->chain({{bench.queue.address(0), end, kWrite, 0}}), 0, 1);
  bench.expect_accepted(bench.driver->chain({{bench.queue.address(end - 1), 1, kWrite, 0}}), 0, 1);
}

TEST_CASE_TEMPLATE("check 12, D11: a region at the very top of the address space ends with 2^64",
                   Layout, BELLPULL_LAYOUTS) {
  using K = UntrustedKind<Layout>;
  Pair<K> pair(8);
  const std::uint64_t base = std::uint64_t{0} - 4096;
  // And one where a sum that wrapped would lead to.
  const AlignedBytes bottom(4096);
  std::vector<Region> regions = {{base, 4096, pair.arena.data()}, {0, 4096, bottom.data()}};
  RegionTable table;
  REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  typename K::Map map(table);
  auto options = pair.device_options();
  options.map = &map;
  REQUIRE(pair.device.attach(pair.memory.queue, options) == SetupError::none);
  RawDriver<Layout> driver(pair.memory);
  driver.chain({{base, 4096, kWrite, 0}});
  auto chain = pair.take();
  REQUIRE(chain);
  CHECK(chain->writable_bytes == 4096);
  pair.complete(*chain, 0);
  driver.chain({{base + 1, 4096, kWrite, 0}});
  CHECK_FALSE(pair.take());
  CHECK(
      pair.device.counters().chain_faults[static_cast<std::size_t>(ChainFault::address_unmapped)] ==
      1);
  pair.device.reset();
}

/// A peer whose memory is said to be 6 GiB; no byte of it is touched.
template <class Layout>
struct HugeBench {
  explicit HugeBench(std::uint64_t most = std::uint64_t{1} << 32) : pair(8) {
    REQUIRE(RegionTable::make(regions, table) == SetupError::none);
    auto options = pair.device_options();
    options.map = &map;
    options.max_chain_bytes = most;
    REQUIRE(pair.device.attach(pair.memory.queue, options) == SetupError::none);
  }
  ~HugeBench() { pair.device.reset(); }
  HugeBench(const HugeBench&) = delete;
  HugeBench& operator=(const HugeBench&) = delete;
  [[nodiscard]] std::uint64_t faults(ChainFault fault) const {
    return pair.device.counters().chain_faults[static_cast<std::size_t>(fault)];
  }

  Pair<UntrustedKind<Layout>> pair;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): never dereferenced
  std::vector<Region> regions = {{0x1'0000'0000, 0x1'8000'0000,
                                  reinterpret_cast<std::byte*>(std::uintptr_t{0x4000'0000'0000})}};
  RegionTable table;
  RegionMap<> map{table};
  RawDriver<Layout> driver{pair.memory};
};

TEST_CASE_TEMPLATE("check 12, D12: lengths that add up to 2^32 are legal, one byte more is not",
                   Layout, BELLPULL_LAYOUTS) {
  HugeBench<Layout> bench;
  const RawDesc half{0x1'0000'0000, 0x8000'0000, 0, 0};
  bench.driver.chain({half, half});
  const auto chain = bench.pair.take();
  REQUIRE(chain);
  CHECK(chain->readable_bytes == 0x1'0000'0000);
  bench.pair.complete(*chain, 0);
  bench.driver.chain({half, half, {0x1'0000'0000, 1, kWrite, 0}});
  CHECK_FALSE(bench.pair.take());
  CHECK(bench.faults(ChainFault::too_many_bytes) == 1);
  bench.driver.chain({{0x1'0000'0000, 0xffff'ffff, 0, 0}, {0x1'0000'0000, 2, 0, 0}});
  CHECK_FALSE(bench.pair.take());
  CHECK(bench.faults(ChainFault::too_many_bytes) == 2);
  CHECK(bench.pair.device.fault() == QueueFault::none);
}

TEST_CASE_TEMPLATE(
    "check 12, D13: a descriptor of length 0 is legal wherever it points, and is no piece", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t address : {std::uint64_t{0}, top, bench.queue.address(0)}) {
    CAPTURE(address);
    const RawDesc none{address, 0, 0, 0};
    const RawDesc none_to_write{address, 0, kWrite, 0};
    bench.expect_accepted(bench.driver->chain({none}), 0, 0);
    bench.expect_accepted(bench.driver->chain({none_to_write}), 0, 0);
    bench.expect_accepted(
        bench.driver->chain({bench.buffer(), none, bench.buffer(), bench.buffer(4, kWrite)}), 2, 1,
        4);
    bench.expect_accepted(bench.driver->chain({bench.linked_table({none, none_to_write})}), 0, 0);
  }
}

TEST_CASE_TEMPLATE(
    "check 12, D14: a huge length names no memory, and a caller's own limit stops a legal one",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  bench.expect_chain_fault(ChainFault::address_unmapped,
                           bench.driver->chain({bench.buffer(0xffffffff)}));
  HugeBench<Layout> huge(65536);
  huge.driver.chain({{0x1'0000'0000, 65536, kWrite, 0}});
  const auto chain = huge.pair.take();
  REQUIRE(chain);
  huge.pair.complete(*chain, 0);
  huge.driver.chain({{0x1'0000'0000, 65536, kWrite, 0}, {0x1'0000'0000, 1, kWrite, 0}});
  CHECK_FALSE(huge.pair.take());
  huge.driver.chain({{0x1'0000'0000, 0xffff'ffff, kWrite, 0}});
  CHECK_FALSE(huge.pair.take());
  CHECK(huge.faults(ChainFault::too_many_bytes) == 2);
}

TEST_CASE_TEMPLATE("check 12, D21: what the device reads comes first, in the ring and in a table",
                   Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench;
  const RawDesc readable = bench.buffer(4);
  const RawDesc writable = bench.buffer(4, kWrite);
  constexpr auto kFault = ChainFault::readable_after_writable;
  bench.expect_chain_fault(kFault, bench.driver->chain({writable, readable}), 2);
  bench.expect_chain_fault(kFault, bench.driver->chain({writable, readable, writable}), 3);
  bench.expect_chain_fault(kFault, bench.driver->chain({bench.linked_table({writable, readable})}));
  const RawDesc table = bench.linked_table({readable});
  bench.expect_chain_fault(kFault, bench.driver->chain({writable, table}), 2);
  // Only one sort of buffers is legal: whether a request needs both, its reader knows.
  bench.expect_accepted(bench.driver->chain({readable, readable}), 2, 0, 2);
  bench.expect_accepted(bench.driver->chain({writable, writable}), 0, 2, 2);
}

TEST_CASE_TEMPLATE(
    "check 12, D31: faulty chains are given back once each, with good ones between them", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8);
  std::vector<std::uint16_t> ids;
  for (unsigned i = 0; i < 8; ++i) {
    const RawDesc bad{0, 1, 0, 0};
    ids.push_back(bench.driver->chain({i % 2 == 0 ? bad : bench.buffer()}));
  }
  unsigned good = 0;
  while (const auto chain = bench.queue.take()) {
    bench.queue.complete(*chain, 0);
    bench.queue.complete(*chain, 0);  // twice: a misuse of ours that must not show
    ++good;
  }
  CHECK(good == 4);
  CHECK(bench.queue.device.counters().misuses == 4);
  bench.queue.device.publish();
  for (const std::uint16_t id : ids) bench.expect_used(id, 0);
  RawUsed none;
  CHECK_FALSE(bench.used->next(none));
  CHECK(bench.queue.device.counters()
            .chain_faults[static_cast<std::size_t>(ChainFault::address_unmapped)] == 4);
}

TEST_CASE_TEMPLATE(
    "check 12, D33: a chain of more pieces than the caller has room for writes no piece more",
    Layout, BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8);
  // Exactly sized, so that AddressSanitizer sees a piece too many.
  bench.queue.pieces = std::vector<Piece>(3);
  bench.queue.pieces.shrink_to_fit();
  const std::vector<RawDesc> four(4, bench.buffer());
  bench.expect_chain_fault(ChainFault::too_many_pieces, bench.driver->chain(four), 4);
  const std::vector<RawDesc> three(3, bench.buffer());
  bench.expect_accepted(bench.driver->chain(three), 3, 0, 3);
  bench.queue.pieces.clear();
  const std::uint16_t id = bench.driver->chain({bench.buffer()});
  Chain chain;
  CHECK_FALSE(bench.queue.device.take({}, chain));
  bench.queue.device.publish();
  bench.expect_used(id, 0);
  bench.queue.pieces.resize(3);
}

TEST_CASE_TEMPLATE(
    "check 12, D36: a chain that exactly fills the ring leaves no slot too few or too many", Layout,
    BELLPULL_LAYOUTS) {
  HostileBench<Layout> bench(8);
  for (unsigned lap = 0; lap < 20; ++lap) {
    const std::vector<RawDesc> eight(8, bench.buffer(1, kWrite));
    bench.expect_accepted(bench.driver->chain(eight), 0, 8, 8);
    CHECK(bench.queue.device.in_flight() == 0);
    bench.expect_nothing();
  }
}

}  // namespace
}  // namespace bellpull::ring::test
