// SPDX-License-Identifier: BSD-2-Clause
// One Nic over each completion style, on simulated ports: a benchmark per point, each of them one
// trial of tools/compare. `bench/run completion` runs it, once per repetition, with the capacities
// that it found in a first run.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compare/trial.hpp"
#include "unbudgeted_port.hpp"

namespace bellpull::bench {
namespace {

using netdrv::Mode;
using netdrv::Style;
using tools::compare::Cores;
using tools::compare::Outcome;
using tools::compare::Trial;

// Where engine and application run.
struct Place {
  const char* name;
  engine::Placement engine;
  Cores cores;
};

constexpr std::array kPlaces = {Place{"two", engine::Placement::autonomous, Cores::two},
                                Place{"one", engine::Placement::autonomous, Cores::one},
                                Place{"driven", engine::Placement::driven, Cores::one}};
constexpr std::array kModes = {"interrupt", "poll", "adaptive"};
constexpr std::array kLoads = {0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 10.0};
constexpr std::array kModeLoads = {0.1, 0.3, 0.8, 2.0, 10.0};
constexpr double kLowRate = 1000;  // frames per second: what a machine that does nothing hears

// What is asked for on the command line, before Google Benchmark's own.
struct Request {
  unsigned work_ns = 500;
  double seconds = 0.1;
  std::uint64_t seed = 1;
  std::map<std::string, double> capacity;  // by place
};

std::string number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

Trial trial_at(const Request& request, const Place& place, Mode mode) {
  Trial trial;
  trial.engine = place.engine;
  trial.cores = place.cores;
  trial.settings.mode = mode;
  trial.settings.latency_every = 4;
  trial.work_ns = request.work_ns;
  trial.seconds = request.seconds;
  trial.seed = request.seed;
  return trial;
}

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

void add(const std::string& name, const Trial& trial) {
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

void add_capacity(const Request& request) {
  for (const Place& place : kPlaces) {
    const Trial trial = trial_at(request, place, Mode::interrupt);
    const auto run = [trial](benchmark::State& state) {
      for (auto _ : state) {
        state.counters["goodput_fps"] = find_capacity(trial);
        state.SetIterationTime(trial.seconds);
      }
    };
    benchmark::RegisterBenchmark((std::string("capacity/") + place.name).c_str(), run)
        ->UseManualTime()
        ->Iterations(1);
  }
}

// Goodput, latency and CPU of each style over the load that is offered.
void add_sweep(const Request& request, const Place& place, double capacity) {
  for (const double load : kLoads) {
    Trial trial = trial_at(request, place, Mode::interrupt);
    trial.rates = {capacity * load};
    const std::string where = std::string("sweep/") + place.name + "/load:" + number(load) + "/";
    for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
      trial.style = static_cast<Style>(i);
      add(where + std::string(netdrv::kStyleNames[i]), trial);
    }
    trial.style = Style::poll;
    add(where + "control", trial);
    trial.make_port = [](const netdrv::PortParts& parts) {
      return std::make_unique<UnbudgetedPort>(parts);
    };
    add(where + "unbudgeted", trial);
  }
}

// Interrupt, polled and adaptive, each over Style::poll.
void add_modes(const Request& request, const Place& place, double capacity) {
  for (std::size_t mode = 0; mode < kModes.size(); ++mode) {
    Trial trial = trial_at(request, place, static_cast<Mode>(mode));
    trial.settings.latency_every = 1;
    trial.seconds *= 4;  // one interruption must not be a hundredth of it
    const std::string end = std::string("/") + kModes[mode];
    for (const double load : kModeLoads) {
      trial.rates = {capacity * load};
      add(std::string("mode/") + place.name + "/load:" + number(load) + end, trial);
    }
    trial.rates = {kLowRate};
    add(std::string("mode/") + place.name + "/low" + end, trial);
    trial.rates = {0.001};  // none within the hour
    add(std::string("mode/") + place.name + "/idle" + end, trial);
  }
  Trial wave = trial_at(request, place, Mode::adaptive);
  wave.arrivals = netdrv::Arrivals::square;
  wave.wave_ns = 100'000'000;
  wave.seconds = 1;
  wave.rates = {capacity * 0.4};
  add(std::string("mode/") + place.name + "/square/adaptive", wave);
}

// Eight ports that are offered far too much and one that is not, and that one alone.
void add_fairness(const Request& request, const Place& place, double capacity) {
  for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
    Trial trial = trial_at(request, place, Mode::poll);
    trial.style = static_cast<Style>(i);
    trial.settings.latency_every = 1;
    const std::string where =
        std::string("fairness/") + place.name + "/" + std::string(netdrv::kStyleNames[i]);
    trial.rates = {capacity * 0.02};
    add(where + "/alone", trial);
    trial.rates.assign(9, capacity * 0.5);
    trial.rates.back() = capacity * 0.02;
    add(where + "/beside_eight", trial);
  }
}

// What a frame costs when one cause of cost is there or not.
void add_causes(const Request& request, double capacity) {
  const Place& two = kPlaces[0];
  for (const Style style : {Style::push, Style::push_backlog, Style::push_pause, Style::notify,
                            Style::poll, Style::virtqueue}) {
    const std::string end = "/" + std::string(name_of(style));
    Trial trial = trial_at(request, two, Mode::interrupt);
    trial.style = style;
    trial.rates = {capacity * 0.5};
    add("cause/wakeups" + end, trial);
    trial.rates = {capacity * 2};
    add("cause/saturated" + end, trial);
    trial.port.rx_ring = 32;
    add("cause/warm_data" + end, trial);
    trial.port.rx_ring = 4096;
    add("cause/cold_data" + end, trial);
  }
}

// Calls across the border, in bursts of 32.
void add_calls(const Request& request, double capacity) {
  for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
    Trial trial = trial_at(request, kPlaces[0], Mode::interrupt);
    trial.style = static_cast<Style>(i);
    trial.settings.budget = 32;
    trial.rates = {capacity * 4};
    add("calls/" + std::string(netdrv::kStyleNames[i]), trial);
  }
}

double value_of(std::string_view argument, std::string_view option) {
  if (!argument.starts_with(option)) return -1;
  return std::atof(argument.substr(option.size()).data());
}

Request understand(int& argc, char** argv) {
  Request request;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    bool ours = true;
    if (const double value = value_of(argument, "--work-ns="); value >= 0) {
      request.work_ns = static_cast<unsigned>(value);
    } else if (const double seconds = value_of(argument, "--seconds="); seconds > 0) {
      request.seconds = seconds;
    } else if (const double seed = value_of(argument, "--seed="); seed >= 0) {
      request.seed = static_cast<std::uint64_t>(seed);
    } else {
      ours = false;
      for (const Place& place : kPlaces) {
        const double capacity = value_of(argument, std::string("--capacity-") + place.name + "=");
        if (capacity <= 0) continue;
        request.capacity[place.name] = capacity;
        ours = true;
      }
    }
    if (!ours) argv[kept++] = argv[i];
  }
  argc = kept;
  return request;
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) {
  using namespace bellpull::bench;
  const Request request = understand(argc, argv);
  add_capacity(request);
  for (const Place& place : kPlaces) {
    const auto found = request.capacity.find(place.name);
    if (found == request.capacity.end()) continue;
    add_sweep(request, place, found->second);
    add_modes(request, place, found->second);
    add_fairness(request, place, found->second);
    if (&place != &kPlaces[0]) continue;
    add_causes(request, found->second);
    add_calls(request, found->second);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
