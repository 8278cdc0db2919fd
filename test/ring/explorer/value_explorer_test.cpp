// SPDX-License-Identifier: BSD-2-Clause
// Every execution of small programs around the shipped halves of the value rings and their bells:
// with the order table that ships nothing goes wrong, and with any single entry of it weakened
// something does.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <string>

#include "bellpull/ring/order.hpp"
#include "explorer/judge.hpp"
#include "explorer/model_access.hpp"
#include "explorer/scenarios.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::explorer {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

// The sites of virtqueues come first.
constexpr std::size_t kFirst = static_cast<std::size_t>(Site::tail_publish);

void caught(Site site, std::memory_order order, Failure expected, Failure or_else = Failure::none) {
  caught(value_programs(), site, order, expected, or_else);
}

TEST_CASE("check 22: the orders of the value rings lose no value and no wake-up and race nowhere") {
  std::printf("shipped orders:\n");
  all_pass(value_programs(), Habits{}, BELLPULL_TEST_SANITIZED == 0);
}

TEST_CASE("check 22: the handshakes of the value rings do not lean on what a bell orders") {
  std::printf("shipped orders, a bell that orders nothing:\n");
  all_pass(value_programs(), {.bell_orders = false}, false);
}

TEST_CASE("every access of a value ring is made by some scenario") {
  ModelAccess::used.reset();
  World world;
  for (const Program& scenario : value_programs()) {
    ModelAccess::world = &world;
    ModelAccess::orders = Orders{};
    static_cast<void>(world.explore([&] { return scenario.make(world, Habits{}); }, 50));
  }
  for (std::size_t i = kFirst; i < kSiteCount; ++i) {
    CAPTURE(name_of(static_cast<Site>(i)));
    CHECK(ModelAccess::used[i]);
  }
}

constexpr std::size_t not_relaxed() {
  std::size_t count = 0;
  for (std::size_t i = kFirst; i < kSiteCount; ++i) {
    if (order_of(static_cast<Site>(i)) != kRelaxed) ++count;
  }
  return count;
}
static_assert(not_relaxed() == 26, "give the new access a mutant below");

TEST_CASE("check 22: mutants that hand values or slots over without their order are data races") {
  for (const Site site : {Site::tail_publish, Site::tail_publish_tested, Site::head_poll,
                          Site::tail_poll, Site::head_publish, Site::head_publish_tested,
                          Site::tag_publish, Site::tag_publish_tested, Site::tag_poll}) {
    caught(site, kRelaxed, Failure::data_race);
  }
}

TEST_CASE("check 22: mutants that take a side out of the handshake's total order lose a wake-up") {
  for (const Site site :
       {Site::tail_publish_tested, Site::space_event_arm, Site::head_publish_tested,
        Site::data_event_arm, Site::tag_publish_tested}) {
    caught(site, kRelease, Failure::stall);
  }
  for (const Site site : {Site::data_event_test, Site::head_recheck, Site::space_event_test,
                          Site::tail_recheck, Site::tag_recheck}) {
    caught(site, kAcquire, Failure::stall);
  }
}

// The consumer marks a slot as given up that a producer who lives has tagged, or is about to: a
// value is lost, or two threads store to one word without seeing each other, which the model
// reports.
TEST_CASE("check 22: mutants of claims and notes give up the slots of a producer that lives") {
  for (const Site site : {Site::claim_note, Site::claim_take, Site::claim_end, Site::recover_tail,
                          Site::recover_note}) {
    caught(site, kRelaxed, Failure::unmodelled, Failure::wrong);
  }
}

TEST_CASE("check 22: mutants of the overwritten words let a torn value through") {
  for (const Site site : {Site::word_store, Site::word_load}) {
    caught(site, kRelaxed, Failure::wrong);
  }
}

TEST_CASE(
    "check 22: mutants of what orders head and tail, or floor and tail, take a peer for a liar") {
  for (const Site site : {Site::claim_tail, Site::floor_raise, Site::floor_check}) {
    caught(site, kRelaxed, Failure::wrong);
  }
}

TEST_CASE("mutant: a consumer without the re-check loses a wake-up") {
  caught(value_programs(), "consumer without the re-check", Orders{}, {.device_rechecks = false},
         Failure::stall);
}

TEST_CASE("mutant: a producer without the re-check loses a wake-up") {
  caught(value_programs(), "producer without the re-check", Orders{}, {.driver_rechecks = false},
         Failure::stall);
}

}  // namespace
}  // namespace bellpull::ring::explorer
