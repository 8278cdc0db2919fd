// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <benchmark/benchmark.h>
#include <dirent.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "pinning.hpp"
#include "thread_cpu.hpp"

namespace bellpull::bench {

constexpr unsigned kEngineCore = 0;
constexpr unsigned kClientCore = 1;

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// A time and not a number of transfers: cores far apart take many times as long for as many.
constexpr Seconds kWarmUp{0.05};
constexpr Seconds kMeasured{0.25};

/// The thread of this program that has that name: libraries do not hand theirs out.
inline pid_t thread_named(const std::string& name) {
  const std::string tasks = "/proc/self/task";
  pid_t found = 0;
  DIR* const directory = ::opendir(tasks.c_str());
  while (const dirent* const entry = directory != nullptr ? ::readdir(directory) : nullptr) {
    std::ifstream file(tasks + '/' + entry->d_name + "/comm");
    std::string comm;
    if (std::getline(file, comm) && comm == name) found = std::atoi(entry->d_name);
  }
  if (directory != nullptr) ::closedir(directory);
  if (found == 0) throw std::runtime_error("no thread of this program is called " + name);
  return found;
}

struct Counted {
  std::uint64_t count = 0;
  double seconds = 0;
};

/// Calls `step` for about that long; adds up what it returns.
template <class Step>
Counted count_for(Seconds enough, Step&& step) {
  // So many calls between two looks at the clock that these cost little.
  constexpr int kCalls = 64;
  Counted counted;
  const auto begin = Clock::now();
  do {
    for (int i = 0; i < kCalls; ++i) counted.count += step();
    counted.seconds = Seconds(Clock::now() - begin).count();
  } while (counted.seconds < enough.count());
  return counted;
}

/// Warms up and measures `step`, which returns how many transfers came back, on this thread alone.
/// Counter core_share: what the thread got of its core. Returns what was measured.
template <class Step>
Counted measure_alone(benchmark::State& state, Step&& step) {
  pin_to(kClientCore);
  Counted all;
  for (auto _ : state) {
    count_for(kWarmUp, step);
    const ThreadCpu cpu(pthread_self());
    const Counted counted = count_for(kMeasured, step);
    state.counters["core_share"] = cpu.seconds() / counted.seconds;
    state.SetIterationTime(counted.seconds);
    all.count += counted.count;
    all.seconds += counted.seconds;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(all.count));
  return all;
}

/// The same beside the thread `other`; core_share is that of the thread that had less.
template <class Step>
Counted measure_beside(benchmark::State& state, pid_t other, Step&& step) {
  pin_to(kClientCore);
  Counted all;
  for (auto _ : state) {
    count_for(kWarmUp, step);
    const ThreadCpu here(pthread_self());
    const ThreadCpu there = ThreadCpu::of_task(other);
    const Counted counted = count_for(kMeasured, step);
    const double least = std::min(here.seconds(), there.seconds());
    state.counters["core_share"] = least / counted.seconds;
    state.SetIterationTime(counted.seconds);
    all.count += counted.count;
    all.seconds += counted.seconds;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(all.count));
  return all;
}

}  // namespace bellpull::bench
