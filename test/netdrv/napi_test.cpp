// SPDX-License-Identifier: BSD-2-Clause
// The rules R1 to R11 of NAPI, one by one, on the pure machine with a clock that the test turns.
#include "bellpull/netdrv/napi.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace bellpull::netdrv;
using bellpull::engine::Armed;

namespace {

struct FakeClock {
  std::uint64_t ns = 1000;
  static std::uint64_t now(void* self) noexcept { return static_cast<FakeClock*>(self)->ns; }
  Clock clock() { return {&FakeClock::now, this}; }
};

// A device with frames waiting, that writes down what is asked of it.
struct FakeDevice {
  explicit FakeDevice(Napi& machine) : napi(machine) {}

  unsigned poll(unsigned budget) noexcept {
    log += "poll" + std::to_string(budget) + " ";
    reclaimed += sent;
    sent = 0;
    const unsigned work = waiting < budget ? waiting : budget;
    waiting -= work;
    if (event_during_poll) {
      event_during_poll = false;
      event();
    }
    if (disable_during_poll) disabled = napi.disable();
    return work;
  }
  Armed unmask() noexcept {
    log += "unmask ";
    masked = false;
    waiting += arrives_before_unmask;
    arrives_before_unmask = 0;
    return waiting != 0 ? Armed::work_pending : Armed::armed;
  }
  void mask() noexcept {
    log += "mask ";
    masked = true;
  }

  // An interrupt: prep, and only the winner masks.
  bool event() noexcept {
    if (!napi.schedule_prep()) return false;
    mask();
    return true;
  }

  Napi& napi;
  unsigned waiting = 0;
  unsigned sent = 0;
  unsigned reclaimed = 0;
  unsigned arrives_before_unmask = 0;
  bool masked = false;
  bool event_during_poll = false;
  bool disable_during_poll = false;
  Disabled disabled = Disabled::done;
  std::string log;
};

struct Fixture {
  FakeClock clock;
  Napi napi{clock.clock()};
  FakeDevice device{napi};
  Fixture() { REQUIRE(napi.enable()); }
};

}  // namespace

TEST_CASE_FIXTURE(
    Fixture, "R1, check 11: one owner: the second schedule fails and is remembered as missed") {
  CHECK(napi.schedule_prep());
  CHECK(napi.owned());
  CHECK_FALSE(napi.schedule_prep());
  CHECK(napi.counters().missed.load() == 1);
  CHECK(napi.complete_done(0) == Completion::again);  // the missed event: still owned
  CHECK(napi.owned());
  CHECK(napi.complete_done(0) == Completion::unmask);
  CHECK_FALSE(napi.owned());
  CHECK(napi.schedule_prep());
}

TEST_CASE("R1: a disabled instance cannot be scheduled and misses nothing") {
  Napi napi;
  CHECK_FALSE(napi.schedule_prep());
  CHECK_FALSE(napi.owned());
  CHECK(napi.counters().missed.load() == 0);
}

TEST_CASE("R1: of many threads that schedule at once exactly one wins, each time") {
  Napi napi;
  REQUIRE(napi.enable());
  constexpr int kRounds = 2000;
  constexpr int kThreads = 3;
  std::atomic<int> round{0};
  std::atomic<int> winners{0};
  std::atomic<int> finished{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int mine = 1; mine <= kRounds; ++mine) {
        while (round.load() < mine) std::this_thread::yield();
        if (napi.schedule_prep()) winners.fetch_add(1);
        finished.fetch_add(1);
      }
    });
  }
  int wrong = 0;
  for (int now = 1; now <= kRounds; ++now) {
    winners.store(0);
    finished.store(0);
    round.store(now);
    while (finished.load() < kThreads) std::this_thread::yield();
    if (winners.load() != 1) ++wrong;
    while (napi.complete_done(0) == Completion::again) {
    }
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(napi.counters().scheduled.load() == kRounds);
  CHECK(napi.counters().missed.load() == std::uint64_t{kRounds} * (kThreads - 1));
}

TEST_CASE_FIXTURE(Fixture, "R2: only who won prep masks, and masks before the poll") {
  device.waiting = 1;
  CHECK(device.event());
  CHECK_FALSE(device.event());
  CHECK(device.log == "mask ");
  CHECK(napi_round(napi, device, 64) == Round::again);  // it missed the second event
  CHECK(napi_round(napi, device, 64) == Round::complete);
  CHECK(device.log == "mask poll64 poll64 unmask ");
}

TEST_CASE_FIXTURE(Fixture,
                  "R3: a poll receives at most the budget; reclaiming is not bounded by it") {
  device.waiting = 100;
  device.sent = 1000;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(device.waiting == 36);
  CHECK(device.reclaimed == 1000);
  CHECK(napi.counters().work.value() == 64);
}

TEST_CASE_FIXTURE(
    Fixture, "R4, check 11: a budget of 0 reclaims only, receives nothing and never completes") {
  device.waiting = 5;
  device.sent = 7;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 0) == Round::again);
  CHECK(device.waiting == 5);
  CHECK(device.reclaimed == 7);
  CHECK(napi.owned());
  CHECK(device.masked);
  device.waiting = 0;
  CHECK(napi_round(napi, device, 0) == Round::again);  // not even when there is nothing
  CHECK(napi.owned());
}

TEST_CASE_FIXTURE(
    Fixture, "R5, check 11: work equal to the budget keeps ownership; polled again unscheduled") {
  device.waiting = 150;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(napi_round(napi, device, 64) == Round::complete);
  CHECK(napi.counters().scheduled.load() == 1);
  CHECK(device.log == "mask poll64 poll64 poll64 unmask ");
}

TEST_CASE_FIXTURE(Fixture,
                  "R6, check 11: all work done with exactly the budget does not complete") {
  device.waiting = 64;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(napi.owned());
  CHECK(device.masked);
  CHECK(napi_round(napi, device, 64) == Round::complete);
}

TEST_CASE_FIXTURE(Fixture, "R7: unmask only after complete_done returned true") {
  device.event_during_poll = true;  // missed while owned
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(device.masked);
  CHECK(device.log == "mask poll64 ");
  CHECK(napi.counters().repolls.value() == 1);
  CHECK(napi_round(napi, device, 64) == Round::complete);
  CHECK_FALSE(device.masked);
}

TEST_CASE_FIXTURE(Fixture,
                  "R8: an event between the last look and the unmask is found by the re-check") {
  device.arrives_before_unmask = 3;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::again);
  CHECK(device.log == "mask poll64 unmask mask ");
  CHECK(napi.owned());
  CHECK(napi_round(napi, device, 64) == Round::complete);
  CHECK(napi.counters().work.value() == 3);
}

TEST_CASE_FIXTURE(Fixture,
                  "R8: when the bell wins the race after the unmask the old owner lets go") {
  struct Racing : FakeDevice {
    using FakeDevice::FakeDevice;
    Armed unmask() noexcept {
      FakeDevice::unmask();
      event();  // the bell rang on another thread, which owns the instance now
      return Armed::work_pending;
    }
  } racing{napi};
  REQUIRE(racing.event());
  CHECK(napi_round(napi, racing, 64) == Round::complete);
  CHECK(napi.owned());  // by the bell, not by us
  CHECK(napi.counters().scheduled.load() == 2);
}

TEST_CASE_FIXTURE(Fixture, "R9: masked time is counted before ownership is let go") {
  clock.ns = 5000;
  REQUIRE(napi.schedule_prep());
  clock.ns = 7500;
  CHECK(napi.complete_done(0) == Completion::unmask);
  CHECK(napi.counters().masked_ns.value() == 2500);
  clock.ns = 9000;  // unmasked time does not count
  REQUIRE(napi.schedule_prep());
  clock.ns = 9100;
  REQUIRE_FALSE(napi.schedule_prep());
  CHECK(napi.complete_done(0) == Completion::again);
  clock.ns = 9300;
  CHECK(napi.complete_done(0) == Completion::unmask);
  CHECK(napi.counters().masked_ns.value() == 2800);
}

TEST_CASE_FIXTURE(Fixture, "R10: a poll needs no schedule, and a schedule no poll") {
  device.waiting = 2;
  CHECK(device.poll(64) == 2);  // unowned: just pulls
  CHECK_FALSE(napi.owned());
  REQUIRE(device.event());
  CHECK(napi.disable() == Disabled::pending);
  napi.release_disabled();  // the scheduled poll never happened
  CHECK_FALSE(napi.owned());
  CHECK_FALSE(device.event());
}

TEST_CASE_FIXTURE(
    Fixture,
    "R11, check 11: enable and disable twice are errors that are reported, not deadlocks") {
  CHECK_FALSE(napi.enable());
  CHECK(napi.disable() == Disabled::done);
  CHECK(napi.disable() == Disabled::already);
  CHECK(napi.enable());
  CHECK(napi.schedule_prep());
}

TEST_CASE_FIXTURE(Fixture,
                  "R11, check 11: disable during a poll that ends early lets go at its end") {
  device.disable_during_poll = true;
  REQUIRE(device.event());
  const Round round = napi_round(napi, device, 64);
  CHECK(device.disabled == Disabled::pending);
  CHECK(round != Round::again);
  CHECK_FALSE(napi.owned());
  CHECK_FALSE(napi.schedule_prep());
  napi.wait_disabled();
}

TEST_CASE_FIXTURE(Fixture, "R11: disable ends an instance that always uses its whole budget") {
  device.waiting = 1000;
  device.disable_during_poll = true;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::disabled);
  CHECK_FALSE(napi.owned());
  CHECK(device.waiting == 936);
}

TEST_CASE_FIXTURE(Fixture, "R11: disable with a missed event does not poll for ever") {
  device.event_during_poll = true;
  device.disable_during_poll = true;
  REQUIRE(device.event());
  CHECK(napi_round(napi, device, 64) == Round::disabled);
  CHECK_FALSE(napi.owned());
}

TEST_CASE_FIXTURE(Fixture, "R11: disable waits for ownership, not for the poll to return") {
  REQUIRE(napi.schedule_prep());
  CHECK(napi.disable() == Disabled::pending);
  std::thread owner([&] { napi.release_disabled(); });
  napi.wait_disabled();
  CHECK_FALSE(napi.owned());
  owner.join();
}

TEST_CASE_FIXTURE(Fixture, "an owner that polls busily keeps the instance and the device masked") {
  device.waiting = 10;
  REQUIRE(device.event());
  for (int i = 0; i < 5; ++i) CHECK(napi_busy_round(napi, device, 64) == Round::again);
  CHECK(device.masked);
  CHECK(napi.owned());
  CHECK(napi.disable() == Disabled::pending);
  CHECK(napi_busy_round(napi, device, 64) == Round::disabled);
  CHECK_FALSE(napi.owned());
}
