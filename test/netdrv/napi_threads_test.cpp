// SPDX-License-Identifier: BSD-2-Clause
// Check 10: threads that raise events, poll, mind the timer, busy-poll and switch the instance off
// and on, all at once: no event is forgotten, and never two poll. For the sanitizers above all;
// that nothing is forgotten in any order is what the explorer shows.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bellpull/netdrv/napi.hpp"
#include "sanitizers.hpp"

using namespace bellpull::netdrv;
using bellpull::engine::Armed;

namespace {

// A device with one bell that rings once when it is armed, and one thread to wait for it.
struct Device {
  unsigned poll(unsigned budget) noexcept {
    if (inside.exchange(true, std::memory_order_relaxed)) two_polled = true;
    ++plain;  // a race unless ownership hands it on
    const std::uint64_t waiting = raised.load(std::memory_order_acquire) - polled;
    const std::uint64_t work = waiting < budget ? waiting : budget;
    polled += work;
    seen.store(polled, std::memory_order_relaxed);
    inside.store(false, std::memory_order_relaxed);
    return static_cast<unsigned>(work);
  }
  Armed unmask() noexcept {
    armed.store(true);
    return raised.load() != seen.load() ? Armed::work_pending : Armed::armed;
  }
  void mask() noexcept { armed.store(false); }

  std::atomic<std::uint64_t> raised{0};
  std::atomic<bool> armed{true};
  std::atomic<bool> inside{false};
  std::atomic<bool> two_polled{false};
  std::atomic<std::uint64_t> seen{0};
  std::uint64_t polled = 0;
  std::uint64_t plain = 0;
};

struct Rig {
  static std::uint64_t time(void* self) noexcept {
    return static_cast<Rig*>(self)->now.fetch_add(1, std::memory_order_relaxed);
  }

  void event() {
    device.raised.fetch_add(1);
    if (!device.armed.exchange(false)) return;
    if (napi.schedule_prep()) serve();
  }
  void serve() {
    while (napi_round(napi, device, 8) == Round::again) {
    }
  }
  void schedule() {
    if (!napi.schedule_prep()) return;
    device.mask();
    serve();
  }

  std::atomic<std::uint64_t> now{1};
  Napi napi{Clock{&Rig::time, this}};
  Device device;
};

}  // namespace

TEST_CASE("check 10: with everything at once no event is forgotten and one polls at a time") {
  Rig rig;
  rig.napi.configure({.defer_hard_irqs = 2,
                      .gro_flush_timeout_ns = 50,
                      .irq_suspend_timeout_ns = 500,
                      .prefer_busy_poll = true});
  REQUIRE(rig.napi.enable());
  const std::uint64_t events = bellpull::engine::test::scaled(100'000);
  std::atomic<bool> done{false};
  std::vector<std::thread> helpers;
  helpers.emplace_back([&] {  // the timer
    while (!done.load()) {
      if (rig.napi.timer_expired()) rig.serve();
      std::this_thread::yield();
    }
  });
  helpers.emplace_back([&] {  // an application that busy-polls and suspends
    while (!done.load()) {
      if (rig.napi.busy_poll_begin()) {
        rig.device.mask();
        if (napi_busy_round(rig.napi, rig.device, 8) != Round::disabled) {
          rig.napi.busy_poll_end();
          rig.serve();
          rig.napi.suspend();
        }
      }
      std::this_thread::yield();
    }
  });
  helpers.emplace_back([&] {  // a switch of style
    while (!done.load()) {
      rig.napi.disable();
      rig.napi.wait_disabled();
      ++rig.device.plain;
      if (rig.napi.enable()) rig.schedule();
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> sources;
  for (unsigned i = 0; i < 2; ++i) {
    sources.emplace_back([&] {
      for (std::uint64_t n = 0; n < events; ++n) rig.event();
    });
  }
  for (std::thread& source : sources) source.join();
  // Only the timer may still have something to do, and it brings its own time.
  while (rig.device.seen.load() != 2 * events) std::this_thread::yield();
  done.store(true);
  for (std::thread& helper : helpers) helper.join();
  CHECK(rig.device.polled == 2 * events);
  CHECK_FALSE(rig.device.two_polled.load());
  CHECK_FALSE(rig.napi.owned());
}
