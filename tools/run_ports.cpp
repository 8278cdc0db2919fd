// SPDX-License-Identifier: BSD-2-Clause
#include "run_ports.hpp"

#include <utility>
#include <variant>

#include "bellpull/netdrv/sim_link.hpp"
#include "bellpull/netdrv/tap_link.hpp"
#include "open_port.hpp"

namespace bellpull::tools {

void check_inherited(std::span<const PortSpec> ports) {
  for (const PortSpec& port : ports) {
    if (const auto* const tap = std::get_if<TapSpec>(&port)) check_inherited(*tap);
  }
}

RunPorts::RunPorts(std::span<PortSpec> ports) {
  for (PortSpec& port : ports) {
    ports_.push_back(std::visit([](auto& spec) { return attach(spec); }, port));
  }
  refuse_duplicates(ports);  // by now the inherited ones have names as well
}

RunPorts::Attached RunPorts::attach(TapSpec& port) {
  OpenPort opened = open_port(port);
  port.name = opened.device.name();
  return {.side = std::move(opened.side),
          .link = std::make_unique<netdrv::TapLink>(std::move(opened.device)),
          .sim = nullptr,
          .netns = port.netns};
}

RunPorts::Attached RunPorts::attach(const SimSpec& port) {
  auto link = std::make_unique<netdrv::SimLink>(port.options);
  netdrv::SimNic& sim = link->device();
  return {.side = nullptr, .link = std::move(link), .sim = &sim, .netns = {}};
}

void RunPorts::add_to(netdrv::Nic& nic, netdrv::Style style,
                      const netdrv::PortOptions& options) const {
  for (const Attached& port : ports_) nic.add_port(*port.link, style, options);
}

void RunPorts::begin() noexcept {
  for (const Attached& port : ports_) {
    if (port.sim != nullptr) port.sim->begin(port.sim->now());
  }
}

void RunPorts::end() noexcept {
  for (const Attached& port : ports_) {
    if (port.sim != nullptr) port.sim->end();
  }
}

std::vector<PortEnd> RunPorts::ends() const {
  std::vector<PortEnd> ends;
  for (const Attached& port : ports_) {
    PortEnd& end = ends.emplace_back();
    end.netns = port.netns;
    if (port.sim != nullptr) end.sim = port.sim->counters();
  }
  return ends;
}

std::vector<std::string> RunPorts::restore() {
  std::vector<std::string> complaints;
  for (const Attached& port : ports_) {
    if (port.side == nullptr) continue;
    for (std::string& complaint : port.side->restore()) complaints.push_back(std::move(complaint));
  }
  return complaints;
}

}  // namespace bellpull::tools
