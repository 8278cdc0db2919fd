// SPDX-License-Identifier: BSD-2-Clause
// When a simulated NIC lets its engine sleep, and until when.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <atomic>
#include <thread>

#include "sanitizers.hpp"
#include "sim_arrivals.hpp"
#include "sim_rig.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using test::ReceiveRig;

namespace {

bool readable(const engine::Backend& backend) {
  pollfd fd{backend.wait_source().fd, POLLIN, 0};
  return ::poll(&fd, 1, 0) == 1;
}

// Two arrivals, and the third a week later. The timer runs on CLOCK_MONOTONIC, for which 0 is when
// the machine was started: long ago.
SimOptions two_now() {
  SimOptions options;
  options.arrivals = Arrivals::trace;
  options.trace = {0, 1000, 604'800'000'000'000};
  options.trace_period_ns = 1'000'000'000'000'000;
  return options;
}

TEST_CASE("the timer is set by begin(), and by a reap that finds nothing for the next arrival") {
  ReceiveRig rig(two_now());
  rig.post(8);
  CHECK(rig.reap(0).empty());
  CHECK_FALSE(readable(*rig.backend));
  rig.nic->begin(0);
  CHECK(readable(*rig.backend));
  CHECK(rig.reap(0).size() == 1);
  CHECK(rig.would_block);
  CHECK(readable(*rig.backend));  // for the one at 1000
  CHECK(rig.reap(1000).size() == 1);
  CHECK(rig.would_block);
  CHECK_FALSE(readable(*rig.backend));
}

TEST_CASE("behind the last frame the timer is left alone") {
  SimOptions options = two_now();
  options.frames = 3;
  ReceiveRig rig(options);
  rig.post(8);
  rig.nic->begin(5);
  CHECK(rig.reap(1005).size() == 2);
  CHECK_FALSE(readable(*rig.backend));
  CHECK(rig.reap(2 * options.trace.back()).size() == 1);
  CHECK(rig.would_block);
  CHECK_FALSE(readable(*rig.backend));
}

TEST_CASE("without a buffer the timer is left alone, for nobody would look") {
  ReceiveRig rig(two_now());
  rig.nic->begin(0);
  CHECK(readable(*rig.backend));
  CHECK(rig.reap(1000).empty());
  CHECK(rig.would_block);
  CHECK(readable(*rig.backend));
  rig.post(1);
  CHECK(rig.reap(2000).empty());
  CHECK_FALSE(readable(*rig.backend));
}

void set_timer(const engine::Backend& backend, time_t seconds, long ns) {
  itimerspec when{};
  when.it_value = {seconds, ns};
  REQUIRE(::timerfd_settime(backend.wait_source().fd, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

TEST_CASE("the timer is set once for each arrival that is waited for") {
  ReceiveRig rig(two_now());
  rig.post(8);
  rig.nic->begin(0);
  CHECK(rig.reap(1000).size() == 2);
  CHECK_FALSE(readable(*rig.backend));
  // Somebody else sets it: it stays so while the next arrival is the same.
  set_timer(*rig.backend, 0, 1);
  for (std::uint64_t now = 2000; now < 10'000; ++now) REQUIRE(rig.reap(now).empty());
  CHECK(readable(*rig.backend));
}

TEST_CASE("after end() the timer is not set any more") {
  ReceiveRig rig(two_now());
  rig.post(8);
  rig.nic->begin(0);
  rig.clock.time = 500;
  rig.nic->end();
  set_timer(*rig.backend, 1'000'000'000, 0);
  CHECK(rig.reap(2000).size() == 1);
  CHECK(rig.would_block);
  CHECK_FALSE(readable(*rig.backend));
}

TEST_CASE("without a timer there is no wait source, and it never would block") {
  SimOptions options;
  options.rate = 1e6;
  options.timer = false;
  ReceiveRig rig(options);
  CHECK(rig.backend->wait_source().fd == -1);
  rig.post(2);
  CHECK(rig.reap(0).empty());
  CHECK_FALSE(rig.would_block);
  rig.nic->begin(0);
  CHECK(rig.reap(0).size() == 1);
  CHECK_FALSE(rig.would_block);
}

// What an engine does that sleeps; returns whether it was woken for each of `frames` arrivals.
bool sleep_through(SimArrivals& arrivals, std::uint64_t frames) {
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, arrivals.timer(), &event) != 0) return false;
  // At first it does not sleep, so that it looks in the very moment of begin().
  std::uint64_t seen = 0;
  while (seen == 0) seen = arrivals.look().last;
  for (; seen < frames; seen = arrivals.look().last) {
    arrivals.wait();
    constexpr int kLostMs = 10'000;
    if (::epoll_wait(epoll.get(), &event, 1, kLostMs) != 1) return false;
  }
  return true;
}

TEST_CASE("begin() and whoever waits for an arrival at that moment leave the timer set") {
  SimOptions options;
  options.rate = 20'000;
  options.frames = 3;
  const std::uint64_t rounds = engine::test::scaled(400);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    SimArrivals arrivals(options);
    std::atomic<bool> ready{false};
    bool woken = false;
    std::thread sleeper([&] {
      ready.store(true, std::memory_order_relaxed);
      woken = sleep_through(arrivals, options.frames);
    });
    while (!ready.load(std::memory_order_relaxed)) std::this_thread::yield();
    arrivals.begin(arrivals.now());
    sleeper.join();
    REQUIRE(woken);
  }
}

}  // namespace
