// SPDX-License-Identifier: BSD-2-Clause
// Every execution of small programs around the shipped driver and device halves: with the order
// table that ships nothing goes wrong, and with any single entry of it weakened something does.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "bellpull/ring/order.hpp"
#include "explorer/judge.hpp"
#include "explorer/model_access.hpp"
#include "explorer/scenarios.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::explorer {
namespace {

// Which layout is a matter of the build: each is a test of its own.
std::span<const Program> programs() {
#ifdef BELLPULL_EXPLORE_PACKED
  return packed_programs();
#else
  return split_programs();
#endif
}

// Only packed descriptors carry flags that another's flags cover.
bool in_layout(Site site) {
#ifdef BELLPULL_EXPLORE_PACKED
  static_cast<void>(site);
  return true;
#else
  return site != Site::avail_fill && site != Site::avail_entry && site != Site::used_fill;
#endif
}

// The sites of virtqueues come first; those of value rings have an explorer of their own.
constexpr std::size_t kQueueSites = static_cast<std::size_t>(Site::tail_publish);

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

void all_pass(const Habits& habits, bool large) {
  explorer::all_pass(programs(), habits, large);
}
void caught(const char* mutant, const Orders& orders, const Habits& habits, Failure expected) {
  explorer::caught(programs(), mutant, orders, habits, expected);
}
void caught(Site site, std::memory_order order, Failure expected) {
  explorer::caught(programs(), site, order, expected);
}

TEST_CASE(
    "the memory orders that ship lose no wake-up, race nowhere and ring at most once per arm") {
  std::printf("shipped orders:\n");
  // The large ones take minutes under a sanitizer, which has nothing to add to a model.
  all_pass(Habits{}, BELLPULL_TEST_SANITIZED == 0);
}

TEST_CASE("the handshakes do not lean on what a bell orders, only on its waking up") {
  std::printf("shipped orders, a bell that orders nothing:\n");
  all_pass({.bell_orders = false}, false);
}

TEST_CASE("every access of the order table is made by some scenario") {
  ModelAccess::used.reset();
  World world;
  for (const Program& scenario : programs()) {
    ModelAccess::world = &world;
    ModelAccess::orders = Orders{};
    static_cast<void>(world.explore([&] { return scenario.make(world, Habits{}); }, 50));
  }
  for (std::size_t i = 0; i < kQueueSites; ++i) {
    CAPTURE(name_of(static_cast<Site>(i)));
    CHECK(ModelAccess::used[i] == in_layout(static_cast<Site>(i)));
  }
}

// One mutant per access that is not relaxed. No weakening is equivalent in this model: each of the
// eight seq_cst accesses of the two arm-and-ring handshakes is needed, since one that is weaker
// leaves the total order in which one side has to see the other.

constexpr std::size_t not_relaxed() {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kQueueSites; ++i) {
    if (order_of(static_cast<Site>(i)) != kRelaxed) ++count;
  }
  return count;
}
static_assert(not_relaxed() == 12, "give the new access a mutant below");

TEST_CASE("mutant: avail_publish without release is caught as a data race") {
  caught(Site::avail_publish, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: avail_publish_tested as release is caught as a lost wake-up") {
  caught(Site::avail_publish_tested, kRelease, Failure::stall);
}

TEST_CASE("mutant: avail_event_test as acquire is caught as a lost wake-up") {
  caught(Site::avail_event_test, kAcquire, Failure::stall);
}

TEST_CASE("mutant: used_poll without acquire is caught as a data race") {
  caught(Site::used_poll, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: used_event_arm as release is caught as a lost wake-up") {
  caught(Site::used_event_arm, kRelease, Failure::stall);
}

TEST_CASE("mutant: used_recheck as acquire is caught as a lost wake-up") {
  caught(Site::used_recheck, kAcquire, Failure::stall);
}

TEST_CASE("mutant: avail_poll without acquire is caught as a data race") {
  caught(Site::avail_poll, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: used_publish without release is caught as a data race") {
  caught(Site::used_publish, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: used_publish_tested as release is caught as a lost wake-up") {
  caught(Site::used_publish_tested, kRelease, Failure::stall);
}

TEST_CASE("mutant: used_event_test as acquire is caught as a lost wake-up") {
  caught(Site::used_event_test, kAcquire, Failure::stall);
}

TEST_CASE("mutant: avail_event_arm as release is caught as a lost wake-up") {
  caught(Site::avail_event_arm, kRelease, Failure::stall);
}

TEST_CASE("mutant: avail_recheck as acquire is caught as a lost wake-up") {
  caught(Site::avail_recheck, kAcquire, Failure::stall);
}

// Accesses that are seq_cst for the handshake also hand entries over; without even that half the
// explorer must see the race.

TEST_CASE("mutant: avail_publish_tested without release is caught as a data race") {
  caught(Site::avail_publish_tested, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: used_publish_tested without release is caught as a data race") {
  caught(Site::used_publish_tested, kRelaxed, Failure::data_race);
}

TEST_CASE("mutant: used_recheck without acquire is caught") {
#ifdef BELLPULL_EXPLORE_PACKED
  // What this look saw is not kept: the next poll loads the flags again. The wake-up is lost.
  caught(Site::used_recheck, kRelaxed, Failure::stall);
#else
  caught(Site::used_recheck, kRelaxed, Failure::data_race);
#endif
}

TEST_CASE("mutant: a driver without the re-check loses a wake-up") {
  caught("driver without the re-check", Orders{}, {.driver_rechecks = false}, Failure::stall);
}

TEST_CASE("mutant: a device without the re-check loses a wake-up") {
  caught("device without the re-check", Orders{}, {.device_rechecks = false}, Failure::stall);
}

TEST_CASE("mutant: without the barrier, the bell's handshake on release and acquire, one is lost") {
  Orders orders;
  orders.set(Site::used_publish_tested, kRelease);
  orders.set(Site::used_event_test, kAcquire);
  orders.set(Site::used_event_arm, kRelease);
  orders.set(Site::used_recheck, kAcquire);
  caught("bell without the barrier", orders, Habits{}, Failure::stall);
}

TEST_CASE("mutant: without the barrier, the kick's handshake on release and acquire, one is lost") {
  Orders orders;
  orders.set(Site::avail_publish_tested, kRelease);
  orders.set(Site::avail_event_test, kAcquire);
  orders.set(Site::avail_event_arm, kRelease);
  orders.set(Site::avail_recheck, kAcquire);
  caught("kick without the barrier", orders, Habits{}, Failure::stall);
}

}  // namespace
}  // namespace bellpull::ring::explorer
