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

TEST_CASE("check 4: every simulated frame is done with or dropped by name, in every style") {
  for (std::size_t style = 0; style < netdrv::kStyleNames.size(); ++style) {
    Trial trial;
    trial.engine = engine::Placement::driven;
    trial.style = static_cast<netdrv::Style>(style);
    trial.seconds = 0.02;
    const Outcome outcome = run_trial(trial);
    CAPTURE(netdrv::kStyleNames[style]);
    CHECK(outcome.unexplained == 0);
  }
}
