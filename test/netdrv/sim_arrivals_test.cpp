// SPDX-License-Identifier: BSD-2-Clause
// The one place where two threads set the same timer.
#include "sim_arrivals.hpp"

#include <doctest/doctest.h>
#include <sys/epoll.h>

#include <atomic>
#include <thread>

#include "sanitizers.hpp"

using namespace bellpull::netdrv;

namespace {

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
  const std::uint64_t rounds = bellpull::engine::test::scaled(400);
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
