// SPDX-License-Identifier: BSD-2-Clause
// Trials from TAP to TAP, in the network namespace that the program's main makes.
#include <doctest/doctest.h>

#include "compare/cores.hpp"
#include "compare/tap_pair.hpp"
#include "compare/trial.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;

namespace {

Trial trial_on(TapPair& taps) {
  Trial trial;
  trial.engine = engine::Placement::driven;
  trial.taps = &taps;
  trial.rates = {20'000};
  trial.seconds = 0.05;
  trial.settings.latency_every = 1;
  return trial;
}

// Runs longer and longer trials until one has something to show, because a busy machine may give
// the sender no time for as long as a trial takes. Nothing may be unexplained in any of them.
template <class Wanted>
Outcome run_until(Trial trial, Wanted wanted) {
  Outcome outcome;
  for (; trial.seconds < 30; trial.seconds *= 2) {
    outcome = run_trial(trial);
    CHECK(outcome.unexplained == 0);
    if (wanted(outcome)) return outcome;
  }
  FAIL_CHECK("no trial had what was to be seen");
  return outcome;
}

bool came_through(const Outcome& outcome) {
  return outcome.frames > 0 && outcome.scheduled > 0 && outcome.latency.front().count() > 0;
}

bool overflowed(const Outcome& outcome) {
  return outcome.missed > 0;
}

bool has_two_cores() {
  if (allowed_cores().size() >= 2) return true;
  MESSAGE("SKIPPED: the sender needs a core of its own, and this process may use one only");
  return false;
}

}  // namespace

TEST_CASE("check 4: every frame into one TAP leaves by the other, in every style and mode") {
  if (!has_two_cores()) return;
  TapPair taps;
  for (std::size_t style = 0; style < netdrv::kStyleNames.size(); ++style) {
    for (const netdrv::Mode mode :
         {netdrv::Mode::interrupt, netdrv::Mode::poll, netdrv::Mode::adaptive}) {
      Trial trial = trial_on(taps);
      trial.style = static_cast<netdrv::Style>(style);
      trial.settings.mode = mode;
      CAPTURE(netdrv::kStyleNames[style]);
      const Outcome outcome = run_until(trial, came_through);
      CHECK(outcome.latency.size() == 1);
      CHECK(outcome.engine_cpu == 0);
    }
  }
}

TEST_CASE("check 4: with a thread for the engine nothing is unexplained either") {
  if (!has_two_cores()) return;
  TapPair taps;
  for (const netdrv::Style style : {netdrv::Style::push, netdrv::Style::poll}) {
    Trial trial = trial_on(taps);
    trial.engine = engine::Placement::autonomous;
    trial.style = style;
    static_cast<void>(run_until(trial, came_through));
  }
}

TEST_CASE("F25, check 8: what overflows the queue of a TAP is missed, and explained") {
  if (!has_two_cores()) return;
  TapPair taps;
  Trial trial = trial_on(taps);
  trial.work_ns = 100'000;
  trial.rates = {100'000};
  static_cast<void>(run_until(trial, overflowed));
}

TEST_CASE("compare: a trial begins with empty TAPs, whatever the one before left") {
  if (!has_two_cores()) return;
  TapPair taps;
  Trial busy = trial_on(taps);
  busy.work_ns = 100'000;
  busy.rates = {100'000};
  static_cast<void>(run_until(busy, overflowed));
  CHECK(taps.discard() == 0);
  Trial idle = trial_on(taps);
  idle.rates = {0.001};
  const Outcome outcome = run_trial(idle);
  // The first frame of a schedule is due before the clock of the trial runs, and may come late. One
  // that the other trial left would be unexplained: nobody sent it here.
  CHECK(outcome.frames <= 1);
  CHECK(outcome.scheduled == 0);
  CHECK(outcome.unexplained == 0);
}
