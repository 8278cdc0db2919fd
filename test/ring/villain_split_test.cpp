// SPDX-License-Identifier: BSD-2-Clause
// The split cases of villain_cases.tsv that no test of hostile_*_test.cpp has in just this form.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "villain_scene.hpp"

namespace bellpull::ring::test {
namespace {

using Stage = Scene<Split>;

/// Takes the chain, lets the driver change everything that it posted, and gives the chain back: the
/// device half goes by its own copy.
template <class Change>
void change_after_take(Stage& scene, Change&& change) {
  const std::uint16_t id = scene.bench.driver->chain(scene.request());
  const auto chain = scene.bench.expect_chain(1, 2);
  const std::vector<Piece> pieces = scene.bench.queue.pieces;
  change();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(scene.bench.queue.pieces[i].data == pieces[i].data);
    CHECK(scene.bench.queue.pieces[i].length == pieces[i].length);
  }
  CHECK(chain->writable_bytes == 513);
  scene.bench.finish(*chain, id, 3);
  scene.bench.expect_good_chain();
  scene.judged = true;
}

/// A writable buffer on top of the parts of another queue, whose driver has itself to blame: this
/// queue goes on.
void write_over_other(Stage& scene, std::size_t part) {
  Pair<UntrustedKind<Split>> other(8);
  std::vector<Region> regions = {
      {kArenaAddress, scene.bench.queue.arena.size(), scene.bench.queue.arena.data()},
      {0x5000'0000, other.memory.parts[part].size(), other.memory.parts[part].data()}};
  RegionTable table;
  REQUIRE(RegionTable::make(regions, table) == SetupError::none);
  RegionMap<> map(table);
  auto options = scene.bench.queue.device_options();
  options.map = &map;
  REQUIRE(other.attach() == SetupError::none);
  REQUIRE(scene.bench.queue.device.attach(scene.bench.queue.memory.queue, options) ==
          SetupError::none);
  scene.post(
      {{0x5000'0000, static_cast<std::uint32_t>(other.memory.parts[part].size()), kWrite, 0}});
  scene.judge("accepted");
  for (unsigned i = 0; i < 20; ++i) {  // whatever its ring says now
    if (const auto chain = other.take()) other.complete(*chain, 0);
    other.device.publish();
  }
  scene.bench.queue.device.reset();
  scene.judged = true;
}

constexpr std::array kCases = {
    Played<Split>{"T0013",
                  [](Stage& s) {
                    s.post({s.bench.buffer(16), s.bench.buffer(512, kWrite)});
                  }},
    Played<Split>{"T0014", [](Stage& s) { s.post({s.bench.buffer(16)}); }},
    Played<Split>{"T0051",
                  [](Stage& s) {
                    change_after_take(s, [&] {
                      s.bench.driver->set(1, {~0ULL, ~0U, 0xffff, 0xffff});
                    });
                  }},
    Played<Split>{"T0052",
                  [](Stage& s) {
                    change_after_take(s, [&] {
                      std::ranges::fill(s.bench.queue.memory.parts[0].span(), std::byte{0});
                      std::ranges::fill(s.bench.queue.arena.span(), std::byte{0});
                    });
                  }},
    Played<Split>{"T0056",
                  [](Stage& s) {
                    change_after_take(s, [&] {
                      s.bench.driver->set(1, {s.bench.queue.address(2048), 2048, 3, 2});
                    });
                  }},
    Played<Split>{"T0060",
                  [](Stage& s) {
                    s.bench.queue.device.reset();
                    s.post(s.request());
                    REQUIRE(s.bench.queue.attach_device() == SetupError::none);
                  }},
    Played<Split>{"T0065",
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
    Played<Split>{"T0071",
                  [](Stage& s) {
                    s.bench.queue.memory.queue.used->idx = 0x1234;
                    s.bench.driver->set(0, s.bench.buffer());
                    for (unsigned i = 0; i < 5; ++i) s.bench.driver->offer(0);
                    s.bench.driver->show(5);
                  }},
    Played<Split>{"T0072", [](Stage& s) { s.post({s.bench.table(std::vector<RawDesc>(3))}); }},
    Played<Split>{"T0074",
                  [](Stage& s) {
                    s.bench.driver->set(0, s.bench.buffer());
                    for (unsigned i = 0; i < 8; ++i) s.bench.driver->offer(0);
                    s.bench.driver->show(8);
                  }},
    Played<Split>{"T0075",
                  [](Stage& s) {
                    change_after_take(
                        s, [&] { std::ranges::fill(s.bench.queue.arena.span(), std::byte{0xff}); });
                  }},
    Played<Split>{"T0078", [](Stage& s) { s.post(s.request()); }},
    Played<Split>{"T0081",
                  [](Stage& s) {
                    Stage other(8);
                    other.post(other.request());
                    s.post(s.request());
                    other.judge("accepted");
                  }},
    Played<Split>{"T0082",
                  [](Stage& s) {
                    s.bench.driver->set(0, {~0ULL, ~0U, 0xffff, 0xffff});
                    s.bench.driver->offer(0);
                    s.bench.driver->show(1);
                    s.bench.driver->skip(1);
                    s.posted_as(0);
                  }},
    Played<Split>{"T0083",
                  [](Stage& s) {
                    Stage other(4);
                    for (unsigned i = 0; i < 3; ++i) {
                      const std::uint16_t id = s.bench.driver->chain({s.bench.buffer()});
                      const std::uint16_t same = other.bench.driver->chain({other.bench.buffer()});
                      s.bench.expect_accepted(id, 1, 0);
                      other.bench.expect_accepted(same, 1, 0);
                      CHECK(s.bench.queue.device.arm() == false);
                      CHECK(other.bench.queue.device.arm() == false);
                    }
                    s.judged = true;
                  }},
    Played<Split>{"T0084",
                  [](Stage& s) {
                    for (std::uint16_t i = 0; i < 8; ++i) {
                      s.bench.driver->offer(static_cast<std::uint16_t>(8 + i));
                    }
                    s.bench.driver->show(8);
                  }},
    Played<Split>{"T0085",
                  [](Stage& s) {
                    for (int i = 0; i < 4; ++i) s.post({s.bench.buffer()});
                  }},
    Played<Split>{"T0087",
                  [](Stage& s) {
                    s.post({s.bench.buffer(16), s.bench.buffer(99, kWrite)});
                  }},
    Played<Split>{"T0088",
                  [](Stage& s) {
                    avail_event_word(s.bench.queue.memory.queue) = 1;  // ours to write, but it did
                    s.post({s.bench.buffer()});
                  }},
    Played<Split>{"T0094",
                  [](Stage& s) {
                    s.bench.queue.memory.queue.used->flags = VRING_USED_F_NO_NOTIFY;
                    s.post(s.request());
                  }},
    Played<Split>{"T0096",
                  [](Stage& s) {
                    for (int batch = 0; batch < 2; ++batch) {
                      std::vector<std::uint16_t> ids;
                      for (int i = 0; i < 3; ++i)
                        ids.push_back(s.bench.driver->chain({s.bench.buffer()}));
                      for (const std::uint16_t id : ids) s.bench.expect_accepted(id, 1, 0);
                    }
                    s.judged = true;
                  }},
    Played<Split>{"T0104",
                  [](Stage& s) {
                    s.post({s.bench.buffer(), s.bench.buffer(8, kWrite | 0x8000 | 0x0008)});
                  }},
    Played<Split>{"T0106", [](Stage& s) { write_over_other(s, 1); }},
    Played<Split>{"T0107", [](Stage& s) { write_over_other(s, 2); }},
    Played<Split>{"T0108",
                  [](Stage& s) {
                    // A table inside a descriptor table that nobody has written: entries of zeros.
                    s.post({{kPartAddress[0] + 64, 48, kIndirect, 0}});
                  }},
    Played<Split>{"T0111", [](Stage& s) { s.post({s.bench.buffer(512, kWrite)}); }},
    Played<Split>{"T0113",
                  [](Stage& s) {
                    s.bench.driver->skip(5);  // a head that is not 0
                    CHECK(s.post(s.request()) == 5);
                  }},
    Played<Split>{"T0114", [](Stage& s) { s.post(s.request()); }},
    Played<Split>{"T0115",
                  [](Stage& s) {
                    s.post(s.request());
                    s.post(s.request());
                  }},
    Played<Split>{"T0116",
                  [](Stage& s) {
                    for (int i = 0; i < 6; ++i) {
                      s.bench.expect_accepted(s.bench.driver->chain(s.request()), 1, 2);
                    }
                    CHECK(s.bench.queue.memory.queue.used->idx == 6);
                    s.judged = true;
                  }},
    Played<Split>{"T0126",
                  [](Stage& s) {
                    s.post({{~0ULL - 7, 16, kWrite, 0}, s.bench.buffer(8, kWrite)});
                  }},
    Played<Split>{"T0127",
                  [](Stage& s) {
                    s.post({{~0ULL - 7, 16, kWrite, 0}, {8, 16, kWrite, 0}});
                  }},
    Played<Split>{"T0130",
                  [](Stage& s) {
                    // Packed entries: the id is where the split layout has the flags.
                    write_table<Packed>(s.bench.queue.arena.data() + 1024,
                                        std::vector<RawDesc>(3, s.bench.buffer(16, kWrite)));
                    s.post({{s.bench.queue.address(1024), 48, kIndirect, 0}});
                  }},
};

TEST_CASE("check 13: split cases played one by one end as the table says") {
  play_all<Split>(kCases, "check 13: split cases played one by one end as the table says");
}

}  // namespace
}  // namespace bellpull::ring::test
