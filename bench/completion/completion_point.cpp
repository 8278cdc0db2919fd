// SPDX-License-Identifier: BSD-2-Clause
#include "completion_point.hpp"

#include <benchmark/benchmark.h>

namespace bellpull::bench {

using tools::compare::Outcome;
using tools::compare::Trial;

namespace {

void report(benchmark::State& state, const Trial& trial, const Outcome& outcome) {
  const auto frames = static_cast<double>(outcome.frames);
  const auto per_frame = [&](double value) { return outcome.frames == 0 ? 0 : value / frames; };
  state.counters["offered_fps"] = static_cast<double>(outcome.scheduled) / outcome.seconds;
  state.counters["goodput_fps"] = frames / outcome.seconds;
  state.counters["missed_share"] =
      static_cast<double>(outcome.missed) / static_cast<double>(outcome.scheduled + 1);
  state.counters["late_share"] =
      static_cast<double>(outcome.late) / static_cast<double>(outcome.scheduled + 1);
  state.counters["dropped_share"] =
      static_cast<double>(outcome.dropped) / static_cast<double>(outcome.scheduled + 1);
  state.counters["valid"] = outcome.valid() ? 1 : 0;
  state.counters["app_cpu_ns"] = per_frame(outcome.app_cpu * 1e9);
  state.counters["engine_cpu_ns"] = per_frame(outcome.engine_cpu * 1e9);
  state.counters["system_cpu_ns"] = per_frame(outcome.system_cpu * 1e9);
  state.counters["app_cpu_share"] = outcome.app_cpu / outcome.seconds;
  state.counters["notifies"] = per_frame(static_cast<double>(outcome.notifies));
  state.counters["border_calls"] = per_frame(static_cast<double>(outcome.border_calls));
  state.counters["wakeups"] = per_frame(static_cast<double>(outcome.wakeups));
  state.counters["wakeups_total"] = static_cast<double>(outcome.wakeups);
  state.counters["doorbells"] = per_frame(static_cast<double>(outcome.doorbells));
  state.counters["mode_switches"] = static_cast<double>(outcome.mode_switches);
  state.counters["largest_burst"] = static_cast<double>(outcome.largest_burst);
  const netdrv::LatencySummary latency = outcome.latency.back().summary();
  state.counters["p50_ns"] = static_cast<double>(latency.p50);
  state.counters["p99_ns"] = static_cast<double>(latency.p99);
  state.counters["p999_ns"] = static_cast<double>(latency.p999);
  state.counters["seconds"] = outcome.seconds;
  state.counters["edges"] = trial.arrivals == netdrv::Arrivals::square
                                ? 2 * outcome.seconds * 1e9 / static_cast<double>(trial.wave_ns)
                                : 0;
}

}  // namespace

void add_point(const std::string& name, const Trial& trial) {
  const auto run = [trial](benchmark::State& state) {
    for (auto _ : state) {
      const Outcome outcome = run_trial(trial);
      state.SetIterationTime(outcome.seconds);
      report(state, trial, outcome);
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace bellpull::bench
