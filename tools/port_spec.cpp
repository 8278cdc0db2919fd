// SPDX-License-Identifier: BSD-2-Clause
#include "port_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "choice.hpp"
#include "error.hpp"
#include "netns.hpp"

namespace bellpull::tools {

namespace {

// In the order of PortSpec.
constexpr std::array kKinds = {Word{"tap"}, Word{"sim"}, Word{"vhost-user", false},
                               Word{"udp", false}};

constexpr std::uint32_t kFlows = 65536;

bool same_tap(const TapSpec& a, const TapSpec& b) {
  const bool same_interface =
      !a.name.empty() && a.name == b.name && netns_path(a.netns) == netns_path(b.netns);
  return same_interface || (a.fd && a.fd == b.fd);
}

std::string free_name(std::span<const PortSpec> ports) {
  for (unsigned number = 0;; ++number) {
    std::string name = fmt::format("sim{}", number);
    const bool taken = std::any_of(ports.begin(), ports.end(),
                                   [&](const PortSpec& port) { return name_of(port) == name; });
    if (!taken) return name;
  }
}

}  // namespace

PortSpec parse_port(std::string_view text) {
  const std::string_view kind = text.substr(0, std::min(text.find(':'), text.find(',')));
  const std::size_t chosen = choose(fmt::format("port {}: kind of port", text), kind, kKinds);
  if (chosen == 1) return parse_sim(text);
  return parse_tap(text);
}

const std::string& text_of(const PortSpec& port) noexcept {
  const auto* const tap = std::get_if<TapSpec>(&port);
  return tap != nullptr ? tap->text : std::get_if<SimSpec>(&port)->text;
}

const std::string& name_of(const PortSpec& port) noexcept {
  const auto* const tap = std::get_if<TapSpec>(&port);
  return tap != nullptr ? tap->name : std::get_if<SimSpec>(&port)->options.name;
}

std::string_view netns_of(const PortSpec& port) noexcept {
  const auto* const tap = std::get_if<TapSpec>(&port);
  return tap != nullptr ? std::string_view(tap->netns) : std::string_view();
}

void tell_apart(std::span<PortSpec> ports) {
  std::uint32_t flows = 0;
  for (PortSpec& port : ports) {
    auto* const sim = std::get_if<SimSpec>(&port);
    if (sim == nullptr) continue;
    if (sim->options.name.empty()) sim->options.name = free_name(ports);
    if (sim->options.flows > kFlows - flows) {
      throw UsageError(
          fmt::format("port {}: {} flows, and {} of {} are left by the ports before it: use fewer",
                      sim->text, sim->options.flows, kFlows - flows, kFlows));
    }
    sim->options.first_flow = static_cast<std::uint16_t>(flows);
    flows += sim->options.flows;
  }
}

void refuse_duplicates(std::span<const PortSpec> ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (const PortSpec& other : ports.first(i)) {
      const auto* const a = std::get_if<TapSpec>(&ports[i]);
      const auto* const b = std::get_if<TapSpec>(&other);
      if (a != nullptr && b != nullptr) {
        if (!same_tap(*a, *b)) continue;
        throw UsageError(
            fmt::format("port {}: the same interface as {}: name each once", a->text, b->text));
      }
      if (name_of(ports[i]) == name_of(other)) {
        throw UsageError(fmt::format("port {}: the same name as {}: choose another with name=...",
                                     text_of(ports[i]), text_of(other)));
      }
    }
  }
}

}  // namespace bellpull::tools
