// SPDX-License-Identifier: BSD-2-Clause
// A round of the engine, in the order in which it happens:
//   1. for each device, senders first: take what was issued, start it, reap what is done (run)
//   2. autonomous only: nothing done and nothing to do -> ask every ring for a kick, look again,
//      sleep on the devices' wait sources and the doorbell (sleep)
//   3. the owner wants to change something -> stand still until it has (stay_parked;
//      engine_changes.cpp has the owner)
#include "bellpull/engine/engine.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "engine_core.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kRoundLimit = 64;
// A thread that never gets to sleep still looks for events this often, or a device that is always
// busy would keep a blocked one blocked.
constexpr unsigned kRoundsPerLook = 8;

// Signals belong to the program's own threads. A SIGPIPE would otherwise end it for one failed
// transfer. Not what a system call of this very thread gets from a seccomp filter of the program:
// blocked, it would kill without a word.
void block_signals() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::sigdelset(&all, SIGSYS);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

RunResult Engine::Core::run(unsigned limit) noexcept {
  runs.add(1);
  RunResult result;
  const Turn turn(*this);
  for (ChannelDevice* device : devices_) {
    if (!device->resting()) result.completed += device->run(limit);
  }
  // Asked last: a push sink may have issued work to a device whose turn was over.
  result.runnable = runnable();
  return result;
}

std::optional<unsigned> Engine::Core::run_one(ChannelDevice& device, unsigned limit) noexcept {
  if (in_turn_) return std::nullopt;
  if (device.resting()) return 0;
  const Turn turn(*this);
  return device.run(limit);
}

bool Engine::Core::runnable() noexcept {
  return std::any_of(devices_.begin(), devices_.end(), [](ChannelDevice* device) {
    return !device->resting() && device->runnable();
  });
}

void Engine::Core::retry_blocked() noexcept {
  for (ChannelDevice* device : devices_) device->retry();
}

void Engine::Core::set_spin(bool spin) noexcept {
  spin_.store(spin, std::memory_order_relaxed);  // see loop()
  if (spin) doorbell();
}

void Engine::Core::doorbell() noexcept {
  if (bell_ < 0) return;
  doorbells.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake or being woken.
  [[maybe_unused]] const auto written = ::write(bell_, &one, sizeof one);
}

void Engine::Core::loop() noexcept {
  block_signals();
  unsigned awake = 0;                               // rounds
  while (!quit_.load(std::memory_order_acquire)) {  // pairs with the release in ~Core()
    if (park_.load(std::memory_order_acquire) != 0) stay_parked();  // pairs with Parked
    const bool spin = spin_.load(std::memory_order_relaxed);  // a wish, in effect when it is seen
    if (spin) retry_blocked();
    const RunResult result = run(kRoundLimit);
    if (spin) {
      // Never asleep, but what it waits for may have to be made by whoever shares the core.
      if (result.completed == 0) ::sched_yield();
      continue;
    }
    if (!result.runnable && sleep()) continue;
    if (++awake % kRoundsPerLook == 0) collect_events(0);
  }
}

// Returns false when there was work after all.
bool Engine::Core::sleep() noexcept {
  bool work = false;
  for (ChannelDevice* device : devices_) work = device->arm() || work;
  if (!work) {
    sleeps.add(1);
    collect_events(-1);
  }
  for (ChannelDevice* device : devices_) device->disarm();
  return !work;
}

void Engine::Core::collect_events(int timeout) noexcept {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd != bell_) waits.ready(event.data.fd, event.events);
  }
}

void Engine::Core::stay_parked() noexcept {
  if (controlled_ != nullptr) controlled_->control(wanted_);
  parked_.store(1, std::memory_order_release);  // pairs with the acquire in Parked()
  parked_.notify_one();
  park_.wait(1, std::memory_order_acquire);     // pairs with the release in ~Parked()
  parked_.store(0, std::memory_order_release);  // pairs with the acquire in ~Parked()
  parked_.notify_one();
}

RunResult Engine::run(unsigned limit) noexcept {
  if (core_->options.placement == Placement::autonomous) return {};
  return core_->run(limit);
}

bool Engine::runnable() noexcept {
  return core_->options.placement == Placement::driven && core_->runnable();
}

std::span<const WaitSource> Engine::wait_sources() const noexcept {
  if (core_->options.placement == Placement::autonomous) return {};
  return core_->waits.sources();
}

void Engine::source_ready(std::size_t position, std::uint32_t events) noexcept {
  const std::span<const WaitSource> sources = wait_sources();
  if (position < sources.size()) core_->waits.ready(sources[position].fd, events);
}

void Engine::retry_blocked() noexcept {
  if (core_->options.placement == Placement::driven) core_->retry_blocked();
}

void Engine::set_spin(bool spin) noexcept {
  core_->set_spin(spin);
}

Placement Engine::placement() const noexcept {
  return core_->options.placement;
}

EngineStats Engine::stats() const noexcept {
  return {core_->runs.value(), core_->sleeps.value(),
          core_->doorbells.load(std::memory_order_relaxed), core_->opened.value(),
          core_->closed.value()};
}

}  // namespace bellpull::engine
