// SPDX-License-Identifier: BSD-2-Clause
// What changes between two rounds of a Nic: settings, whose thread polls an instance, and whether
// anybody does.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "bellpull/netdrv/nic.hpp"
#include "instance.hpp"

namespace bellpull::netdrv {

void Nic::check_threaded(bool threaded) const {
  if (!threaded) return;
  if (engine_.placement() != engine::Placement::autonomous) {
    throw std::invalid_argument(
        "threaded instances over a driven engine: all of its channels belong to the thread that "
        "runs it; use an autonomous engine");
  }
  for (const auto& instance : instances_) {
    if (instance->port->polled()) continue;
    throw std::invalid_argument("threaded instances with port " +
                                std::string(instance->port->name()) +
                                ", which pushes from the engine's thread: there is nothing to "
                                "poll; choose another completion style");
  }
}

void Nic::check(const NicSettings& settings) const {
  netdrv::check(settings);
  check_threaded(settings.threaded);
}

void Nic::configure(const NicSettings& settings) {
  check(settings);
  adaptive_.configure(settings.adaptive);
  const bool rethread = started_ && settings.threaded != settings_.threaded;
  if (rethread) stop_threads();
  settings_ = settings;
  apply();
  if (rethread) start_instances();
  // Adaptive goes on as it is until it knows better.
  if (settings.mode != Mode::adaptive) set_polling(settings.mode == Mode::poll);
  if (started_) schedule_all();  // none waits for the end of a deferral of another length
}

// What threads of instances read is copied to where they may.
void Nic::apply() noexcept {
  budget_.store(settings_.budget, std::memory_order_relaxed);            // a wish
  byte_budget_.store(settings_.byte_budget, std::memory_order_relaxed);  // a wish
  for (const auto& instance : instances_) instance->configure(settings_);
}

bool Nic::set_enabled(unsigned port, bool enabled) noexcept {
  if (port >= instances_.size()) return false;
  Instance& instance = *instances_[port];
  if (instance.enabled == enabled || instance.port->state() != PortState::running) return false;
  instance.enabled = enabled;
  if (!enabled) {
    instance.napi.disable();
    forget_scheduled(instance);
    return true;
  }
  start_instance(instance);
  if (instance.napi.schedule_prep()) dispatch(instance);
  return true;
}

// Of instances that are disabled; a Nic whose instances are not threaded just enables them.
void Nic::start_instances() {
  if (settings_.threaded) {
    for (const auto& instance : instances_) instance->make_crossings(instances_);
  }
  for (const auto& instance : instances_) {
    if (instance->enabled) start_instance(*instance);
  }
}

void Nic::start_instance(Instance& instance) {
  if (instance.port->state() != PortState::running) return;
  if (settings_.threaded) instance.start_thread();
  static_cast<void>(instance.napi.enable());
}

void Nic::stop_threads() noexcept {
  for (const auto& instance : instances_) {
    instance->napi.disable();
    forget_scheduled(*instance);
  }
  for (const auto& instance : instances_) instance->send_crossed();
  for (const auto& instance : instances_) instance->forget_crossings(instances_);
}

// Ends all polling of a disabled instance: afterwards this thread may do with its port what it
// wants. Its thread lets go wherever it is, and so does this one here rather than in its next turn.
void Nic::forget_scheduled(Instance& instance) noexcept {
  instance.stop_thread();
  const auto removed = std::remove(scheduled_.begin(), scheduled_.end(), &instance);
  const bool had = removed != scheduled_.end();
  scheduled_.erase(removed, scheduled_.end());
  if (had || instance.take_back()) instance.napi.release_disabled();
  instance.port->disarm();
}

}  // namespace bellpull::netdrv
