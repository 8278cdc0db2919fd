// SPDX-License-Identifier: BSD-2-Clause
// Whose turn it is: who owns an instance, in which order instances are polled, and what is counted.
#include <doctest/doctest.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bellpull/netdrv/apps.hpp"
#include "bellpull/netdrv/nic.hpp"
#include "sanitizers.hpp"

using namespace bellpull;
using namespace bellpull::netdrv;
using namespace std::chrono_literals;

namespace {

// A port that has as many frames waiting as it is told, and counts what the Nic asks of it. Frames
// are only numbers: nothing is handed to the stack.
class CountingPort final : public Port {
 public:
  explicit CountingPort(const engine::Notify& bell) : bell_(bell) {}

  // So many frames arrive. On the Nic's thread.
  void arrive(unsigned count) {
    waiting += count;
    ring();
  }

  // Rings if it is armed. Any one thread.
  void ring() {
    if (armed_.exchange(false)) bell_.ring(bell_.context);
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "counting"; }
  void start() noexcept override {}
  Polled poll(unsigned budget, std::uint32_t) noexcept override {
    ++polls;
    if (while_polled) while_polled();
    const unsigned work = std::min(budget, waiting);
    waiting -= work;
    frames += work;
    return {.work = work};
  }
  unsigned tx(std::span<Packet>) noexcept override { return 0; }
  unsigned reclaim() noexcept override { return 0; }
  [[nodiscard]] unsigned tx_in_flight() const noexcept override { return 0; }
  [[nodiscard]] engine::Armed arm() noexcept override {
    ++arms;
    if (waiting != 0) return engine::Armed::work_pending;
    armed_ = true;
    return engine::Armed::armed;
  }
  void disarm() noexcept override { armed_ = false; }
  [[nodiscard]] PortState state() const noexcept override { return PortState::running; }
  void stop_rx() noexcept override {}
  void stop_tx() noexcept override {}
  [[nodiscard]] PortCounters& counters() noexcept override { return counters_; }
  [[nodiscard]] std::uint64_t notifies() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t border_calls() const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }

  unsigned waiting = 0;
  unsigned polls = 0;
  unsigned arms = 0;
  std::uint64_t frames = 0;
  std::function<void()> while_polled;

 private:
  const engine::Notify bell_;
  std::atomic<bool> armed_{false};
  PortCounters counters_;
};

struct Turns {
  Turns(unsigned count, const NicSettings& settings,
        engine::Placement placement = engine::Placement::driven)
      : engine({.placement = placement}), nic(engine, *app, settings) {
    for (unsigned i = 0; i < count; ++i) {
      nic.add_port([this](const engine::Notify& bell, Receiver&) {
        auto port = std::make_unique<CountingPort>(bell);
        ports.push_back(port.get());
        return port;
      });
    }
    nic.start();
  }
  void settle() {
    for (int idle = 0; idle < 3;) idle = nic.run_once(0) ? 0 : idle + 1;
  }
  [[nodiscard]] QueueStats queue(unsigned port) const { return nic.stats().ports[port].queues[0]; }

  std::unique_ptr<App> app = make_discard();
  engine::Engine engine;
  std::vector<CountingPort*> ports;
  Nic nic;
};

}  // namespace

TEST_CASE("an instance has one turn a round, whoever rings while it is enabled and disabled") {
  Turns turns(1, {}, engine::Placement::autonomous);
  CountingPort& port = *turns.ports[0];
  std::atomic<bool> over{false};
  std::thread ringer([&] {
    for (unsigned i = 1; !over; ++i) {
      port.ring();
      if (i % 64 == 0) ::sched_yield();
    }
  });
  const std::uint64_t rounds = engine::test::scaled(100'000);
  std::uint64_t doubles = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    port.polls = 0;
    turns.nic.run_once(0);
    if (port.polls > 1) ++doubles;
    if (round % 3 == 0) CHECK(turns.nic.set_enabled(0, false));
    if (round % 3 == 0 && round % 2 == 0) ::sched_yield();
    if (round % 3 == 1) CHECK(turns.nic.set_enabled(0, true));
  }
  over = true;
  ringer.join();
  CHECK(doubles == 0);
}

namespace {

constexpr unsigned kFlooded = 8;
constexpr unsigned kLight = 8;  // the ninth

struct Wait {
  unsigned rounds = 0;
  std::uint64_t frames = 0;  // that the others were granted meanwhile
};

// How long a frame of the light port waits behind the flooded ones, at worst.
Wait longest_wait(const NicSettings& settings) {
  Turns turns(kFlooded + 1, settings);
  const auto flood = [&] {
    for (unsigned i = 0; i < kFlooded; ++i) turns.ports[i]->arrive(4096);
  };
  flood();
  const auto granted = [&] {
    std::uint64_t all = 0;
    for (unsigned i = 0; i < kFlooded; ++i) all += turns.ports[i]->frames;
    return all;
  };
  Wait longest;
  for (std::uint64_t frame = 1; frame <= engine::test::scaled(4000); ++frame) {
    // At a different place in the line each time.
    for (std::uint64_t i = 0; i < frame % 13; ++i) {
      turns.nic.run_once(0);
      flood();
    }
    const std::uint64_t before = granted();
    turns.ports[kLight]->arrive(1);
    unsigned rounds = 0;
    for (; turns.ports[kLight]->frames != frame; ++rounds) {
      turns.nic.run_once(0);
      flood();
      REQUIRE(rounds < 100);
    }
    longest.rounds = std::max(longest.rounds, rounds);
    // Those behind it in its own round are not held against it.
    longest.frames = std::max(longest.frames, granted() - before);
  }
  return longest;
}

}  // namespace

TEST_CASE("check 13: a light port waits no longer than one turn of each flooded one") {
  for (const Mode mode : {Mode::interrupt, Mode::poll}) {
    for (const unsigned budget : {1U, 16U, 64U}) {
      CAPTURE(static_cast<int>(mode));
      CAPTURE(budget);
      const std::uint64_t all = std::uint64_t{kFlooded} * budget;
      const Wait whole =
          longest_wait({.mode = mode, .budget = budget, .round_budget = 65536, .round_ns = 0});
      CHECK(whole.rounds == 1);
      CHECK(whole.frames == all);
      for (const unsigned round_budget : {1U, 100U, 300U}) {
        CAPTURE(round_budget);
        const Wait squeezed = longest_wait(
            {.mode = mode, .budget = budget, .round_budget = round_budget, .round_ns = 0});
        const unsigned turns_a_round = (round_budget + budget - 1) / budget;
        CHECK(squeezed.rounds <= (kFlooded + turns_a_round) / turns_a_round);
        // The round it is in may have gone on behind it.
        CHECK(squeezed.frames <= all + turns_a_round * budget);
      }
      // Time is up at once, so each round is one turn.
      const Wait hurried =
          longest_wait({.mode = mode, .budget = budget, .round_budget = 65536, .round_ns = 1});
      CHECK(hurried.rounds <= kFlooded + 1);
      CHECK(hurried.frames <= all);
    }
  }
}

TEST_CASE("check 13: who rings during a round is before those that had their turn in it") {
  for (const unsigned round_budget : {1U, 100U, 300U, 65536U}) {
    CAPTURE(round_budget);
    constexpr unsigned kBudget = 64;
    // Before what may poll to its very end.
    std::uint64_t frames = 0;
    unsigned waited = 0;  // turns of the others
    unsigned longest = 0;
    Turns turns(kFlooded + 1, {.budget = kBudget, .round_budget = round_budget, .round_ns = 0});
    turns.settle();
    CountingPort& light = *turns.ports[kLight];
    for (unsigned i = 0; i < kFlooded; ++i) {
      turns.ports[i]->while_polled = [&, i] {
        if (light.frames != frames) {
          longest = std::max(longest, waited);
          waited = 0;
          ++frames;
        }
        // At a different place in the line each time.
        if (light.waiting == 0 && turns.ports[0]->polls % 3 == i % 3) light.arrive(1);
        if (light.waiting != 0) ++waited;
      };
    }
    for (int round = 0; round < 2000; ++round) {
      for (unsigned i = 0; i < kFlooded; ++i) turns.ports[i]->arrive(kBudget);
      turns.nic.run_once(0);
    }
    CHECK(frames > 50);
    CHECK(longest <= kFlooded);
  }
}

TEST_CASE("flooded ports take turns: none is ever two ahead of another") {
  for (const unsigned round_budget : {1U, 100U, 300U, 65536U}) {
    CAPTURE(round_budget);
    Turns turns(9, {.budget = 64, .round_budget = round_budget, .round_ns = 0});
    turns.settle();
    for (CountingPort* const port : turns.ports) port->polls = 0;
    for (int round = 0; round < 500; ++round) {
      for (CountingPort* const port : turns.ports) port->arrive(64);
      turns.nic.run_once(0);
      unsigned least = ~0U;
      unsigned most = 0;
      for (const CountingPort* const port : turns.ports) {
        least = std::min(least, port->polls);
        most = std::max(most, port->polls);
      }
      REQUIRE(most - least <= 1);
    }
  }
}

TEST_CASE("every poll of an instance and every completion is counted as what it was") {
  NicSettings settings;
  settings.budget = 16;
  settings.busy_poll_budget = 40;
  for (const bool defers : {false, true}) {
    for (const bool prefers : {false, true}) {
      CAPTURE(defers);
      CAPTURE(prefers);
      settings.napi = {.defer_hard_irqs = defers ? 2U : 0U,
                       .gro_flush_timeout_ns = 20'000,
                       .irq_suspend_timeout_ns = 50'000,
                       .prefer_busy_poll = prefers};
      Turns turns(3, settings);
      for (unsigned i = 0; i < 3000; ++i) {
        turns.ports[i % 3]->arrive(i * 7 % 50);
        turns.nic.run_once(i % 5 == 0 ? 1 : 0);
        if (i % 100 == 50) {
          CHECK(turns.nic.set_enabled(i % 3, false));
          CHECK(turns.nic.set_enabled(i % 3, true));
        }
      }
      // Until no deferral is left.
      settings.napi = {};
      turns.nic.configure(settings);
      turns.settle();
      for (unsigned i = 0; i < 3; ++i) {
        const QueueStats queue = turns.queue(i);
        std::uint64_t polls = 0;
        for (const std::uint64_t rounds : queue.work_histogram) polls += rounds;
        CHECK(queue.polls == polls);
        CHECK(queue.polls == turns.ports[i]->polls);
        CHECK(queue.work == turns.ports[i]->frames);
        CHECK(turns.ports[i]->waiting == 0);
        CHECK(queue.completions == queue.repolls + queue.deferred + turns.ports[i]->arms);
        CHECK(queue.largest_work <= (prefers ? 40 : 16));
        CHECK((queue.deferred != 0) == defers);
        CHECK((queue.busy_polls != 0) == prefers);
        CHECK(queue.timer_fires <= queue.deferred);
      }
    }
  }
}

TEST_CASE("busy polling counts its largest poll, and suspends only who had work") {
  NicSettings settings;
  settings.budget = 4;
  settings.busy_poll_budget = 100;
  settings.napi = {.defer_hard_irqs = 1,
                   .gro_flush_timeout_ns = 3'600'000'000'000,
                   .irq_suspend_timeout_ns = 3'600'000'000'000,
                   .prefer_busy_poll = true};
  Turns turns(3, settings);
  turns.settle();
  for (CountingPort* const port : turns.ports) CHECK(port->frames == 0);
  const std::uint64_t suspends = turns.queue(2).suspends;
  turns.ports[1]->waiting = 50;
  turns.nic.run_once(0);
  CHECK(turns.ports[1]->frames == 50);
  CHECK(turns.queue(1).largest_work == 50);
  CHECK(turns.queue(1).suspends == 1);
  CHECK(turns.queue(2).suspends == suspends);
  CHECK(turns.queue(0).suspends == 0);
}

TEST_CASE("an owner who goes to sleep does not leave an instance suspended") {
  NicSettings settings;
  settings.napi = {.defer_hard_irqs = 1,
                   .gro_flush_timeout_ns = 50'000,
                   .irq_suspend_timeout_ns = 3'600'000'000'000,
                   .prefer_busy_poll = true};
  for (const bool elsewhere : {false, true}) {
    CAPTURE(elsewhere);
    Turns turns(1, settings);
    CountingPort& port = *turns.ports[0];
    turns.settle();
    port.waiting = 5;
    turns.nic.run_once(0);
    while (port.frames != 5) turns.nic.run_once(1);
    CHECK(turns.queue(0).suspends > 0);
    for (int i = 0; i < 10 && turns.nic.run_once(0); ++i) {
    }
    port.arrive(1);
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 100 && port.frames != 6; ++i) {
      if (!elsewhere) {
        turns.nic.run_once(20'000);
      } else if (!turns.nic.run_once(0)) {
        pollfd one{.fd = turns.nic.fd(), .events = POLLIN, .revents = 0};
        REQUIRE(::poll(&one, 1, 20'000) == 1);
      }
    }
    CHECK(port.frames == 6);
    CHECK(std::chrono::steady_clock::now() - begun < 20s);  // and not an hour
  }
}

TEST_CASE("whoever asks for more while an instance is suspended does not sleep on it") {
  NicSettings settings;
  settings.napi = {.defer_hard_irqs = 1,
                   .gro_flush_timeout_ns = 3'600'000'000'000,
                   .irq_suspend_timeout_ns = 3'600'000'000'000,
                   .prefer_busy_poll = true};
  Turns turns(1, settings);
  turns.settle();
  turns.ports[0]->waiting = 5;
  CHECK(turns.nic.run_once(0));  // suspended: back to work, then ask again
  CHECK(turns.ports[0]->frames == 5);
  CHECK_FALSE(turns.nic.run_once(0));
}

TEST_CASE("a deferral ends when the settings change") {
  NicSettings settings;
  settings.napi = {.defer_hard_irqs = 1, .gro_flush_timeout_ns = 3'600'000'000'000};
  Turns turns(1, settings);
  CountingPort& port = *turns.ports[0];
  turns.settle();
  port.arrive(1);
  turns.settle();
  CHECK(port.frames == 1);
  port.arrive(1);  // masked for an hour
  turns.settle();
  CHECK(port.frames == 1);
  turns.nic.configure({});
  turns.settle();
  CHECK(port.frames == 2);
}
