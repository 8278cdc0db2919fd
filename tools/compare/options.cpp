// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <span>
#include <string_view>

#include "choice.hpp"
#include "error.hpp"
#include "number.hpp"
#include "run_options.hpp"

namespace bellpull::tools::compare {

namespace {

// In the order of the values they stand for.
constexpr std::array kEngines = {Word{"driven"}, Word{"thread"}};
constexpr std::array kCores = {Word{"two"}, Word{"one"}};
constexpr std::array kFormats = {Word{"table"}, Word{"json"}};
constexpr std::array kPorts = {Word{"sim"}, Word{"tap"}};

// By Ports. The sender into a TAP costs half of what it costs to receive and send there: much more
// than all that can be done cannot be offered.
constexpr std::array<std::string_view, 2> kUsualLoads = {"0.1,0.3,1,3,10", "0.1,0.3,0.8,1.2,1.5"};
constexpr double kLeastLoad = 0.001;
constexpr double kMostLoad = 50;
constexpr std::uint64_t kMostWork = 1'000'000;
constexpr std::uint64_t kLeastSize = netdrv::kMinTimedFrame;
constexpr std::uint64_t kMostSize = 1514;  // an MTU of 1500
constexpr std::uint64_t kMostRepetitions = 100;
constexpr double kMostSeconds = 3600;

// How much is measured unless it is said.
struct Extent {
  unsigned repetitions;
  double seconds;
};
constexpr Extent kUsual{9, 0.5};
constexpr Extent kQuick{7, 0.06};

// The parts of a list, none of them twice.
template <class Value, class Parse>
std::vector<Value> parse_list(std::string_view option, std::string_view text, Parse&& parse) {
  std::vector<Value> values;
  for (std::string_view rest = text;;) {
    const std::string_view part = rest.substr(0, rest.find(','));
    const Value value = parse(part);
    if (std::find(values.begin(), values.end(), value) != values.end()) {
      throw UsageError(fmt::format("{}: '{}' names {} twice: name it once", option, text, part));
    }
    values.push_back(value);
    if (part.size() == rest.size()) return values;
    rest.remove_prefix(part.size() + 1);
  }
}

template <class Value>
std::vector<Value> parse_words(std::string_view option, std::string_view text,
                               std::span<const Word> words) {
  std::vector<Value> values;
  if (text.empty()) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i].built) values.push_back(static_cast<Value>(i));
    }
    return values;
  }
  return parse_list<Value>(option, text, [&](std::string_view part) {
    return static_cast<Value>(choose(option, part, words));
  });
}

std::vector<netdrv::Style> parse_styles(std::string_view text) {
  std::vector<Word> words;
  for (const std::string_view name : netdrv::kStyleNames) words.push_back({name});
  auto styles = parse_words<netdrv::Style>("--styles", text, words);
  if (std::find(styles.begin(), styles.end(), netdrv::Style::poll) == styles.end()) {
    styles.push_back(netdrv::Style::poll);
  }
  return styles;
}

double parse_load(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  // `fixed` keeps out exponents, and the comparisons what is not a number.
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error == std::errc{} && rest == end && value >= kLeastLoad && value <= kMostLoad) {
    return value;
  }
  throw UsageError(
      fmt::format("--loads: '{}' is no share of the capacity from {} to {}: give one, "
                  "such as 0.3, or 3 for three times as much as can be done",
                  text, kLeastLoad, kMostLoad));
}

// A driven engine is what a NIC on TAPs has unless it is told otherwise (`bellpull run`).
engine::Placement choose_engine(const Words& words, Ports ports) {
  if (words.engine.empty()) {
    return ports == Ports::tap ? engine::Placement::driven : engine::Placement::autonomous;
  }
  return static_cast<engine::Placement>(choose("--engine", words.engine, kEngines));
}

Cores cores_beside_sender(const Words& words, std::size_t available) {
  if (available < 2) {
    throw UsageError(fmt::format(
        "--ports tap: this process may use {} core only, and the sender needs one of its own: let "
        "it use two, or use --ports sim",
        available));
  }
  if (!words.cores.empty() && choose("--cores", words.cores, kCores) == 0) {
    throw UsageError(
        "--cores two does not go with --ports tap: the second core is the sender's; use --cores "
        "one");
  }
  return Cores::one;
}

Cores choose_cores(const Words& words, Ports ports, engine::Placement engine,
                   std::size_t available) {
  if (ports == Ports::tap) return cores_beside_sender(words, available);
  const bool driven = engine == engine::Placement::driven;
  if (words.cores.empty()) return driven || available < 2 ? Cores::one : Cores::two;
  const auto cores = static_cast<Cores>(choose("--cores", words.cores, kCores));
  if (cores == Cores::one) return cores;
  if (driven) {
    throw UsageError(
        "--cores two does not go with --engine driven: a driven engine has no thread for a second "
        "core; use --engine thread, or --cores one");
  }
  if (available < 2) {
    throw UsageError(fmt::format(
        "--cores two: this process may use {} core only: let it use two, or use --cores one",
        available));
  }
  return cores;
}

double parse_extent(std::string_view text) {
  const double seconds = std::chrono::duration<double>(parse_seconds("--seconds", text)).count();
  if (seconds <= kMostSeconds) return seconds;
  throw UsageError(
      fmt::format("--seconds: '{}' is more than {} for each point: give less", text, kMostSeconds));
}

}  // namespace

std::string_view name_of(netdrv::Mode mode) noexcept {
  return kModes[static_cast<std::size_t>(mode)].text;
}

std::string scene_of(const Options& options) {
  const bool driven = options.engine == engine::Placement::driven;
  const std::string_view engine = driven ? "driven" : "thread";
  if (options.ports == Ports::tap) {
    return fmt::format("from TAP to TAP, engine {}, NIC and sender on a core each", engine);
  }
  return fmt::format("simulated ports, engine {}, cores {}", engine,
                     options.cores == Cores::two ? "two" : "one");
}

Options understand(const Words& words, std::size_t cores) {
  Options options;
  options.styles = parse_styles(words.styles);
  options.modes = parse_words<netdrv::Mode>("--modes", words.modes, kModes);
  options.ports = static_cast<Ports>(choose("--ports", words.ports, kPorts));
  const std::string_view usual = kUsualLoads[static_cast<std::size_t>(options.ports)];
  options.loads = parse_list<double>(
      "--loads", words.loads.empty() ? usual : std::string_view(words.loads), parse_load);
  options.engine = choose_engine(words, options.ports);
  options.cores = choose_cores(words, options.ports, options.engine, cores);
  options.work_ns = static_cast<unsigned>(parse_number("--work-ns", words.work, 0, kMostWork));
  options.size =
      static_cast<std::uint32_t>(parse_number("--size", words.size, kLeastSize, kMostSize));
  options.budget =
      static_cast<unsigned>(parse_number("--budget", words.budget, 1, netdrv::kMaxBudget));
  const Extent extent = words.quick ? kQuick : kUsual;
  options.repetitions = words.repetitions.empty()
                            ? extent.repetitions
                            : static_cast<unsigned>(parse_number("--repetitions", words.repetitions,
                                                                 1, kMostRepetitions));
  options.seconds = words.seconds.empty() ? extent.seconds : parse_extent(words.seconds);
  options.seed = parse_number("--seed", words.seed, 0, std::numeric_limits<std::uint64_t>::max());
  options.output = words.output;
  options.format = parse_format(words.format, kFormats);
  return options;
}

}  // namespace bellpull::tools::compare
