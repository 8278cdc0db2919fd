// SPDX-License-Identifier: BSD-2-Clause
// The ports of a Nic: added, started, and stopped at its end.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "bellpull/netdrv/nic.hpp"
#include "instance.hpp"

namespace bellpull::netdrv {

Nic::Nic(engine::Engine& engine, App& app, const NicSettings& settings)
    : engine_(engine), app_(app), settings_(settings), polling_(settings.mode == Mode::poll) {
  check(settings);
  adaptive_.configure(settings.adaptive);
  open_events();
}

// An engine of its own may be calling the instances until their ports are stopped.
Nic::~Nic() {
  stop_threads();
  for (const auto& instance : instances_) instance->port->stop_rx();
  for (const auto& instance : instances_) instance->port.reset();
}

unsigned Nic::add_port(Link& link, Style style, const PortOptions& options) {
  if (!app_.offloads().contains(link.rx_offloads())) {
    throw std::invalid_argument("add port " + std::string(link.name()) +
                                ": it hands over checksums or superframes that the application "
                                "does not take (App::offloads()); set the link to fewer offloads");
  }
  auto added = std::make_unique<Instance>(*this, static_cast<unsigned>(instances_.size()));
  added->make_port_over(link, options, style);
  return add(std::move(added));
}

unsigned Nic::add_port(const PortFactory& factory) {
  auto added = std::make_unique<Instance>(*this, static_cast<unsigned>(instances_.size()));
  added->port = factory(added->bell(), *added);
  return add(std::move(added));
}

unsigned Nic::add(std::unique_ptr<Instance> added) {
  added->configure(settings_);
  for (const auto& other : instances_) added->egress.attach(*other->port);
  instances_.reserve(instances_.size() + 1);
  scheduled_.reserve(instances_.size() + 1);
  polled_.reserve(instances_.size() + 1);
  instances_.push_back(std::move(added));
  for (const auto& instance : instances_) instance->egress.attach(*instances_.back()->port);
  return static_cast<unsigned>(instances_.size()) - 1;
}

void Nic::capture(unsigned port, const CapturePoints& points) noexcept {
  instances_[port]->capture(points);
}

void Nic::start() {
  check_threaded(settings_.threaded);
  watch_own();
  watch_sources();
  if (settings_.spin_engine) engine_.set_spin(polling());
  apply();
  started_ = true;
  // Bells that ring before somebody listens are made up for by the first poll.
  for (const auto& instance : instances_) instance->port->start();
  start_instances();
  schedule_all();
  look(0, false);  // the first edges, which say no more than that the descriptors are there
}

PortState Nic::state(unsigned port) const noexcept {
  return instances_[port]->port->state();
}

unsigned Nic::running_ports() const noexcept {
  return static_cast<unsigned>(std::count_if(
      instances_.begin(), instances_.end(),
      [](const auto& instance) { return instance->port->state() == PortState::running; }));
}

}  // namespace bellpull::netdrv
