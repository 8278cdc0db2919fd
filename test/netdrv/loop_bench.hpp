// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bellpull/netdrv/nic.hpp"
#include "closed_loop.hpp"
#include "nic_accounts.hpp"

namespace bellpull::netdrv::test {

/// All of them.
using bellpull::test::kEveryStyle;
using bellpull::test::sum;

/// Where the engine runs.
enum class Running : std::uint8_t { driven, sleeping, spinning };
inline constexpr std::array kEveryRunning{Running::driven, Running::sleeping, Running::spinning};

[[nodiscard]] constexpr engine::EngineOptions engine_options(Running how) {
  return {.placement =
              how == Running::driven ? engine::Placement::driven : engine::Placement::autonomous,
          .spin = how == Running::spinning};
}

/// Takes the frames of closed loops, which have to come in order and each once; consumes most and
/// sends some to the next port. On whichever threads hand frames over, one for each port.
class LoopApp final : public App {
 public:
  LoopApp(std::vector<std::unique_ptr<ClosedLoop>>& loops, std::uint64_t seed)
      : loops_(loops), expected_(loops.size()) {
    for (std::size_t i = 0; i < loops.size(); ++i) jitters_.emplace_back(seed + i);
  }

  void receive(unsigned port, std::span<Packet> burst, Egress& egress) noexcept override {
    Jitter& jitter = jitters_[port];
    jitter();
    for (Packet& packet : burst) {
      std::uint64_t number = 0;
      std::memcpy(&number, packet.head().data() + kNumberAt, sizeof number);
      if (number != expected_[port]++) wrong_.fetch_add(1, std::memory_order_relaxed);
      if (jitter.once_in(4)) {
        egress.send((port + 1) % static_cast<unsigned>(loops_.size()), std::move(packet));
      } else {
        egress.consume(std::move(packet));
      }
    }
    jitter();
    loops_[port]->handed_over(expected_[port]);
  }

  /// Frames that came out of turn. Any thread.
  [[nodiscard]] std::uint64_t wrong() const noexcept {
    return wrong_.load(std::memory_order_relaxed);
  }

 private:
  std::vector<std::unique_ptr<ClosedLoop>>& loops_;
  std::vector<std::uint64_t> expected_;
  std::vector<Jitter> jitters_;
  std::atomic<std::uint64_t> wrong_{0};
};

/// A Nic over closed loops, run by the thread that calls run().
class LoopBench {
 public:
  /// Longer than this without a frame handed over is a stall, on the slowest machine.
  static constexpr std::chrono::seconds kStall{20};

  LoopBench(Running how, Style style, const NicSettings& settings, unsigned ports,
            std::uint64_t frames, unsigned window, std::uint64_t seed)
      : how_(how), style_(style), jitter(seed), engine(engine_options(how)) {
    for (unsigned i = 0; i < ports; ++i) {
      loops.push_back(
          std::make_unique<ClosedLoop>("loop" + std::to_string(i), seed + 10 * i, frames, window));
    }
    app = std::make_unique<LoopApp>(loops, seed + 5);
    nic = std::make_unique<Nic>(engine, *app, settings);
    for (const auto& loop : loops) {
      nic->add_port(*loop, style, {.rx_ring = 256, .tx_ring = 256, .backlog = 256});
    }
    nic->start();
  }

  /// Frames handed over, of all ports.
  [[nodiscard]] std::uint64_t handed() const {
    std::uint64_t all = 0;
    for (const auto& loop : loops) all += loop->handed();
    return all;
  }

  void set_style(Style style) {
    nic->set_style(style, std::chrono::milliseconds(1000));
    style_ = style;
  }

  [[nodiscard]] Style style() const { return style_; }

  /// One round, after which it sleeps in one of the ways that an owner can if there is no more to
  /// do. Wakes up for nothing but what wakes a Nic.
  void round() {
    using std::chrono::milliseconds;
    jitter();
    // What is pushed, or polled, by a thread of its own does not wake this one.
    const bool hears =
        !nic->settings().threaded && (style_ != Style::push || how_ == Running::driven);
    const int limit = hears ? static_cast<int>(milliseconds(kStall).count()) : 1;
    if (jitter.once_in(2)) {
      nic->run_once(limit);
    } else if (!nic->run_once(0) && !over()) {
      sleep_elsewhere(limit);
    }
    const auto now = std::chrono::steady_clock::now();
    if (const std::uint64_t all = handed(); all != seen_) {
      seen_ = all;
      moved_ = now;
    }
    stalled_ = now - moved_ >= kStall;
  }

  /// Rounds until all frames were handed over. False: it has stalled.
  [[nodiscard]] bool run() {
    moved_ = std::chrono::steady_clock::now();
    while (!over() && !stalled_) round();
    return !stalled_;
  }

  [[nodiscard]] bool over() const {
    for (const auto& loop : loops) {
      if (loop->handed() != loop->frames()) return false;
    }
    return true;
  }

  [[nodiscard]] bool stalled() const { return stalled_; }

  /// What must hold when all is over.
  void check_accounts() {
    nic->drain(std::chrono::milliseconds(1000));
    CHECK(app->wrong() == 0);
    const NicStats stats = nic->stats();
    std::uint64_t received = 0;
    std::uint64_t ended = 0;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      const QueueStats& queue = stats.ports[i].queues[0];
      CHECK(queue.rx_packets == loops[i]->delivered());
      CHECK(queue.rx_bytes == queue.rx_packets * kLoopFrame);
      CHECK(queue.tx_packets == loops[i]->sent());
      // Where a thread polls each port, the way to another one has room for so many.
      const std::uint64_t crossed =
          queue.rx_dropped[static_cast<std::size_t>(DropReason::ring_full)];
      CHECK(sum(queue.rx_dropped) == crossed);
      CHECK(queue.rx_errors == 0);
      received += queue.rx_packets;
      ended += queue.rx_consumed + crossed + queue.tx_packets + sum(queue.tx_dropped);
      check_sums(queue);
    }
    CHECK(received == ended);
    CHECK(stats.pool_outstanding == 0);
  }

  /// What must hold among the counters of an instance.
  static void check_sums(const QueueStats& queue) {
    std::uint64_t polls = 0;
    for (const std::uint64_t rounds : queue.work_histogram) polls += rounds;
    CHECK(polls == queue.polls);
    CHECK(queue.completions >= queue.repolls + queue.deferred);
    CHECK(queue.timer_fires <= queue.deferred);
    CHECK(queue.largest_work <= queue.work);
  }

 private:
  void sleep_elsewhere(int limit) const {
    pollfd one{.fd = nic->fd(), .events = POLLIN, .revents = 0};
    ::poll(&one, 1, limit);
  }

  const Running how_;
  Style style_;
  std::uint64_t seen_ = 0;
  std::chrono::steady_clock::time_point moved_ = std::chrono::steady_clock::now();
  bool stalled_ = false;

 public:
  Jitter jitter;  ///< of the owner's thread
  std::vector<std::unique_ptr<ClosedLoop>> loops;
  engine::Engine engine;
  std::unique_ptr<LoopApp> app;
  std::unique_ptr<Nic> nic;
};

}  // namespace bellpull::netdrv::test
