// SPDX-License-Identifier: BSD-2-Clause
#include <doctest/doctest.h>
#include <signal.h>

#include "compare/trial.hpp"

using namespace bellpull;
using namespace bellpull::tools::compare;

TEST_CASE("compare: a signal ends a trial, however long it was to be") {
  for (const netdrv::Mode mode : {netdrv::Mode::interrupt, netdrv::Mode::poll}) {
    tools::Stop stop;
    ::raise(SIGTERM);
    Trial trial;
    trial.cores = Cores::one;
    trial.settings.mode = mode;
    trial.seconds = 100'000;
    trial.stop = &stop;
    const Outcome outcome = run_trial(trial);
    CHECK(stop.requested());
    CHECK(outcome.seconds < trial.seconds);
  }
}
