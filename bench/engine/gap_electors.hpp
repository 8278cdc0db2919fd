// SPDX-License-Identifier: BSD-2-Clause
// Who starts the next transfer when one has ended. Each elector runs `transfers` copies, of which
// the client has as many in the hands of somebody else as `depth` says:
//   engine, engine_one   the channel has them all; the back-end holds 64, or one
//   engine_driven        the same on one thread, as the callback has to be
//   callback             the engine has one; the client's push callback starts the next
//   dispatcher           the engine has one; another thread hears of its end and starts the next
//   dispatcher_sleeps    the same, but that thread sleeps on an eventfd meanwhile
//   poll                 the engine has one; the client polls and starts the next
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/engine.hpp"
#include "engine_copies.hpp"
#include "stamped_backend.hpp"

namespace bellpull::bench {

constexpr unsigned kMaxDepth = 32;

/// One run of an elector.
struct GapRun {
  unsigned depth = 2;
  std::size_t bytes = 64;
  std::size_t transfers = 0;
  bool stamped = true;
};

/// The engine, the channel, and the client's list of transfers that are to be done.
class GapRig {
 public:
  using Sink = engine::OperationSink;

  GapRig(const GapRun& run, Log& log, engine::Placement placement, unsigned window = 64,
         const Sink& sink = {})
      : run_(run),
        log_(log),
        memory_(64, run.bytes),
        requests_(memory_, engine::Operation::copy),
        engine_(pinned_engine(placement)) {
    auto backend = engine::make_copy_backend({.window = window});
    if (run.stamped) backend = std::make_unique<StampedBackend>(std::move(backend), log);
    channel_ = engine_->open_operations({.size = 256, .sink = sink}, std::move(backend));
  }

  /// The client hands one over; somebody is to start it later.
  void hand_over() {
    if (handed_ == run_.transfers) return;
    log_.issued[handed_++] = ticks();
  }

  /// Starts the next that was handed over, if there is one.
  void start_next() noexcept {
    if (started_ == handed_) return;
    static_cast<void>(channel_->post(requests_.next(1)));
    channel_->issue();
    ++started_;
  }

  /// The client issues as many as `depth` allows. Stamped when they can be seen, so that its own
  /// calls are in no gap.
  void issue_up_to_depth() {
    const std::size_t flying = handed_ - ended_;
    const std::size_t count = std::min(run_.depth - flying, run_.transfers - handed_);
    if (count == 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      static_cast<void>(channel_->post(requests_.next(1)));
    }
    channel_->issue();
    std::fill_n(&log_.issued[handed_], count, ticks());
    handed_ += count;
  }

  /// How many came back by polling.
  unsigned poll() {
    const unsigned count = channel_->poll(done_);
    ended_ += count;
    return count;
  }

  void run_engine() { engine_->run(kMaxDepth); }
  [[nodiscard]] bool over() const { return ended_ == run_.transfers; }
  void ended() { ++ended_; }
  [[nodiscard]] unsigned depth() const { return run_.depth; }
  /// No callback comes after it.
  void stop() { channel_->stop(); }
  [[nodiscard]] bool right() const {
    return channel_->stats().failed == 0 && channel_->stats().completed == run_.transfers &&
           memory_.copied(std::min(run_.transfers, memory_.slots()));
  }

 private:
  const GapRun run_;
  Log& log_;
  CopyMemory memory_;
  Requests requests_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::OperationChannel> channel_;
  std::array<engine::OperationCompletion, kMaxDepth> done_;
  std::size_t handed_ = 0;
  std::size_t started_ = 0;
  std::size_t ended_ = 0;
};

/// Returns whether all went well.
inline bool elect_by_engine(const GapRun& run, Log& log, engine::Placement placement,
                            unsigned window) {
  GapRig rig(run, log, placement, window);
  while (!rig.over()) {
    rig.issue_up_to_depth();
    if (placement == engine::Placement::driven) rig.run_engine();
    rig.poll();
  }
  return rig.right();
}

inline bool elect_by_poll(const GapRun& run, Log& log) {
  GapRig rig(run, log, engine::Placement::autonomous);
  for (unsigned i = 0; i < run.depth; ++i) rig.hand_over();
  rig.start_next();
  while (!rig.over()) {
    if (rig.poll() == 0) continue;
    rig.start_next();
    rig.hand_over();
  }
  return rig.right();
}

inline bool elect_by_callback(const GapRun& run, Log& log) {
  GapRig* rig = nullptr;
  const auto push = [](void* context, const engine::OperationCompletion&) noexcept {
    GapRig& client = **static_cast<GapRig**>(context);
    client.start_next();
    client.ended();
    client.hand_over();
  };
  GapRig made(run, log, engine::Placement::driven, 64, {.push = push, .context = &rig});
  rig = &made;
  for (unsigned i = 0; i < run.depth; ++i) made.hand_over();
  made.start_next();
  while (!made.over()) made.run_engine();
  return made.right();
}

/// Where the engine's thread tells the dispatcher's that a transfer has ended.
class EndBell {
 public:
  explicit EndBell(bool sleeps) : fd_(sleeps ? ::eventfd(0, EFD_CLOEXEC) : -1) {
    if (sleeps && fd_ < 0) throw std::runtime_error("eventfd refuses a bell");
  }
  EndBell(const EndBell&) = delete;
  EndBell& operator=(const EndBell&) = delete;
  ~EndBell() {
    if (fd_ >= 0) ::close(fd_);
  }
  void ring() noexcept {
    const std::uint64_t one = 1;
    // pairs with the acquire in wait()
    ended_.store(ended_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (fd_ >= 0) [[maybe_unused]]
      const auto written = ::write(fd_, &one, sizeof one);
  }
  void wait(std::uint64_t count) {
    std::uint64_t rung = 0;
    // pairs with the release in ring()
    while (ended_.load(std::memory_order_acquire) < count) {
      if (fd_ >= 0 && ::read(fd_, &rung, sizeof rung) < 0) {
        throw std::runtime_error("the bell of the bench is broken");
      }
    }
  }

 private:
  int fd_;
  alignas(64) std::atomic<std::uint64_t> ended_{0};
};

inline bool elect_by_dispatcher(const GapRun& run, Log& log, bool sleeps) {
  EndBell bell(sleeps);
  const auto push = [](void* context, const engine::OperationCompletion&) noexcept {
    static_cast<EndBell*>(context)->ring();
  };
  GapRig rig(run, log, engine::Placement::autonomous, 64, {.push = push, .context = &bell});
  for (unsigned i = 0; i < run.depth; ++i) rig.hand_over();
  rig.start_next();
  for (std::uint64_t ended = 1; ended <= run.transfers; ++ended) {
    bell.wait(ended);
    rig.start_next();
    rig.ended();      // the client is told after the device was given more to do,
    rig.hand_over();  // and has the next one ready
  }
  rig.stop();
  return rig.right();
}

}  // namespace bellpull::bench
