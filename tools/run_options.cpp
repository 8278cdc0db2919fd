// SPDX-License-Identifier: BSD-2-Clause
#include "run_options.hpp"

#include <fmt/format.h>

#include <array>

#include "error.hpp"
#include "mac_address.hpp"
#include "number.hpp"

namespace bellpull::tools {

namespace {

// The words of an option, in the order of the values they stand for. Those of later versions come
// last.
constexpr std::array kApps = {Word{"respond"}, Word{"patch"}, Word{"reflect"}, Word{"discard"},
                              Word{"switch", false}};
constexpr auto kStyles = [] {
  std::array<Word, netdrv::kStyleNames.size()> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = Word{netdrv::kStyleNames[i]};
  return words;
}();
constexpr std::array kIos = {Word{"syscall"}, Word{"uring", false}};
constexpr std::array kEngines = {Word{"driven"}, Word{"thread"}};

AppKind choose_app(const RunWords& words) {
  if (!words.app.empty()) return static_cast<AppKind>(choose("--app", words.app, kApps));
  if (!words.addresses.empty()) return AppKind::respond;
  throw UsageError(
      fmt::format("--app is missing: say what to do with the frames: --app {}, or give an "
                  "--address to answer for",
                  one_of_built(kApps)));
}

void check_responder(const RunOptions& options, const RunWords& words) {
  if (options.app != AppKind::respond) {
    const char* const stray = !words.addresses.empty() ? "--address"
                              : !words.mac.empty()     ? "--mac"
                                                       : nullptr;
    if (stray == nullptr) return;
    throw UsageError(
        fmt::format("{} does not go with --app {}: only respond has addresses of its "
                    "own; to configure the kernel's side write tap:NAME,ip=... or "
                    "mac=...",
                    stray, name_of(options.app)));
  }
  if (options.addresses.empty()) {
    throw UsageError(
        "--app respond has no address to answer for: add --address, such as --address "
        "10.99.0.2/24");
  }
}

// A responder at the kernel's own address would never be asked.
void check_addresses(const RunOptions& options) {
  for (std::size_t i = 0; i < options.addresses.size(); ++i) {
    const Cidr& mine = options.addresses[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (same_address(mine.address, options.addresses[j].address)) {
        throw UsageError(fmt::format("--address {} is given twice: name it once", to_string(mine)));
      }
    }
    for (const PortSpec& port : options.ports) {
      for (const Cidr& theirs : port.addresses) {
        if (same_address(mine.address, theirs.address)) {
          throw UsageError(fmt::format(
              "--address {} is the kernel's own address on port {}: choose another for one of them",
              to_string(mine), port.text));
        }
      }
    }
  }
}

void check_ports(const RunOptions& options) {
  refuse_duplicates(options.ports);
  if (options.app == AppKind::patch && options.ports.size() != 2) {
    throw UsageError(
        fmt::format("--app patch joins exactly two ports and was given {}: name two, "
                    "such as tap:bp0 tap:bp1",
                    options.ports.size()));
  }
}

netdrv::MacAddress responder_mac(const RunOptions& options, const RunWords& words) {
  if (!words.mac.empty()) return parse_mac("--mac", words.mac);
  return mac_from(options.ports.front().name + ' ' + to_string(options.addresses.front().address));
}

}  // namespace

std::string_view name_of(AppKind app) noexcept {
  return kApps[static_cast<std::size_t>(app)].text;
}

RunOptions understand(const RunWords& words) {
  RunOptions options;
  for (const std::string& text : words.ports) options.ports.push_back(parse_port(text));
  if (options.ports.empty()) {
    throw UsageError("no PORT is given: name at least one, such as tap:bp0");
  }
  options.app = choose_app(words);
  for (const std::string& text : words.addresses) {
    options.addresses.push_back(parse_cidr("--address", text));
  }
  options.mode = static_cast<netdrv::Mode>(choose("--mode", words.mode, kModes));
  options.style = static_cast<netdrv::Style>(choose("--style", words.style, kStyles));
  static_cast<void>(choose("--io", words.io, kIos));
  options.engine = static_cast<engine::Placement>(choose("--engine", words.engine, kEngines));
  options.budget =
      static_cast<unsigned>(parse_number("--budget", words.budget, 1, netdrv::kMaxBudget));
  if (!words.duration.empty()) options.duration = parse_seconds("--duration", words.duration);
  options.format = parse_format(words.format, kStatisticsFormats);
  if (words.stats_file.empty()) {
    throw UsageError("--stats-file: the path is empty: give one, or - for standard output");
  }
  options.stats_file = words.stats_file;
  options.control = words.control;
  check_ports(options);
  check_responder(options, words);
  check_addresses(options);
  if (options.app == AppKind::respond) options.mac = responder_mac(options, words);
  options.words = {.app = std::string(name_of(options.app)),
                   .mode = words.mode,
                   .style = words.style,
                   .io = words.io,
                   .engine = words.engine,
                   .budget = options.budget};
  return options;
}

}  // namespace bellpull::tools
