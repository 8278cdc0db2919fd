// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/engine.hpp"
#include "stream_device.hpp"
#include "wait_table.hpp"

namespace bellpull::engine {

/// What an engine is made of: its device halves, what they wait for, and, if it is autonomous, its
/// thread. The owner changes anything only while that thread is parked.
class Engine::Core {
 public:
  explicit Core(const EngineOptions& options);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core();

  void add(StreamDevice& device);
  void remove(StreamDevice& device) noexcept;

  /// One round over the devices.
  RunResult run(unsigned limit) noexcept;
  [[nodiscard]] bool runnable() noexcept;
  void retry_blocked() noexcept;

  /// Wakes the thread if it sleeps.
  void doorbell() noexcept;

  /// Calls `change` while the engine's thread touches nothing.
  template <class Change>
  void while_parked(Change&& change) {
    park();
    struct Unpark {
      Core& core;
      ~Unpark() { core.unpark(); }
    } unpark{*this};
    change();
  }

  const EngineOptions options;
  WaitTable waits;
  Counter runs;
  Counter sleeps;
  Counter doorbells;

 private:
  void loop() noexcept;
  void sleep() noexcept;
  void park() noexcept;
  void unpark() noexcept;
  void stay_parked() noexcept;
  void forget(StreamDevice& device) noexcept;
  void watch_all();
  void close_all() noexcept;

  std::vector<StreamDevice*> devices_;  // those that send first
  int epoll_ = -1;
  int bell_ = -1;
  // Parking is a set-up affair, so a futex wait is fine. park_ is written by the owner, parked_ by
  // the thread.
  std::atomic<std::uint32_t> park_{0};
  std::atomic<std::uint32_t> parked_{0};
  std::atomic<bool> quit_{false};
  std::thread thread_;
};

}  // namespace bellpull::engine
