// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bellpull/engine/engine.hpp"
#include "bellpull/engine/fd_backend.hpp"
#include "bellpull/engine/loopback_backend.hpp"

namespace bellpull::engine::test {

/// What joins a sending and a receiving channel.
enum class Medium { seqpacket, datagram, loopback };

/// One way to run a test.
struct Setting {
  Medium medium = Medium::loopback;
  Placement placement = Placement::driven;
  QueueLayout layout = QueueLayout::split;
};

inline constexpr std::array kMedia{Medium::seqpacket, Medium::datagram, Medium::loopback};
inline constexpr std::array<Placement, 2> kPlacements{Placement::driven, Placement::autonomous};
inline constexpr std::array kLayouts{QueueLayout::split, QueueLayout::packed};

/// Every medium, placement and layout.
inline constexpr auto kSettings = [] {
  std::array<Setting, kMedia.size() * kPlacements.size() * kLayouts.size()> all{};
  std::size_t at = 0;
  for (const QueueLayout layout : kLayouts) {
    for (const Placement placement : kPlacements) {
      for (const Medium medium : kMedia) all[at++] = {medium, placement, layout};
    }
  }
  return all;
}();

[[nodiscard]] std::string describe(Placement placement);
[[nodiscard]] std::string describe(QueueLayout layout);
[[nodiscard]] std::string describe(const Setting& setting);

/// A test that is stuck fails after so long. Nothing passes because of it.
inline constexpr std::chrono::seconds kStuck{20};

/// Two connected non-blocking sockets.
class SocketPair {
 public:
  explicit SocketPair(int type);
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  ~SocketPair();

  [[nodiscard]] int left() const { return fds_[0]; }
  [[nodiscard]] int right() const { return fds_[1]; }
  void close_left();
  void close_right();

 private:
  std::array<int, 2> fds_{-1, -1};
};

[[nodiscard]] std::span<std::byte> bytes_of(std::string& text);
[[nodiscard]] std::string text_of(std::span<const std::byte> bytes);

/// One transfer with one segment.
class OneSegment {
 public:
  OneSegment(std::span<std::byte> memory, std::uint64_t token)
      : segment_{memory.data(), memory.size()}, request_{{&segment_, 1}, token} {}
  OneSegment(const OneSegment&) = delete;
  OneSegment& operator=(const OneSegment&) = delete;

  [[nodiscard]] std::span<const Request> batch() const { return {&request_, 1}; }

 private:
  Segment segment_;
  Request request_;
};

/// Posts one transfer with one segment.
PrepareError post(StreamChannel& channel, std::span<std::byte> memory, std::uint64_t token);

/// Lets the engine have a turn: runs a driven one, waits a little for an autonomous one.
void step(Engine& engine);

/// Returns after the engine certainly made a whole round over its channels, and heard of the events
/// before it.
void full_round(Engine& engine);

/// Steps until `done()`; false when it is stuck, that is, when `progress()` stays the same for
/// long.
template <class Done, class Progress>
[[nodiscard]] bool until(Engine& engine, Done&& done, Progress&& progress) {
  auto before = progress();
  auto give_up = std::chrono::steady_clock::now() + kStuck;
  while (!done()) {
    const auto now = std::chrono::steady_clock::now();
    if (auto after = progress(); after != before) {
      before = after;
      give_up = now + kStuck;
    }
    if (now > give_up) return false;
    step(engine);
  }
  return true;
}

/// The same for one thing that is or is not done.
template <class Done>
[[nodiscard]] bool until(Engine& engine, Done&& done) {
  return until(engine, done, [] { return 0; });
}

/// Polls `count` completions, or as many as there are when it is stuck.
[[nodiscard]] std::vector<Completion> collect(Engine& engine, StreamChannel& channel,
                                              std::size_t count);

/// Counts how often it is rung.
struct BellCounter {
  std::atomic<std::uint64_t> rung{0};
  [[nodiscard]] Notify notify();
};

/// How the channels of a Rig are made.
struct RigOptions {
  std::uint32_t size = 64;
  unsigned window = 16;
  unsigned messages = 16;  // loopback only: sockets have limits of their own
  Notify tx_bell{};
  Notify rx_bell{};
  CompletionSink tx_sink{};
  CompletionSink rx_sink{};
};

/// An engine with a channel that sends and one that receives what it sent.
class Rig {
 public:
  explicit Rig(const Setting& setting, const RigOptions& options = {});

  Engine engine;
  std::unique_ptr<SocketPair> sockets;  // none for loopback
  FdCounters tx_counters;
  FdCounters rx_counters;
  std::unique_ptr<StreamChannel> tx;
  std::unique_ptr<StreamChannel> rx;
};

/// A back-end over one end of a socket pair.
[[nodiscard]] std::unique_ptr<Backend> writer(int fd, FdCounters& counters, unsigned window = 16,
                                              Framing framing = Framing::message);
[[nodiscard]] std::unique_ptr<Backend> reader(int fd, FdCounters& counters, unsigned window = 16,
                                              Framing framing = Framing::message);

}  // namespace bellpull::engine::test
