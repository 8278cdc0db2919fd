// SPDX-License-Identifier: BSD-2-Clause
// A half that starts from a saved state: near the turns of its numbers, with chains in flight, and
// from states that cannot be. Hand-overs in the middle of traffic are in model_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "queue_model.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

/// Positions around which a number turns: the index, and both ends of both laps.
template <class Layout>
std::vector<std::uint16_t> turning_points(std::uint32_t size) {
  std::vector<std::uint16_t> points;
  if constexpr (kIsSplit<Layout>) {
    return {0xfffc, 0xffff, 0, 1, 0x7ffd, 0x8000, 0xbffe, 0xc000};
  } else {
    for (const std::uint32_t wrap : {0U, 0x8000U}) {
      for (std::uint32_t back = 1; back <= std::min(size, 4U); ++back) {
        points.push_back(static_cast<std::uint16_t>((size - back) | wrap));
      }
      points.push_back(static_cast<std::uint16_t>(wrap));
    }
    return points;
  }
}

/// Attaches both halves at position `at` of a queue that nothing is in flight in.
template <class K>
void start_at(Pair<K>& pair, std::uint16_t at) {
  age(pair.memory.queue, at);
  std::vector<DriverSlot>& slots = pair.driver_slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = DriverSlot{.next = static_cast<std::uint16_t>((i + 1) % slots.size())};
  }
  const DriverState driver{.avail = at, .used = at};
  const DeviceState device{.avail = at, .used = at};
  REQUIRE(pair.attach_driver(&driver) == SetupError::none);
  REQUIRE(pair.attach_device(&device) == SetupError::none);
}

TEST_CASE_TEMPLATE("check 5: started near a turn of its numbers, a queue carries chains over it", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(1000, [](std::uint32_t size, const Features& features) {
    for (const std::uint16_t at : turning_points<typename K::Layout>(size)) {
      CAPTURE(at);
      Pair<K> pair(size, features);
      start_at(pair, at);
      std::uint64_t posted = 0, back = 0, wrong = 0;
      for (std::uint32_t round = 0; round < 2 * size + 5; ++round) {
        while (pair.post_writable(posted) != kNoHead) ++posted;
        pair.driver.publish();
        for (std::uint32_t i = 0; i < size / 2 + 1; ++i) {
          const auto chain = pair.take();
          if (chain) pair.complete(*chain, 1);
        }
        pair.device.publish();
        const std::uint64_t before = back;
        pair.driver.poll(kAll, [&](const Used& used) { wrong += used.token != back++; });
        wrong += before == back;
        if (round > 6 && size > 7) break;
      }
      REQUIRE(wrong == 0);
    }
  });
}

TEST_CASE_TEMPLATE("check 5: positions that are saved are the ones that were started from", K,
                   BELLPULL_KINDS) {
  for (const std::uint32_t size : sizes<typename K::Layout>(1000)) {
    for (const std::uint16_t at : turning_points<typename K::Layout>(size)) {
      Pair<K> pair(size);
      start_at(pair, at);
      const DriverState driver = pair.driver.stop();
      const DeviceState device = pair.device.stop();
      CHECK(driver.avail == at);
      CHECK(driver.used == at);
      CHECK(device.avail == at);
      CHECK(device.used == at);
      CHECK_FALSE(pair.driver.attached());
      CHECK_FALSE(pair.device.attached());
    }
  }
}

TEST_CASE_TEMPLATE("a device half goes on with the chains that the one before it had taken", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    for (std::uint32_t i = 0; i < size; ++i) pair.post_writable(i);
    pair.driver.publish();
    std::vector<InFlight> in_flight;
    while (const auto chain = pair.take()) {
      in_flight.push_back({.head = chain->head, .descriptors = 1, .writable = 1});
    }
    REQUIRE(in_flight.size() == size);
    const DeviceState state = pair.device.stop();
    REQUIRE(pair.attach_device(&state, in_flight) == SetupError::none);
    CHECK(pair.device.in_flight() == size);
    CHECK_FALSE(pair.take());
    for (const InFlight& chain : in_flight) pair.complete(pair.device.resumed(chain), 1);
    CHECK(pair.device.in_flight() == 0);
    pair.device.publish();
    std::uint64_t next = 0, wrong = 0;
    pair.driver.poll(kAll, [&](const Used& used) { wrong += used.token != next++; });
    CHECK(next == size);
    CHECK(wrong == 0);
    pair.step(size);
  });
}

TEST_CASE_TEMPLATE(
    "after a device half that died, the next one takes again what was not given back", K,
    BELLPULL_KINDS) {
  for (unsigned before = 0; before < 17; ++before) {
    CAPTURE(before);
    Pair<K> pair(8);
    REQUIRE(pair.attach() == SetupError::none);
    if (before != 0) pair.step(before);
    for (unsigned i = 0; i < 6; ++i) pair.post_writable(i);
    pair.driver.publish();
    for (unsigned i = 0; i < 2; ++i) pair.complete(*pair.take(), 1);
    pair.device.publish();
    for (unsigned i = 0; i < 2; ++i) REQUIRE(pair.take());
    pair.device.reset();  // nothing was saved

    const unsigned used = before + 2;
    const auto lap = static_cast<std::uint16_t>(used % 8 | ((used / 8) % 2 == 0 ? 0x8000U : 0U));
    const auto at = kIsSplit<typename K::Layout> ? static_cast<std::uint16_t>(used) : lap;
    const DeviceState state{.avail = at, .used = at};
    REQUIRE(pair.attach_device(&state) == SetupError::none);
    CHECK(pair.drain() == 4);
    std::uint64_t next = 0, wrong = 0;
    pair.driver.poll(kAll, [&](const Used& back) { wrong += back.token != next++; });
    CHECK(next == 6);
    CHECK(wrong == 0);
    pair.step(20);
  }
}

TEST_CASE_TEMPLATE("a driver half in the middle of an in-order batch goes on in the middle of it",
                   K, BELLPULL_KINDS) {
  Pair<K> pair(8, {.in_order = true});
  REQUIRE(pair.attach() == SetupError::none);
  for (std::uint32_t i = 0; i < 6; ++i) pair.post_writable(i);
  pair.driver.publish();
  for (std::uint32_t i = 0; i < 5; ++i) pair.complete(*pair.take(), 1);
  pair.device.publish();  // one used entry for five
  REQUIRE(pair.poll(2).size() == 2);
  const DriverState state = pair.driver.stop();
  CHECK(state.batch_last == 4);
  REQUIRE(pair.attach_driver(&state) == SetupError::none);
  CHECK(pair.driver.in_flight() == 4);
  CHECK(pair.driver.arm());  // there is more of the batch
  const auto back = pair.poll();
  REQUIRE(back.size() == 3);
  CHECK(back[0].token == 2);
  CHECK(back[2].token == 4);
  pair.drain();
  CHECK(pair.poll().size() == 1);
  pair.step(20);
}

/// A driver half with two chains in flight, one of them of two descriptors, and its state.
template <class K>
struct Stopped {
  explicit Stopped(const Features& features = {}) : pair(8, features) {
    REQUIRE(pair.attach() == SetupError::none);
    pair.step(5);
    const std::vector<Segment> two(2, pair.segment(0, 1));
    pair.driver.post({}, two, 1);
    pair.post_one(2);
    pair.driver.publish();
    driver = pair.driver.stop();
    slots = pair.driver_slots;
  }
  SetupError resume_driver(const DriverState& state) {
    pair.driver_slots = slots;
    const SetupError error = pair.attach_driver(&state);
    CHECK(pair.driver.attached() == (error == SetupError::none));
    pair.driver.reset();
    return error;
  }

  Pair<K> pair;
  DriverState driver;
  std::vector<DriverSlot> slots;
};

TEST_CASE_TEMPLATE("a saved driver state that does not fit is refused with the rule it breaks", K,
                   BELLPULL_KINDS) {
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    Stopped<K> stopped({.in_order = in_order});
    REQUIRE(stopped.resume_driver(stopped.driver) == SetupError::none);
    const auto with = [&](auto change) {
      DriverState state = stopped.driver;
      change(state);
      return stopped.resume_driver(state);
    };
    // More or fewer chains in flight than the slots say.
    CHECK(with([](DriverState& s) { ++s.avail; }) == SetupError::state_invalid);
    CHECK(with([](DriverState& s) { ++s.used; }) == SetupError::state_invalid);
    // As many, but somewhere else than the ring.
    const SetupError elsewhere = with([](DriverState& s) {
      s.avail = static_cast<std::uint16_t>(s.avail + 1);
      s.used = static_cast<std::uint16_t>(s.used + 1);
    });
    // In the packed ring the flags tell an available descriptor from others, not one lap's number.
    if (kIsSplit<typename K::Layout>) CHECK(elsewhere == SetupError::state_mismatch);
    CHECK(with([](DriverState& s) { s.free_head = 8; }) == SetupError::state_invalid);
    CHECK(with([](DriverState& s) { s.free_head = 0xffff; }) == SetupError::state_invalid);
    // A free slot that belongs to a chain, and a batch that ends with a chain nobody offered.
    std::uint16_t taken = 0;
    while (stopped.slots[taken].slots == 0) ++taken;
    CHECK(with([&](DriverState& s) { s.free_head = taken; }) == SetupError::state_invalid);
    CHECK(with([&](DriverState& s) { s.batch_last = s.free_head; }) == SetupError::state_invalid);
    CHECK(with([&](DriverState& s) { s.batch_last = 8; }) == SetupError::state_invalid);
    if (!in_order) {
      CHECK(with([&](DriverState& s) { s.batch_last = taken; }) == SetupError::state_invalid);
    }
    CHECK(stopped.resume_driver(stopped.driver) == SetupError::none);
  }
}

TEST_CASE_TEMPLATE("slots that are no set of chains and one free list are refused", K,
                   BELLPULL_KINDS) {
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    Stopped<K> stopped({.in_order = in_order});
    const std::vector<DriverSlot> good = stopped.slots;
    const auto with = [&](auto change) {
      stopped.slots = good;
      change(stopped.slots);
      return stopped.resume_driver(stopped.driver);
    };
    std::uint16_t chain = 0;
    while (good[chain].slots != 2) ++chain;
    const std::uint16_t free = stopped.driver.free_head;
    REQUIRE(with([](auto&) {}) == SetupError::none);
    CHECK(with([&](auto& s) { s[chain].next = chain; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].next = 8; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].slots = 3; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].slots = 1; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].slots = 0xffff; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].state = DriverSlot::State::free; }) ==
          SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[chain].state = DriverSlot::State::reserved; }) ==
          SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[free].next = free; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[free].next = chain; }) == SetupError::state_invalid);
    CHECK(with([&](auto& s) { s[free].next = 0xffff; }) == SetupError::state_invalid);
    // A stray mark of an earlier check changes nothing.
    CHECK(with([&](auto& s) { s[free].mark = s[chain].mark = true; }) == SetupError::none);
  }
}

TEST_CASE_TEMPLATE("in-order, a reserved chain cannot stand before one that was offered", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(8, {.in_order = true});
  REQUIRE(pair.attach() == SetupError::none);
  pair.post_one(0);
  pair.post_one(1);
  const Segment one = pair.segment(0, 1);
  REQUIRE(pair.driver.reserve({&one, 1}, {}, 2) == 2);
  DriverState state = pair.driver.stop();
  std::swap(pair.driver_slots[0].state, pair.driver_slots[2].state);
  CHECK(pair.attach_driver(&state) == SetupError::state_invalid);
  std::swap(pair.driver_slots[0].state, pair.driver_slots[2].state);
  REQUIRE(pair.attach_driver(&state) == SetupError::none);
  CHECK(pair.driver.offer(2));
}

TEST_CASE_TEMPLATE("a saved device state that does not fit is refused with the rule it breaks", K,
                   BELLPULL_KINDS) {
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    Pair<K> pair(8, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    pair.step(5);
    const std::vector<Segment> two(2, pair.segment(0, 1));
    for (unsigned i = 0; i < 3; ++i) pair.driver.post({}, two, i);
    pair.driver.publish();
    std::vector<InFlight> good;
    for (unsigned i = 0; i < 2; ++i) {
      const auto chain = pair.take();
      good.push_back({.head = chain->head, .descriptors = chain->descriptors, .writable = 2});
    }
    const DeviceState state = pair.device.stop();
    const auto with = [&](auto change) {
      DeviceState changed = state;
      std::vector<InFlight> chains = good;
      change(changed, chains);
      const SetupError error = pair.attach_device(&changed, chains);
      CHECK(pair.device.attached() == (error == SetupError::none));
      pair.device.reset();
      return error;
    };
    using Chains = std::vector<InFlight>;
    REQUIRE(with([](DeviceState&, Chains&) {}) == SetupError::none);
    CHECK(with([](DeviceState& s, Chains&) { ++s.avail; }) == SetupError::state_invalid);
    CHECK(with([](DeviceState& s, Chains&) { ++s.used; }) == SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c.pop_back(); }) == SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c.push_back({.head = 7}); }) ==
          SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c[1].head = c[0].head; }) ==
          SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c[0].completed = true; }) ==
          SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c[1].completed = true; }) ==
          (in_order ? SetupError::none : SetupError::state_invalid));
    CHECK(with([](DeviceState&, Chains& c) { c[0].head = 8; }) == SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c[0].descriptors = 0; }) == SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c[0].descriptors = 9; }) == SetupError::state_invalid);
    CHECK(with([](DeviceState&, Chains& c) { c.assign(9, InFlight{}); }) ==
          SetupError::state_invalid);
    // A whole number of chains, but of another queue.
    const SetupError elsewhere = with([](DeviceState& s, Chains&) {
      s.avail = static_cast<std::uint16_t>(s.avail + 2);
      s.used = static_cast<std::uint16_t>(s.used + 2);
    });
    if (kIsSplit<typename K::Layout>) {
      CHECK(elsewhere == SetupError::state_mismatch);
    } else {
      CHECK(with([](DeviceState& s, Chains& c) {
              s.avail = s.used = static_cast<std::uint16_t>(4 | 0x8000);
              c.clear();
            }) == SetupError::state_mismatch);  // what is there is used already
      CHECK(with([](DeviceState& s, Chains&) { s.avail = 8; }) == SetupError::state_invalid);
    }
    CHECK(with([](DeviceState&, Chains&) {}) == SetupError::none);
  }
}

TEST_CASE_TEMPLATE("a state of fresh memory is refused for a queue that has moved", K,
                   BELLPULL_KINDS) {
  Pair<K> pair(4);
  REQUIRE(pair.attach() == SetupError::none);
  const DriverState driver = pair.driver.stop();
  const DeviceState device = pair.device.stop();
  REQUIRE(pair.attach_driver(&driver) == SetupError::none);
  REQUIRE(pair.attach_device(&device) == SetupError::none);
  pair.step(1);
  pair.post_one(1);
  pair.driver.publish();
  pair.driver.reset();
  pair.device.reset();
  for (std::size_t i = 0; i < 4; ++i) {
    pair.driver_slots[i] = DriverSlot{.next = static_cast<std::uint16_t>((i + 1) % 4)};
  }
  CHECK(pair.attach_device(&device) == SetupError::state_mismatch);
  if (kIsSplit<typename K::Layout>) {
    CHECK(pair.attach_driver(&driver) == SetupError::state_mismatch);
  }
}

}  // namespace
}  // namespace bellpull::ring::test
