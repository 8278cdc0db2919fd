// SPDX-License-Identifier: BSD-2-Clause
#include "run_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <variant>

#include "error.hpp"
#include "fault_spec.hpp"
#include "mac_address.hpp"
#include "number.hpp"

namespace bellpull::tools {

namespace {

// The words of an option, in the order of the values they stand for. Those of later versions come
// last.
constexpr std::array kApps = {Word{"respond"}, Word{"patch"}, Word{"reflect"}, Word{"discard"},
                              Word{"switch", false}};
constexpr std::array kIos = {Word{"syscall"}, Word{"uring"}};
constexpr std::array kPrivileges = {Word{"drop"}, Word{"keep"}};
constexpr std::array kSeccomp = {Word{"on"}, Word{"off"}};
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
      const auto* const tap = std::get_if<TapSpec>(&port);
      if (tap == nullptr) continue;
      for (const Cidr& theirs : tap->addresses) {
        if (same_address(mine.address, theirs.address)) {
          throw UsageError(fmt::format(
              "--address {} is the kernel's own address on port {}: choose another for one of them",
              to_string(mine), tap->text));
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
  return mac_from(name_of(options.ports.front()) + ' ' +
                  to_string(options.addresses.front().address));
}

// Frames of simulated NICs are for the responder, so that it answers them.
void address_sims(RunOptions& options) {
  const auto ipv4 = std::find_if(options.addresses.begin(), options.addresses.end(),
                                 [](const Cidr& cidr) { return cidr.address.family == 4; });
  for (PortSpec& port : options.ports) {
    auto* const sim = std::get_if<SimSpec>(&port);
    if (sim == nullptr) continue;
    if (ipv4 == options.addresses.end()) {
      throw UsageError(
          fmt::format("port {}: simulated frames are IPv4 and the responder has no such address: "
                      "add --address, such as --address 10.99.0.2/24",
                      sim->text));
    }
    sim->options.ends.destination_mac = options.mac;
    sim->options.ends.destination = ipv4->address;
  }
}

// Who never sleeps needs no timer to be woken by; but the mode may be another one later.
void choose_timers(RunOptions& options) {
  const bool sleeps = options.nic.mode != netdrv::Mode::poll || !options.control.empty();
  for (PortSpec& port : options.ports) {
    if (auto* const sim = std::get_if<SimSpec>(&port)) sim->options.timer = sleeps;
  }
}

unsigned parse_ring(std::string_view option, std::string_view text) {
  constexpr std::uint64_t kMost = 8192;
  const std::uint64_t size = parse_number(option, text, 1, kMost);
  if (std::has_single_bit(size)) return static_cast<unsigned>(size);
  throw UsageError(fmt::format("{}: {} is no power of two: use {} or {}", option, size,
                               std::bit_floor(size), std::bit_ceil(size)));
}

netdrv::PortOptions port_options(const RunOptions& options, const RunWords& words) {
  constexpr std::uint64_t kMostBacklog = 65536;
  netdrv::PortOptions port{.rx_ring = parse_ring("--rx-ring", words.rx_ring),
                           .tx_ring = parse_ring("--tx-ring", words.tx_ring)};
  if (words.backlog.empty()) return port;
  port.backlog = static_cast<unsigned>(parse_number("--backlog", words.backlog, 1, kMostBacklog));
  // With a control socket the style may become another one.
  if (options.style != netdrv::Style::push_backlog && options.control.empty()) {
    throw UsageError(
        fmt::format("--backlog does not go with --style {}: only push-backlog has a queue in front "
                    "of the stack",
                    name_of(options.style)));
  }
  return port;
}

bool is_sim(const PortSpec& port) noexcept {
  return std::holds_alternative<SimSpec>(port);
}

Sandbox sandbox_of(const RunWords& words) {
  Sandbox sandbox;
  sandbox.drop = choose("--privileges", words.privileges, kPrivileges) == 0;
  sandbox.filter = choose("--seccomp", words.seccomp, kSeccomp) == 0;
  if (sandbox.filter && !kSeccompBuilt) {
    throw UsageError(
        "--seccomp on does not go with a sanitizer, which makes system calls of its own: use off, "
        "or a build without");
  }
  if (words.io == "uring") sandbox.io = FilteredIo::uring;
  return sandbox;
}

// Frames that carry a time come from simulated NICs, unless somebody else sends them on purpose.
unsigned latency_every(const RunOptions& options, const RunWords& words) {
  constexpr unsigned kUsual = 16;
  constexpr std::uint64_t kMost = 1'000'000;
  if (!words.latency.empty()) {
    return static_cast<unsigned>(parse_number("--latency", words.latency, 0, kMost));
  }
  return std::any_of(options.ports.begin(), options.ports.end(), is_sim) ? kUsual : 0;
}

}  // namespace

bool RunOptions::closed() const noexcept {
  const auto has_rules = [](const netdrv::FrameFaultPlan& plan) { return !plan.rules.empty(); };
  if (std::any_of(faults.begin(), faults.end(), has_rules)) return false;
  return app != AppKind::patch || std::all_of(ports.begin(), ports.end(), is_sim);
}

std::string_view name_of(AppKind app) noexcept {
  return kApps[static_cast<std::size_t>(app)].text;
}

RunOptions understand(const RunWords& words) {
  RunOptions options;
  for (const std::string& text : words.ports) options.ports.push_back(parse_port(text));
  if (options.ports.empty()) {
    throw UsageError("no PORT is given: name at least one, such as tap:bp0");
  }
  tell_apart(options.ports);
  options.faults = parse_faults(words.faults, options.ports);
  options.app = choose_app(words);
  for (const std::string& text : words.addresses) {
    options.addresses.push_back(parse_cidr("--address", text));
  }
  options.nic.mode = static_cast<netdrv::Mode>(choose("--mode", words.mode, kModes));
  options.style = static_cast<netdrv::Style>(choose("--style", words.style, kStyles));
  options.io = static_cast<netdrv::Io>(choose("--io", words.io, kIos));
  options.engine = static_cast<engine::Placement>(choose("--engine", words.engine, kEngines));
  options.nic.budget =
      static_cast<unsigned>(parse_number("--budget", words.budget, 1, netdrv::kMaxBudget));
  options.nic.latency_every = latency_every(options, words);
  options.nic.spin_engine = true;
  if (!words.duration.empty()) options.duration = parse_seconds("--duration", words.duration);
  options.format = parse_format(words.format, kStatisticsFormats);
  if (words.stats_file.empty()) {
    throw UsageError("--stats-file: the path is empty: give one, or - for standard output");
  }
  options.stats_file = words.stats_file;
  options.control = words.control;
  if (!words.capture.empty()) options.capture = parse_capture(words.capture);
  options.sandbox = sandbox_of(words);
  options.port = port_options(options, words);
  check_ports(options);
  check_responder(options, words);
  check_addresses(options);
  if (options.app == AppKind::respond) {
    options.mac = responder_mac(options, words);
    address_sims(options);
  }
  choose_timers(options);
  options.words = {.app = std::string(name_of(options.app)),
                   .mode = words.mode,
                   .style = words.style,
                   .io = words.io,
                   .engine = words.engine,
                   .budget = options.nic.budget,
                   .privileges = words.privileges,
                   .seccomp = words.seccomp};
  return options;
}

}  // namespace bellpull::tools
