// SPDX-License-Identifier: BSD-2-Clause
// The life of a comparison:
//   1. the words are understood, the files to be written are opened (understand, OutputFiles)
//   2. capacity is measured, then every point once per repetition, in random order (measure)
//   3. printed, and written to the files; what was measured before a signal counts (report)
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "commands.hpp"
#include "compare/cores.hpp"
#include "compare/plots.hpp"
#include "compare/progress.hpp"
#include "compare/tap_pair.hpp"
#include "netns.hpp"
#include "sink.hpp"
#include "stop.hpp"

namespace bellpull::tools {

namespace {

using compare::Options;
using compare::Results;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kRawFile = "compare.json";
constexpr unsigned kCapacityTimes = 3;
// How often it is said how far it is: a line that is written over, or another one each time.
constexpr std::chrono::milliseconds kOnTerminal{200};
constexpr std::chrono::milliseconds kElsewhere{10'000};

class OutputFiles {
 public:
  /// Makes the directory and opens the files, so that it is known before anything is measured
  /// whether they can be written.
  explicit OutputFiles(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
      throw std::system_error(error, fmt::format("make the directory --output {} (choose a path "
                                                 "that you may write)",
                                                 directory.native()));
    }
    raw_.emplace("--output", directory / kRawFile);
    for (const std::string_view name : compare::kPlotFiles) {
      plots_.emplace_back("--output", directory / name);
    }
  }

  void write(const Results& results) {
    raw_->write(compare::to_json(results));
    const auto plots = compare::plots_of(results);
    for (std::size_t i = 0; i < plots.size(); ++i) plots_[i].write(plots[i]);
  }

 private:
  std::optional<LateFile> raw_;
  std::deque<LateFile> plots_;  // they cannot be moved
};

class Comparison {
 public:
  explicit Comparison(Options options)
      : terminal_(::isatty(STDERR_FILENO) == 1),
        results_{.options = std::move(options),
                 .machine = compare::this_machine(),
                 .capacities = {},
                 .measurements = {}} {
    if (results_.options.ports != compare::Ports::tap) return;
    enter_own_netns();
    taps_.emplace();
  }

  ~Comparison() {
    if (terminal_) std::fputs("\r\033[K", stderr);
  }

  /// What was measured until the end, or until it was told to stop.
  [[nodiscard]] Results measure() && {
    if (measure_capacity()) measure_points();
    return std::move(results_);
  }

 private:
  bool measure_capacity();
  void measure_points();
  bool measure_point(unsigned repetition, const compare::Point& point);
  void show(const std::string& line) const;
  bool told_to_stop() {
    stop_.wait(-1, 0);
    return stop_.requested();
  }

  // A trial of this comparison.
  compare::Trial ours(compare::Trial trial) {
    trial.stop = &stop_;
    trial.taps = taps_ ? &*taps_ : nullptr;
    return trial;
  }

  Stop stop_;
  std::optional<compare::TapPair> taps_;
  const bool terminal_;
  Results results_;
};

bool Comparison::measure_capacity() {
  for (unsigned i = 0; i < kCapacityTimes; ++i) {
    const double capacity = find_capacity(ours(capacity_trial(results_.options, i)));
    if (told_to_stop()) return false;
    results_.capacities.push_back(capacity);
  }
  if (results_.capacity() > 0) return true;
  throw std::runtime_error(fmt::format(
      "compare: no frame came through in {} s, so there is no capacity to compare at: give it more "
      "--seconds",
      results_.options.seconds));
}

void Comparison::measure_points() {
  const Options& options = results_.options;
  const std::size_t planned = compare::planned(options);
  complain(fmt::format("compare: capacity {:.0f} frames/s; {} measurements of {} s, seed {}",
                       results_.capacity(), planned, options.seconds, options.seed));
  compare::Progress progress(terminal_ ? kOnTerminal : kElsewhere, planned, SteadyClock::now());
  for (unsigned repetition = 0; repetition < options.repetitions; ++repetition) {
    for (const compare::Point& point : points_of(options, repetition)) {
      if (!measure_point(repetition, point)) return;
      show(progress.at(results_.measurements.size(), SteadyClock::now()));
    }
  }
}

bool Comparison::measure_point(unsigned repetition, const compare::Point& point) {
  compare::Outcome outcome =
      run_trial(ours(trial_of(results_.options, point, repetition, results_.capacity())));
  if (told_to_stop()) return false;
  results_.measurements.emplace_back(repetition, point, std::move(outcome));
  return true;
}

void Comparison::show(const std::string& line) const {
  if (line.empty()) return;
  if (!terminal_) return complain(line);
  std::fputs(fmt::format("\r{}\033[K", line).c_str(), stderr);
}

}  // namespace

ExitStatus run_compare(const compare::Words& words) {
  const Options options = understand(words, compare::allowed_cores().size());
  std::optional<OutputFiles> files;
  if (!options.output.empty()) files.emplace(options.output);
  const Results results = Comparison(options).measure();
  write_out(options.format == Format::json ? to_json(results) : to_table(results));
  if (files) files->write(results);
  return kExitOk;
}

}  // namespace bellpull::tools
