// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "compare/report.hpp"

namespace bellpull::test {

/// A measurement in round numbers: `frames` in half a second, mostly with 10 us of latency, but 900
/// of them with 250 us and 100 with 1 ms.
inline tools::compare::Measurement sample_measurement(unsigned repetition,
                                                      const tools::compare::Point& point,
                                                      std::uint64_t frames) {
  tools::compare::Outcome outcome;
  outcome.seconds = 0.5;
  outcome.scheduled = 100'000;
  outcome.missed = 100'000 - frames;
  outcome.frames = frames;
  outcome.app_cpu = 0.05;
  outcome.engine_cpu = 0.5;
  outcome.system_cpu = 0.01;
  outcome.notifies = frames / 4;
  outcome.border_calls = frames / 2;
  outcome.largest_burst = 64;
  auto& latency = outcome.latency.emplace_back();
  if (frames > 1000) {
    latency.add(10'000, frames - 1000);
    latency.add(250'000, 900);
    latency.add(1'000'000, 100);
  }
  return {repetition, point, std::move(outcome)};
}

/// Two styles and the control in one mode at one load, six repetitions: `push` does half of what
/// `poll` does, and the control the same, in turn a little more and a little less.
inline tools::compare::Results sample_comparison() {
  using namespace tools::compare;
  Words words;
  words.styles = "push,poll";
  words.modes = "interrupt";
  words.loads = "0.5";
  words.repetitions = "6";
  Results results{.options = understand(words, 2),
                  .machine = {.processor = "A <CPU> & more",
                              .cores = 2,
                              .kernel = "Linux 6.1.0 x86_64",
                              .compiler = "g++ 12.2.0",
                              .version = "0.1.0"},
                  .capacities = {390'000, 400'000, 500'000},
                  .measurements = {}};
  const auto mode = netdrv::Mode::interrupt;
  for (unsigned i = 0; i < 6; ++i) {
    const Contender control{.control = true};
    results.measurements.push_back(sample_measurement(i, {kBase, mode, 0.5}, 80'000 + i * 1'000));
    results.measurements.push_back(
        sample_measurement(i, {{.style = netdrv::Style::push}, mode, 0.5}, 40'000 + i * 500));
    results.measurements.push_back(
        sample_measurement(i, {control, mode, 0.5}, 80'000 + i * 1'000 + (i % 2) * 2'000 - 1'000));
  }
  return results;
}

}  // namespace bellpull::test
