// SPDX-License-Identifier: BSD-2-Clause
// A Nic comes to rest, and goes on with other ports over the same links.
#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include "bellpull/netdrv/nic.hpp"
#include "instance.hpp"

namespace bellpull::netdrv {

bool Nic::all_sent() const noexcept {
  return std::all_of(instances_.begin(), instances_.end(),
                     [](const auto& instance) { return instance->port->tx_in_flight() == 0; });
}

// From here on the queues are pulled by hand, so what comes back unused is no poll's work.
void Nic::drain(std::chrono::milliseconds limit) noexcept {
  stop_threads();
  for (const auto& instance : instances_) {
    instance->port->stop_rx();
  }
  for (const auto& instance : instances_) {
    while (instance->pull(settings_.budget) != 0) run_engine();
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  run_engine();
  while (!all_sent() && std::chrono::steady_clock::now() < until) {
    look(1, false);  // what a watcher asks for is for a NIC that is whole
    run_engine();
  }
  for (const auto& instance : instances_) instance->port->stop_tx();
  for (const auto& instance : instances_) {
    instance->adopt_pools();  // no port of any thread uses them now
  }
}

void Nic::set_style(Style style, std::chrono::milliseconds limit) {
  if (settings_.threaded && style == Style::push) {
    throw std::invalid_argument(
        "style push with threaded instances: it pushes from the engine's thread, and there is "
        "nothing to poll; end the threads first");
  }
  drain(limit);
  remake([style](Instance& instance) { instance.restyle(style); });
}

void Nic::renew(unsigned port, std::chrono::milliseconds limit) {
  if (port >= instances_.size() || instances_[port]->link() == nullptr) {
    throw std::invalid_argument("renew port " + std::to_string(port) +
                                ": there is no such port over a link");
  }
  drain(limit);
  const Instance* const renewed = instances_[port].get();
  remake([renewed](Instance& instance) {
    if (&instance == renewed) {
      instance.renew();
    } else {
      instance.restyle(instance.style());
    }
  });
}

void Nic::remake(const std::function<void(Instance&)>& make) {
  try {
    remake_from(0, make);
  } catch (...) {
    go_on();
    throw;
  }
  go_on();
}

// All of them, also when one throws.
void Nic::remake_from(std::size_t first, const std::function<void(Instance&)>& make) {
  const auto attach = [this](std::size_t number) noexcept {
    for (const auto& other : instances_) {
      other->egress.replace(static_cast<unsigned>(number), *instances_[number]->port);
    }
  };
  for (std::size_t i = first; i < instances_.size(); ++i) {
    try {
      make(*instances_[i]);
    } catch (...) {
      attach(i);
      remake_from(i + 1, make);
      throw;
    }
    attach(i);
  }
}

// After drain(), with whichever ports there are now.
void Nic::go_on() {
  watch_sources();  // they have changed places where a port stayed or went
  for (const auto& instance : instances_) {
    if (instance->port->state() == PortState::running) instance->port->start();
  }
  start_instances();
  schedule_all();
}

}  // namespace bellpull::netdrv
