// SPDX-License-Identifier: BSD-2-Clause
// One Nic over each completion style, on simulated ports, and over one of them from TAP to TAP: a
// benchmark per point, each of them one trial of tools/compare. `bench/run completion` runs it,
// once per repetition, with the capacities that it found in a first run.
#include <benchmark/benchmark.h>

#include <array>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compare/tap_pair.hpp"
#include "compare/trial.hpp"
#include "completion_point.hpp"
#include "completion_request.hpp"
#include "netns.hpp"
#include "unbudgeted_port.hpp"

namespace bellpull::bench {
namespace {

using netdrv::Mode;
using netdrv::Style;
using tools::compare::TapPair;
using tools::compare::Trial;

constexpr std::array kModes = {"interrupt", "poll", "adaptive"};
constexpr std::array kLoads = {0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 10.0};
constexpr std::array kModeLoads = {0.1, 0.3, 0.8, 2.0, 10.0};
// A sender cannot offer a TAP much more than what can be done.
constexpr std::array kTapLoads = {0.1, 0.3, 0.8, 1.2, 1.5};
constexpr double kLowRate = 1000;  // frames per second: what a machine that does nothing hears

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

void add_capacity(const Request& request, const Place& place, TapPair* taps) {
  Trial trial = trial_at(request, place, Mode::interrupt);
  trial.taps = taps;
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

// Goodput, latency and CPU of each style over the load that is offered.
void add_sweep(const Request& request, const Place& place, double capacity) {
  for (const double load : kLoads) {
    Trial trial = trial_at(request, place, Mode::interrupt);
    trial.rates = {capacity * load};
    const std::string where = std::string("sweep/") + place.name + "/load:" + number(load) + "/";
    for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
      trial.style = static_cast<Style>(i);
      add_point(where + std::string(netdrv::kStyleNames[i]), trial);
    }
    trial.style = Style::poll;
    add_point(where + "control", trial);
    trial.make_port = [](const netdrv::PortParts& parts) {
      return std::make_unique<UnbudgetedPort>(parts);
    };
    add_point(where + "unbudgeted", trial);
  }
}

// Interrupt, polled and adaptive, each over Style::poll; on simulated ports, or on TAPs.
void add_modes(const Request& request, const Place& place, double capacity,
               std::span<const double> loads, TapPair* taps) {
  const std::string where = std::string("mode/") + place.name;
  for (std::size_t mode = 0; mode < kModes.size(); ++mode) {
    Trial trial = trial_at(request, place, static_cast<Mode>(mode));
    trial.taps = taps;
    trial.settings.latency_every = 1;
    const std::string end = std::string("/") + kModes[mode];
    // A machine that takes the core away for some milliseconds, every few hundred, spoils the p99
    // of a long sample more or less, of each one; but only few of many short ones.
    trial.seconds = request.seconds * 0.5;
    for (const double load : loads) {
      trial.rates = {capacity * load};
      add_point(where + "/load:" + number(load) + end, trial);
    }
    trial.seconds = request.seconds * 2;  // processor time of few frames
    trial.rates = {kLowRate};
    add_point(where + "/low" + end, trial);
    trial.seconds = request.seconds * 4;
    trial.rates = {0.001};  // none within the hour
    add_point(where + "/idle" + end, trial);
  }
  Trial wave = trial_at(request, place, Mode::adaptive);
  wave.taps = taps;
  wave.arrivals = netdrv::Arrivals::square;
  wave.wave_ns = 100'000'000;
  wave.seconds = 1;
  wave.rates = {capacity * 0.4};
  add_point(where + "/square/adaptive", wave);
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
    add_point(where + "/alone", trial);
    trial.rates.assign(9, capacity * 0.5);
    trial.rates.back() = capacity * 0.02;
    add_point(where + "/beside_eight", trial);
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
    add_point("cause/wakeups" + end, trial);
    trial.rates = {capacity * 2};
    add_point("cause/saturated" + end, trial);
    trial.port.rx_ring = 32;
    add_point("cause/warm_data" + end, trial);
    trial.port.rx_ring = 4096;
    add_point("cause/cold_data" + end, trial);
  }
}

// Calls across the border, in bursts of 32.
void add_calls(const Request& request, double capacity) {
  for (std::size_t i = 0; i < netdrv::kStyleNames.size(); ++i) {
    Trial trial = trial_at(request, kPlaces[0], Mode::interrupt);
    trial.style = static_cast<Style>(i);
    trial.settings.budget = 32;
    trial.rates = {capacity * 4};
    add_point("calls/" + std::string(netdrv::kStyleNames[i]), trial);
  }
}

void add_simulated(const Request& request) {
  for (const Place& place : kPlaces) {
    add_capacity(request, place, nullptr);
    const auto found = request.capacity.find(place.name);
    if (found == request.capacity.end()) continue;
    add_sweep(request, place, found->second);
    add_fairness(request, place, found->second);
    if (&place != &kPlaces[0]) continue;
    add_modes(request, place, found->second, kModeLoads, nullptr);
    add_causes(request, found->second);
    add_calls(request, found->second);
  }
}

// The TAPs outlive the benchmarks.
void add_taps(const Request& request, std::optional<TapPair>& taps) {
  tools::enter_own_netns();
  taps.emplace();
  add_capacity(request, kTaps, &*taps);
  const auto found = request.capacity.find(kTaps.name);
  if (found != request.capacity.end()) {
    add_modes(request, kTaps, found->second, kTapLoads, &*taps);
  }
}

}  // namespace
}  // namespace bellpull::bench

int main(int argc, char** argv) try {
  using namespace bellpull::bench;
  const Request request = understand(argc, argv);
  std::optional<TapPair> taps;
  if (request.taps) add_taps(request, taps);
  add_simulated(request);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "completion_bench: " << error.what() << '\n';
  return 1;
}
