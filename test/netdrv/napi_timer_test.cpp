// SPDX-License-Identifier: BSD-2-Clause
// The rules R13 to R24 of NAPI, one by one: deferral, busy polls, suspending, settings and
// counters. A loop in made-up time does what a Nic does, and writes down when the device was
// unmasked.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bellpull/netdrv/napi.hpp"

using namespace bellpull::netdrv;
using bellpull::engine::Armed;

namespace {

using Times = std::vector<std::uint64_t>;

// A device, its instance and a loop that polls it at once, sleeps by its timer, and takes no time.
struct Loop {
  Loop() { REQUIRE(napi.enable()); }

  // What napi_round() polls.
  unsigned poll(unsigned most) noexcept {
    ++polls;
    const unsigned work = std::min(waiting, most);
    waiting -= work;
    return work;
  }
  Armed unmask() noexcept {
    masked = false;
    unmasked.push_back(now);
    return waiting != 0 ? Armed::work_pending : Armed::armed;
  }
  void mask() noexcept { masked = true; }

  Round serve() {
    for (;;) {
      const Round round = napi_round(napi, *this, budget);
      if (round != Round::again) return round;
    }
  }
  // A frame comes; the bell rings if the device is not masked.
  void frame(unsigned count = 1) {
    waiting += count;
    if (!masked) bell();
  }
  void bell() {
    if (!napi.schedule_prep()) return;
    mask();
    serve();
  }
  // Time passes; the timer wakes the loop when it is due.
  void run_until(std::uint64_t end) {
    while (napi.timer_due() <= end) {
      now = std::max(now, napi.timer_due());
      REQUIRE(napi.timer_expired());
      fired.push_back(now);
      serve();
    }
    now = end;
  }
  // A busy poll of the application: some rounds, then its end.
  Round busy_poll(unsigned rounds = 1) {
    if (!napi.busy_poll_begin()) return Round::disabled;
    mask();
    for (unsigned i = 0; i < rounds; ++i) {
      if (napi_busy_round(napi, *this, budget) != Round::again) return Round::disabled;
    }
    napi.busy_poll_end();
    return serve();
  }

  static std::uint64_t time(void* self) noexcept { return static_cast<Loop*>(self)->now; }

  std::uint64_t now = 1000;
  Napi napi{Clock{&Loop::time, this}};
  unsigned budget = 64;
  unsigned waiting = 0;
  unsigned polls = 0;
  bool masked = false;
  Times unmasked;  // when
  Times fired;     // the timer, when
};

constexpr NapiSettings kDeferring{.defer_hard_irqs = 2, .gro_flush_timeout_ns = 100};
constexpr NapiSettings kPledged{.defer_hard_irqs = 2,
                                .gro_flush_timeout_ns = 100,
                                .irq_suspend_timeout_ns = 5000,
                                .prefer_busy_poll = true};

}  // namespace

TEST_CASE_FIXTURE(Loop, "R13, check 12: N polls without work, T apart, until it unmasks") {
  napi.configure(kDeferring);
  frame();
  CHECK(masked);
  CHECK(napi.timer_due() == 1100);
  run_until(2000);
  // The poll with work left it masked, and so did one without; N is 2.
  CHECK(fired == Times{1100, 1200});
  CHECK(unmasked == Times{1200});
  CHECK(polls == 3);
  CHECK(napi.timer_due() == Napi::kNever);
  CHECK_FALSE(napi.owned());
}

TEST_CASE_FIXTURE(Loop, "R13, check 12: a poll with work begins to count anew") {
  napi.configure(kDeferring);
  frame();
  run_until(1150);
  CHECK(fired == Times{1100});
  frame();  // masked: nobody is told
  CHECK(polls == 2);
  run_until(3000);
  CHECK(fired == Times{1100, 1200, 1300, 1400});
  CHECK(unmasked == Times{1400});
  CHECK(napi.counters().work.value() == 2);
}

TEST_CASE_FIXTURE(Loop, "R13, check 12: as long as there is work each time it is never unmasked") {
  napi.configure(kDeferring);
  frame();
  for (unsigned i = 0; i < 50; ++i) {
    run_until(now + 60);
    frame();
  }
  CHECK(unmasked.empty());
  const std::uint64_t last = fired.back();
  run_until(now + 1000);
  CHECK(unmasked == Times{last + 300});  // found the last frame at +100, then two without
  CHECK(napi.counters().scheduled.load() == 1);
}

TEST_CASE_FIXTURE(Loop, "R13: an instance that was polled without finding work unmasks at once") {
  napi.configure(kDeferring);
  bell();
  CHECK(unmasked == Times{1000});
  CHECK(napi.timer_due() == Napi::kNever);
}

TEST_CASE_FIXTURE(Loop, "R13: the timer sets nothing missed and does not fire before it is due") {
  napi.configure(kDeferring);
  frame();
  now = 1099;
  CHECK_FALSE(napi.timer_expired());
  CHECK_FALSE(napi.owned());
  now = 1100;
  REQUIRE(napi.timer_expired());
  CHECK_FALSE(napi.timer_expired());  // somebody owns it
  CHECK(napi.counters().missed.load() == 0);
  CHECK(napi.timer_due() == Napi::kNever);
  CHECK(napi.complete_done(0) == Completion::deferred);  // not `again`
}

TEST_CASE_FIXTURE(Loop, "R13: a schedule stops the timer, and its completion starts it anew") {
  napi.configure(kDeferring);
  frame();
  now = 1040;
  REQUIRE(napi.schedule_prep());
  CHECK(napi.timer_due() == Napi::kNever);
  CHECK(napi.complete_done(1) == Completion::deferred);
  CHECK(napi.timer_due() == 1140);
}

TEST_CASE_FIXTURE(Loop, "R13: an event missed by a poll with work comes before deferral") {
  napi.configure(kDeferring);
  REQUIRE(napi.schedule_prep());
  REQUIRE_FALSE(napi.schedule_prep());
  CHECK(napi.complete_done(1) == Completion::again);
  CHECK(napi.timer_due() == Napi::kNever);
  CHECK(napi.complete_done(1) == Completion::deferred);
}

TEST_CASE_FIXTURE(Loop, "R14: without N, or without T, nothing is deferred") {
  SUBCASE("neither") {}
  SUBCASE("no T") {
    napi.configure({.defer_hard_irqs = 2});
  }
  SUBCASE("no N") {
    napi.configure({.gro_flush_timeout_ns = 100});
  }
  frame();
  CHECK(unmasked == Times{1000});
  CHECK(napi.timer_due() == Napi::kNever);
  CHECK_FALSE(napi.timer_expired());
}

TEST_CASE_FIXTURE(Loop,
                  "R15, check 12: the pledge keeps the device masked from one busy poll to "
                  "the next; it is void after T, and unmasked after N more") {
  napi.configure(kPledged);
  for (unsigned i = 0; i < 20; ++i) {
    run_until(now + 90);
    CHECK(busy_poll() == Round::deferred);  // found nothing, either
  }
  CHECK(unmasked.empty());
  CHECK(fired.empty());
  CHECK(napi.timer_due() == now + 100);
  const std::uint64_t last = now;
  run_until(now + 1000);
  CHECK(fired == Times{last + 100, last + 200});
  CHECK(unmasked == Times{last + 200});
}

TEST_CASE_FIXTURE(Loop,
                  "R15: while a busy poll prefers, the loop leaves it what exceeds a budget") {
  napi.configure(kPledged);
  waiting = 200;
  REQUIRE(napi.schedule_prep());
  mask();
  CHECK_FALSE(napi.busy_poll_begin());  // owned: only says that it would like to
  CHECK(napi.prefer_busy_poll());
  CHECK(napi_round(napi, *this, budget) == Round::deferred);
  CHECK(waiting == 136);
  CHECK(masked);
  CHECK_FALSE(napi.prefer_busy_poll());  // once
  CHECK(busy_poll(2) == Round::deferred);
  CHECK(waiting == 0);
}

TEST_CASE_FIXTURE(Loop, "R15: without the setting the loop goes on, and without timers too") {
  waiting = 200;
  SUBCASE("no setting") {
    napi.configure(kDeferring);
  }
  SUBCASE("no timers") {
    napi.configure({.prefer_busy_poll = true});
  }
  REQUIRE(napi.schedule_prep());
  mask();
  CHECK_FALSE(napi.busy_poll_begin());
  CHECK(napi_round(napi, *this, budget) == Round::again);
  CHECK(napi.owned());
  CHECK(masked);
  CHECK(waiting == 136);
}

TEST_CASE_FIXTURE(Loop, "R15: the timer makes void what a busy poll preferred") {
  napi.configure(kPledged);
  frame();
  now = 1100;
  REQUIRE(napi.timer_expired());
  CHECK_FALSE(napi.busy_poll_begin());
  CHECK(napi.prefer_busy_poll());
  CHECK(napi.complete_done(0) == Completion::deferred);
  CHECK_FALSE(napi.prefer_busy_poll());
}

TEST_CASE_FIXTURE(Loop, "R16: a busy poll takes an instance that nobody owns, and only that") {
  REQUIRE(napi.busy_poll_begin());
  CHECK(napi.owned());
  CHECK_FALSE(napi.busy_poll_begin());
  CHECK_FALSE(napi.schedule_prep());
  CHECK_FALSE(napi.timer_expired());
  napi.busy_poll_end();
  REQUIRE(napi.complete_done(0) == Completion::unmask);
  CHECK(napi.disable() == Disabled::done);
  CHECK_FALSE(napi.busy_poll_begin());
  CHECK_FALSE(napi.owned());
}

TEST_CASE_FIXTURE(Loop,
                  "R7, R17: a busy poll does not complete; its end forgets what was missed, "
                  "polls once more and unmasks") {
  REQUIRE(napi.busy_poll_begin());
  waiting = 3;
  bell();  // missed
  CHECK(napi_round(napi, *this, budget) == Round::again);
  CHECK(waiting == 0);
  CHECK(unmasked.empty());
  waiting = 2;
  bell();
  napi.busy_poll_end();
  CHECK(polls == 1);
  CHECK(napi_round(napi, *this, budget) == Round::complete);  // not again for what was missed
  CHECK(polls == 2);
  CHECK(waiting == 0);
  CHECK(unmasked == Times{1000});
}

TEST_CASE_FIXTURE(Loop,
                  "R17: when the last poll uses its budget up, the instance is to be polled "
                  "again, or with the pledge left to the timer") {
  waiting = 1000;
  REQUIRE(napi.busy_poll_begin());
  napi.busy_poll_end();
  CHECK(napi_round(napi, *this, budget) == Round::again);
  CHECK(napi.owned());
  CHECK_FALSE(napi.schedule_prep());
}

TEST_CASE_FIXTURE(Loop, "R11: disable ends a busy poll at the end of its round") {
  REQUIRE(napi.busy_poll_begin());
  CHECK(napi.disable() == Disabled::pending);
  CHECK(napi_busy_round(napi, *this, budget) == Round::disabled);
  CHECK_FALSE(napi.owned());
  CHECK(napi.enable());
  bell();
  CHECK(unmasked == Times{1000});  // it completes: no busy poll any more
}

TEST_CASE_FIXTURE(Loop, "R11: disable stops the timer, of an instance that is owned as well") {
  napi.configure(kDeferring);
  SUBCASE("deferred") {
    frame();
    CHECK(napi.disable() == Disabled::done);
  }
  SUBCASE("owned") {
    REQUIRE(napi.schedule_prep());
    CHECK(napi.disable() == Disabled::pending);
    CHECK(napi.complete_done(5) == Completion::unmask);
  }
  CHECK(napi.timer_due() == Napi::kNever);
  now = 5000;
  CHECK_FALSE(napi.timer_expired());
  CHECK_FALSE(napi.suspend());
  CHECK(napi.timer_due() == Napi::kNever);
}

TEST_CASE_FIXTURE(Loop, "R19, check 12: suspended, the device stays masked for S, then N and T") {
  napi.configure(kPledged);
  waiting = 5;
  CHECK(busy_poll() == Round::deferred);
  CHECK(napi.timer_due() == 1100);
  now = 1050;
  CHECK(napi.suspend());
  CHECK(napi.timer_due() == 6050);
  frame();  // nobody is told: the application hangs
  run_until(6049);
  CHECK(fired.empty());
  CHECK(waiting == 1);
  run_until(10000);
  CHECK(waiting == 0);
  CHECK(fired == Times{6050, 6150, 6250});
  CHECK(unmasked == Times{6250});
}

TEST_CASE_FIXTURE(Loop, "R19, check 12: resuming polls at once, and T and N take over") {
  napi.configure(kPledged);
  waiting = 5;
  REQUIRE(busy_poll() == Round::deferred);
  REQUIRE(napi.suspend());
  now = 3000;
  bell();  // resume: the application found nothing more to do
  CHECK(unmasked.empty());
  CHECK(napi.timer_due() == 3100);
  run_until(10000);
  CHECK(fired == Times{3100});
  CHECK(unmasked == Times{3100});
}

TEST_CASE_FIXTURE(Loop, "R19: suspending puts off a timer that runs; it starts none") {
  napi.configure(kPledged);
  CHECK_FALSE(napi.suspend());  // unmasked
  REQUIRE(napi.schedule_prep());
  CHECK_FALSE(napi.suspend());  // owned
  REQUIRE(napi.complete_done(1) == Completion::deferred);
  napi.configure(kDeferring);
  CHECK_FALSE(napi.suspend());  // S is 0
  CHECK(napi.timer_due() == 1100);
  CHECK(napi.counters().suspends.value() == 0);
}

TEST_CASE_FIXTURE(Loop, "R23: settings outlive disable and enable, and change at run time") {
  napi.configure(kPledged);
  CHECK(napi.disable() == Disabled::done);
  REQUIRE(napi.enable());
  const NapiSettings kept = napi.settings();
  CHECK(kept.defer_hard_irqs == 2);
  CHECK(kept.gro_flush_timeout_ns == 100);
  CHECK(kept.irq_suspend_timeout_ns == 5000);
  CHECK(kept.prefer_busy_poll);
  frame();
  CHECK(napi.timer_due() == 1100);
  napi.configure({.defer_hard_irqs = 1, .gro_flush_timeout_ns = 30});
  CHECK(napi.timer_due() == 1100);  // the present wait is not cut short
  run_until(1200);
  CHECK(fired == Times{1100, 1130});
  napi.configure({});
  frame();
  CHECK(unmasked == Times{1130, 1200});
}

TEST_CASE_FIXTURE(Loop, "R24: each poll is in the histogram, by the power of two of its work") {
  budget = 4096;
  for (const unsigned work : {0U, 1U, 2U, 3U, 4U, 7U, 8U, 64U, 4095U, 4096U}) {
    waiting = work;
    static_cast<void>(napi_busy_round(napi, *this, budget));
  }
  const auto& histogram = napi.counters().work_histogram;
  CHECK(histogram.size() == 14);
  const std::vector<std::uint64_t> expected = {1, 1, 2, 2, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(histogram[i].value() == expected[i]);
  }
  CHECK(napi.counters().polls.value() == 10);
  napi.counters().polled(~0U);
  CHECK(histogram.back().value() == 2);
}

TEST_CASE_FIXTURE(Loop, "R24: the counters tell what became of each completion") {
  napi.configure(kDeferring);
  REQUIRE(napi.schedule_prep());
  REQUIRE_FALSE(napi.schedule_prep());
  serve();  // again; deferred no: nothing found; unmasked
  frame();  // deferred, until 1100
  run_until(3000);
  REQUIRE(busy_poll() == Round::complete);
  NapiCounters& counters = napi.counters();
  CHECK(counters.scheduled.load() == 2);
  CHECK(counters.missed.load() == 1);
  CHECK(counters.completions.value() == 6);
  CHECK(counters.repolls.value() == 1);
  CHECK(counters.deferred.value() == 2);
  CHECK(counters.timer_fires.value() == 2);
  CHECK(counters.busy_polls.value() == 1);
  CHECK(counters.completions.value() - counters.repolls.value() - counters.deferred.value() ==
        unmasked.size());
}

TEST_CASE_FIXTURE(Loop, "R24: a deferred device counts as masked all the while") {
  napi.configure(kDeferring);
  frame();
  run_until(5000);
  CHECK(napi.counters().masked_ns.value() == 200);
  frame();
  run_until(9000);
  CHECK(napi.counters().masked_ns.value() == 400);
}
