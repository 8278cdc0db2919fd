// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <thread>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine::test {

/// What a TestBackend was asked to do, read by the test while the engine runs. Outlives it.
struct BackendLog {
  std::atomic<std::uint64_t> started{0};        // transfers
  std::atomic<std::uint64_t> reaped{0};         // transfers
  std::atomic<std::uint64_t> stops{0};          // calls
  std::atomic<std::thread::id> thread{};        // of the first call
  std::atomic<std::uint64_t> foreign_calls{0};  // from any other thread
  std::atomic<bool> gate{true};                 // false: would block
};

/// A back-end without a device. It holds transfers and ends them in order as long as its gate is
/// open, all bytes moved; tests derive from it to misbehave. May allocate, unlike a real one.
class TestBackend : public Backend {
 public:
  explicit TestBackend(BackendLog& log, Direction direction = Direction::memory_to_device,
                       unsigned window = 16)
      : log_(log), direction_(direction), window_(window) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {operation_of(direction_)}, .max_segments = 4, .max_length = 1u << 16};
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }

  [[nodiscard]] unsigned window() const noexcept override {
    note_thread();
    return window_ - std::min(window_, static_cast<unsigned>(held_.size()));
  }

  unsigned start(std::span<const Op> ops) noexcept override {
    note_thread();
    held_.insert(held_.end(), ops.begin(), ops.end());
    log_.started.fetch_add(ops.size());
    return static_cast<unsigned>(ops.size());
  }

  Reaped reap(std::span<Done> done) noexcept override {
    note_thread();
    if (!log_.gate.load()) return {0, true};
    Reaped reaped;
    while (reaped.count < done.size() && !held_.empty()) {
      done[reaped.count++] = finished(held_.front());
      held_.pop_front();
    }
    log_.reaped.fetch_add(reaped.count);
    return reaped;
  }

  bool cancel(std::uint64_t) noexcept override { return false; }

  void stop() noexcept override {
    note_thread();
    held_.clear();
    log_.stops.fetch_add(1);
  }

 protected:
  [[nodiscard]] static Done finished(const Op& op) noexcept {
    std::size_t bytes = 0;
    for (const Segment& segment : op.source) bytes += segment.length;
    for (const Segment& segment : op.destination) bytes += segment.length;
    return {.id = op.id, .bytes = bytes};
  }

  void note_thread() const noexcept {
    std::thread::id nobody{};
    const std::thread::id me = std::this_thread::get_id();
    if (!log_.thread.compare_exchange_strong(nobody, me) && nobody != me) {
      log_.foreign_calls.fetch_add(1);
    }
  }

  BackendLog& log_;
  const Direction direction_;
  const unsigned window_;
  std::deque<Op> held_;
};

}  // namespace bellpull::engine::test
