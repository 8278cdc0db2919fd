// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/engine.hpp"
#include "channel_device.hpp"
#include "wait_table.hpp"

namespace bellpull::engine {

/// What an engine is made of: its device halves, what they wait for, and, if it is autonomous, its
/// thread. An owner changes anything only while that thread is parked.
class Engine::Core {
 public:
  explicit Core(const EngineOptions& options);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core();

  void add(ChannelDevice& device);
  void remove(ChannelDevice& device) noexcept;

  /// Asks that of a device on the thread that runs the engine, as its back-end may expect. Returns
  /// when it is done.
  void control(ChannelDevice& device, Control wanted) noexcept;

  /// One round over the devices.
  RunResult run(unsigned limit) noexcept;
  /// The turn of one device out of a round, for a driven engine. None from inside of any: the
  /// device may be the one that asks.
  std::optional<unsigned> run_one(ChannelDevice& device, unsigned limit) noexcept;
  [[nodiscard]] bool runnable() noexcept;
  void retry_blocked() noexcept;

  /// Whether the thread never sleeps. Any thread.
  void set_spin(bool spin) noexcept;

  /// Wakes the thread if it sleeps. Any owner's thread.
  void doorbell() noexcept;

  const EngineOptions options;
  WaitTable waits;
  Counter runs;
  Counter sleeps;
  Counter opened;  // both written while the thread is parked
  Counter closed;
  std::atomic<std::uint64_t> doorbells{0};  // not a Counter: each channel's owner rings

 private:
  class Parked;
  class Turn;

  void loop() noexcept;
  bool sleep() noexcept;
  void collect_events(int timeout) noexcept;
  void stay_parked() noexcept;
  void forget(ChannelDevice& device) noexcept;
  int rewatch(int fd) noexcept;
  void close_all() noexcept;

  std::vector<ChannelDevice*> devices_;  // those that send first
  bool in_turn_ = false;                 // of a device: whoever asks for one is its sink
  int epoll_ = -1;
  int bell_ = -1;
  // Parking is a set-up affair, so a mutex between owners and a futex wait are fine. park_ is
  // written by the owner that holds the mutex, parked_ by the thread.
  std::mutex changing_;
  std::atomic<std::uint32_t> park_{0};
  std::atomic<std::uint32_t> parked_{0};
  // What the thread has to ask of whom before it parks.
  ChannelDevice* controlled_ = nullptr;
  Control wanted_{};
  std::atomic<bool> spin_;
  std::atomic<bool> quit_{false};
  std::thread thread_;
};

/// While a device does what may call a sink or ring a bell.
class Engine::Core::Turn {
 public:
  explicit Turn(Core& core) noexcept : core_(core), outer_(std::exchange(core.in_turn_, true)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { core_.in_turn_ = outer_; }

 private:
  Core& core_;
  const bool outer_;
};

}  // namespace bellpull::engine
