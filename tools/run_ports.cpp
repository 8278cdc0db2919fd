// SPDX-License-Identifier: BSD-2-Clause
#include "run_ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

#include "bellpull/netdrv/sim_link.hpp"
#include "offload_trial.hpp"
#include "open_port.hpp"

namespace bellpull::tools {

void check_inherited(std::span<const PortSpec> ports) {
  for (const PortSpec& port : ports) {
    if (const auto* const tap = std::get_if<TapSpec>(&port)) check_inherited(*tap);
  }
}

RunPorts::RunPorts(std::span<PortSpec> ports, const PortUse& use,
                   std::span<const netdrv::FrameFaultPlan> faults) {
  OffloadTrial trial(use.io);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const netdrv::FrameFaultPlan plan = i < faults.size() ? faults[i] : netdrv::FrameFaultPlan{};
    if (auto* const tap = std::get_if<TapSpec>(&ports[i])) {
      ports_.push_back(attach(*tap, use, trial, plan));
    } else {
      ports_.push_back(attach(std::get<SimSpec>(ports[i])));
    }
    if (plan.rules.empty()) continue;
    ports_[i].faults = std::make_unique<netdrv::FaultLink>(*ports_[i].link, plan);
  }
  refuse_duplicates(ports);  // by now the inherited ones have names as well
}

RunPorts::Attached RunPorts::attach(TapSpec& port, const PortUse& use, OffloadTrial& trial,
                                    const netdrv::FrameFaultPlan& faults) {
  OpenPort opened = open_port(port, use.app, trial, faults);
  port.name = opened.device.name();
  const netdrv::TapLinkOptions options{.io = use.io, .tx = opened.tx};
  auto link = std::make_unique<netdrv::TapLink>(std::move(opened.device), options);
  netdrv::TapLink& tap = *link;
  return {.side = std::move(opened.side),
          .link = std::move(link),
          .sim = nullptr,
          .netns = port.netns,
          .tap = &tap,
          .keeper = std::move(opened.keeper)};
}

RunPorts::Attached RunPorts::attach(const SimSpec& port) {
  auto link = std::make_unique<netdrv::SimLink>(port.options);
  netdrv::SimNic& sim = link->device();
  return {.side = nullptr, .link = std::move(link), .sim = &sim, .netns = {}};
}

void RunPorts::add_to(netdrv::Nic& nic, netdrv::Style style,
                      const netdrv::PortOptions& options) const {
  for (const Attached& port : ports_) {
    nic.add_port(port.faults != nullptr ? *port.faults : *port.link, style, options);
  }
}

void RunPorts::watch_with(netdrv::Nic& nic) {
  for (const Attached& port : ports_) {
    if (port.keeper == nullptr) continue;
    for (const int fd : port.keeper->descriptors()) nic.watch(fd, {&RunPorts::stir, this});
  }
}

// What is not read would stay readable and keep the Nic awake.
void RunPorts::stir(void* self) noexcept {
  auto& ports = *static_cast<RunPorts*>(self);
  ports.stirred_ = true;
  for (const Attached& port : ports.ports_) {
    if (port.keeper != nullptr) port.keeper->forget();
  }
}

std::vector<std::string> RunPorts::look_over(netdrv::Nic& nic, std::chrono::milliseconds limit) {
  stirred_ = false;
  std::vector<std::string> lines;
  for (unsigned i = 0; i < ports_.size(); ++i) {
    const Attached& port = ports_[i];
    if (port.keeper == nullptr) continue;
    const std::string label = label_of(port.link->name(), port.netns);
    try {
      TapNews news = port.keeper->look(port.tap->device(), *port.side, label, nic.state(i));
      if (news.renew) nic.renew(i, limit);
      for (std::string& line : news.lines) lines.push_back(std::move(line));
    } catch (const std::exception& error) {
      lines.push_back(fmt::format("port {} and its interface: {}", label, error.what()));
    }
  }
  return lines;
}

bool RunPorts::any_waits() const noexcept {
  return std::any_of(ports_.begin(), ports_.end(), [](const Attached& port) {
    return port.keeper != nullptr && port.keeper->waits();
  });
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
    if (port.keeper != nullptr) end.tap = port.keeper->fate(port.tap->device());
    if (port.faults != nullptr) end.faults = {port.faults->rx(), port.faults->tx()};
  }
  return ends;
}

std::vector<int> RunPorts::changed() const {
  std::vector<int> descriptors;
  for (const Attached& port : ports_) {
    if (port.side != nullptr && port.side->changed()) {
      descriptors.push_back(port.side->descriptor());
    }
  }
  return descriptors;
}

void RunPorts::leave_changes() noexcept {
  for (const Attached& port : ports_) {
    if (port.side != nullptr) port.side->leave_changes();
  }
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
