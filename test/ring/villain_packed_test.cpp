// SPDX-License-Identifier: BSD-2-Clause
// The packed cases of villain_cases.tsv that no test of hostile_*_test.cpp has in just this form.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "villain_scene.hpp"

namespace bellpull::ring::test {
namespace {

using Stage = Scene<Packed>;

/// One descriptor at place 0, flags and id as they are.
void set_alone(Stage& scene, const RawDesc& desc) {
  scene.bench.driver->set(0, desc);
}

constexpr std::array kCases = {
    Played<Packed>{"P0001",
                   [](Stage& s) {
                     const std::uint16_t id = s.bench.driver->chain(s.request());
                     const auto chain = s.bench.expect_chain(1, 2);
                     for (std::uint32_t at = 0; at < 3; ++at) {
                       s.bench.driver->set(at, {~0ULL, ~0U, kAvail | kNext, 7});
                     }
                     CHECK(s.bench.queue.pieces[1].length == 512);
                     s.bench.finish(*chain, id, 3);
                     s.judged = true;
                   }},
    Played<Packed>{"P0002",
                   [](Stage& s) {
                     const std::uint16_t id = s.bench.driver->chain({s.bench.buffer(8, kWrite)});
                     const auto chain = s.bench.expect_chain(0, 1);
                     s.bench.driver->set(0, {s.bench.queue.address(2048), 4, kAvail, 5});
                     CHECK(s.bench.queue.pieces[0].data == s.bench.queue.arena.data());
                     s.bench.finish(*chain, id);
                     s.bench.expect_good_chain();
                     s.judged = true;
                   }},
    Played<Packed>{"P0008", [](Stage& s) { s.post(std::vector<RawDesc>(12, s.bench.buffer())); },
                   16},
    Played<Packed>{"P0015",
                   [](Stage& s) {
                     for (unsigned i = 0; i < 8; ++i) s.bench.driver->chain({s.bench.buffer()});
                     for (unsigned i = 0; i < 8; ++i) s.bench.driver->chain({s.bench.buffer()});
                   }},
    Played<Packed>{"P0019",
                   [](Stage& s) {
                     *s.bench.queue.memory.queue.device_event = packed_event(0, 2);
                     s.post(s.request());
                   }},
    Played<Packed>{"P0020",
                   [](Stage& s) {
                     std::vector<Chain> chains;
                     for (std::size_t i = 0; i < 8; ++i) {
                       s.bench.driver->chain({s.bench.linked_table(
                           {s.bench.buffer(), s.bench.buffer(1, kWrite)}, 1024 + 64 * i)});
                     }
                     while (const auto chain = s.bench.queue.take()) chains.push_back(*chain);
                     REQUIRE(chains.size() == 8);
                     for (const Chain& chain : chains) s.bench.queue.complete(chain, 1);
                     s.bench.queue.device.publish();
                     for (std::uint16_t id = 0; id < 8; ++id) s.bench.expect_used(id, 1);
                     s.judged = true;
                   }},
    Played<Packed>{"P0025",
                   [](Stage& s) {
                     const std::uint16_t first = s.bench.driver->chain({s.bench.buffer()});
                     const std::uint16_t second = s.bench.driver->chain({s.bench.buffer()});
                     const auto one = s.bench.expect_chain(1, 0);
                     const auto two = s.bench.expect_chain(1, 0);
                     s.bench.finish(*two, second);
                     s.bench.finish(*one, first);
                     s.judged = true;
                   }},
    Played<Packed>{"P0027", [](Stage& s) { s.post(s.request()); }},
    Played<Packed>{"P0030",
                   [](Stage& s) {
                     for (int i = 0; i < 3; ++i) s.post({s.bench.buffer()});
                   }},
    Played<Packed>{"P0033", [](Stage& s) { s.post(std::vector<RawDesc>(8, s.bench.buffer())); },
                   16},
    Played<Packed>{"P0036",
                   [](Stage& s) {
                     for (int i = 0; i < 5; ++i) s.post({s.bench.buffer()});
                   }},
    Played<Packed>{"P0038",
                   [](Stage& s) {
                     for (unsigned i = 0; i < 100; ++i) {
                       const RawDesc table =
                           s.bench.linked_table({s.bench.buffer(), s.bench.buffer(1, kWrite)});
                       s.bench.expect_accepted(s.bench.driver->chain({table}), 1, 1);
                     }
                     s.judged = true;
                   }},
    Played<Packed>{"P0039", [](Stage&) {}},
    Played<Packed>{"P0040",
                   [](Stage& s) {
                     RawDesc table = s.bench.table({s.bench.buffer()});
                     table.flags = kIndirect | kNext | kAvail;
                     set_alone(s, table);
                   }},
    Played<Packed>{"P0048", [](Stage& s) { set_alone(s, s.bench.buffer(16, kNext | kAvail)); }},
    Played<Packed>{"P0050",
                   [](Stage& s) {
                     const RawDesc itself{s.bench.queue.address(1024), 16, kIndirect, 0};
                     write_table<Packed>(s.bench.queue.arena.data() + 1024, {&itself, 1});
                     s.post({itself});
                   }},
    Played<Packed>{"P0051", [](Stage& s) { s.post(s.request()); }},
    Played<Packed>{"P0052",
                   [](Stage& s) {
                     s.post(s.request());
                     s.post(s.request());
                   }},
    Played<Packed>{"P0054",
                   [](Stage& s) {
                     *s.bench.queue.memory.queue.device_event = 0xffffffff;
                     *s.bench.queue.memory.queue.driver_event = 0xffffffff;
                   }},
    Played<Packed>{"P0055",
                   [](Stage& s) {
                     const std::uint16_t id = s.bench.driver->chain(s.request());
                     const auto chain = s.bench.expect_chain(1, 2);
                     CHECK(chain->readable_bytes == 16);
                     CHECK(s.bench.queue.pieces[0].data == s.bench.queue.arena.data());
                     s.bench.finish(*chain, id, 3);
                     s.judged = true;
                   }},
    Played<Packed>{"P0056",
                   [](Stage& s) {
                     std::vector<RawDesc> descs;
                     for (std::uint32_t i = 1; i <= 6; ++i) descs.push_back(s.bench.buffer(i));
                     const std::uint16_t id = s.bench.driver->chain(descs);
                     const auto chain = s.bench.expect_chain(6, 0);
                     for (std::size_t i = 0; i < 6; ++i) {
                       CHECK(s.bench.queue.pieces[i].length == i + 1);
                     }
                     s.bench.finish(*chain, id, 6);
                     s.judged = true;
                   }},
    Played<Packed>{"P0057",
                   [](Stage& s) {
                     *s.bench.queue.memory.queue.device_event =
                         packed_event(0, VRING_PACKED_EVENT_FLAG_DISABLE);
                     s.post(s.request());
                   }},
    Played<Packed>{"P0058",
                   [](Stage& s) {
                     s.bench.driver->set(0, {s.bench.queue.address(0), 4, kAvail, 6});
                     s.bench.driver->skip(1);
                     s.posted_as(6);
                   }},
    Played<Packed>{"P0064",
                   [](Stage& s) {
                     Pair<UntrustedKind<Packed>> other(8);
                     std::vector<Region> regions = {
                         {kArenaAddress, s.bench.queue.arena.size(), s.bench.queue.arena.data()},
                         {0x5000'0000, 128, other.memory.parts[0].data()}};
                     RegionTable table;
                     REQUIRE(RegionTable::make(regions, table) == SetupError::none);
                     RegionMap<> map(table);
                     auto options = s.bench.queue.device_options();
                     options.map = &map;
                     REQUIRE(other.attach() == SetupError::none);
                     REQUIRE(s.bench.queue.device.attach(s.bench.queue.memory.queue, options) ==
                             SetupError::none);
                     s.post({{0x5000'0000, 128, kWrite, 0}});
                     s.judge("accepted");
                     for (unsigned i = 0; i < 20; ++i) {
                       if (const auto chain = other.take()) other.complete(*chain, 0);
                       other.device.publish();
                     }
                     s.bench.queue.device.reset();
                     s.judged = true;
                   }},
    Played<Packed>{"P0073",
                   [](Stage& s) {
                     // Split entries: next is where the packed layout has the flags, and the second
                     // one's 2 means WRITE there.
                     std::vector<RawDesc> entries = s.request();
                     entries[0].flags = kNext, entries[0].next = 1;
                     entries[1].flags = kNext | kWrite, entries[1].next = 2;
                     write_table<Split>(s.bench.queue.arena.data() + 1024, entries);
                     s.post({{s.bench.queue.address(1024), 48, kIndirect, 0}});
                   }},
    Played<Packed>{"P0077",
                   [](Stage& s) {
                     s.post({s.bench.buffer(16), s.bench.buffer(512, kWrite)});
                   }},
    Played<Packed>{"P0084",
                   [](Stage& s) {
                     // A table in places of a ring that nobody has written: entries of zeros.
                     s.post({{kPartAddress[0] + 64, 48, kIndirect, 0}});
                   }},
};

TEST_CASE("check 13: packed cases played one by one end as the table says") {
  play_all<Packed>(kCases, "check 13: packed cases played one by one end as the table says");
}

}  // namespace
}  // namespace bellpull::ring::test
