// SPDX-License-Identifier: BSD-2-Clause
#include "dmatest_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "choice.hpp"
#include "error.hpp"
#include "number.hpp"

namespace bellpull::tools::dmatest {

namespace {

using engine::Operation;

// In the order of the values they stand for.
constexpr std::array kEngines = {Word{"driven"}, Word{"thread"}};
constexpr std::array kLayouts = {Word{"split"}, Word{"packed"}};
constexpr std::array kFormats = {Word{"table"}, Word{"json"}};

constexpr std::uint64_t kUsualIterations = 10'000;
constexpr std::uint64_t kMostIterations = 1'000'000'000'000'000;
constexpr std::uint64_t kMostThreads = 64;
constexpr std::uint64_t kMostDepth = 4096;
constexpr std::uint64_t kMostSize = std::uint64_t{1} << 30;
constexpr std::uint64_t kMostMemory = std::uint64_t{4} << 30;

[[nodiscard]] std::vector<Operation> operations_of(engine::OperationSet set) {
  std::vector<Operation> all;
  for (unsigned i = 0; i < engine::kOperations; ++i) {
    if (set.contains(static_cast<Operation>(i))) all.push_back(static_cast<Operation>(i));
  }
  return all;
}

[[nodiscard]] std::vector<Operation> parse_operations(std::string_view text,
                                                      engine::OperationSet can) {
  if (text == "all") return operations_of(can);
  std::vector<Word> words;
  for (const Operation operation : operations_of(engine::kMemoryOperations)) {
    words.push_back({name_of(operation), can.contains(operation)});
  }
  std::vector<Operation> chosen;
  for (std::string_view rest = text;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    const auto found = std::find_if(words.begin(), words.end(),
                                    [&](const Word& word) { return word.text == name; });
    if (found != words.end() && !found->built) {
      throw UsageError(fmt::format("--ops: the back-end cannot do '{}': use {}, or all", name,
                                   one_of_built(words)));
    }
    chosen.push_back(operations_of(engine::kMemoryOperations)[choose("--ops", name, words)]);
    if (name.size() == rest.size()) break;
    rest.remove_prefix(name.size() + 1);
  }
  std::sort(chosen.begin(), chosen.end());
  if (std::adjacent_find(chosen.begin(), chosen.end()) != chosen.end()) {
    throw UsageError(fmt::format("--ops: '{}' names an operation twice: name it once", text));
  }
  return chosen;
}

void parse_sizes(std::string_view text, Shape& shape) {
  const auto dash = text.find('-');
  shape.least = parse_size("--size", text.substr(0, dash), 1, kMostSize);
  shape.most = shape.least;
  if (dash == std::string_view::npos) return;
  shape.most = parse_size("--size", text.substr(dash + 1), 1, kMostSize);
  if (shape.most < shape.least) {
    throw UsageError(fmt::format("--size: '{}' ends before it begins: write MIN-MAX", text));
  }
}

[[nodiscard]] engine::FaultPlan parse_faults(std::string_view text) {
  engine::ParsedFault parsed = engine::parse_fault(text);
  if (!parsed) throw UsageError(fmt::format("--fault: '{}': {}", text, parsed.error));
  return std::move(parsed.plan);
}

void check_memory(const Options& options) {
  const std::uint64_t bytes =
      std::uint64_t{2} * options.job.depth * options.threads * memory_for(options.job.shape);
  if (bytes <= kMostMemory) return;
  throw UsageError(fmt::format(
      "--size {} with --depth {} and --threads {} takes {} MiB of buffers and at most {} are "
      "allowed: make one of them smaller",
      options.words.size, options.words.depth, options.words.threads, bytes >> 20,
      kMostMemory >> 20));
}

}  // namespace

Options understand(const Words& words) {
  Options options;
  options.words = words;
  Job& job = options.job;
  options.backend = &choose_backend(words.backend);
  job.placement = static_cast<engine::Placement>(choose("--engine", words.engine, kEngines));
  job.layout = static_cast<engine::QueueLayout>(choose("--layout", words.layout, kLayouts));
  options.threads =
      static_cast<unsigned>(parse_number("--threads", words.threads, 1, kMostThreads));
  job.depth = static_cast<unsigned>(parse_number("--depth", words.depth, 1, kMostDepth));
  parse_sizes(words.size, job.shape);
  job.shape.segments =
      static_cast<unsigned>(parse_number("--segments", words.segments, 1, engine::kMaxSegments));
  if (!words.duration.empty()) options.duration = parse_seconds("--duration", words.duration);
  if (!words.iterations.empty()) {
    job.iterations = parse_number("--iterations", words.iterations, 1, kMostIterations);
  } else if (!options.duration) {
    job.iterations = kUsualIterations;
  }
  job.seed = parse_number("--seed", words.seed, 0, std::numeric_limits<std::uint64_t>::max());
  job.stuck_after = parse_seconds("--timeout", words.timeout);
  job.verify = !words.no_verify;
  if (!words.fault.empty()) job.faults = parse_faults(words.fault);
  options.format = parse_format(words.format, kFormats);
  const engine::Capabilities can = make_backend(*options.backend)->capabilities();
  job.shape.operations = parse_operations(words.ops, can.operations);
  job.shape.alignment = can.alignment;
  check_memory(options);
  return options;
}

std::string command_again(const Options& options, std::uint64_t iteration) {
  const Words& words = options.words;
  return fmt::format(
      "bellpull dmatest --backend {} --ops {} --engine {} --layout {} --threads {} --depth {} "
      "--size {} --segments {} --seed {} --iterations {}{}{}",
      words.backend, words.ops, words.engine, words.layout, words.threads, words.depth, words.size,
      words.segments, words.seed, iteration + 1,
      words.fault.empty() ? "" : fmt::format(" --fault '{}'", words.fault),
      words.no_verify ? " --no-verify" : "");
}

}  // namespace bellpull::tools::dmatest
