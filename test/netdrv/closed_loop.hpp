// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bellpull/engine/backend.hpp"
#include "bellpull/netdrv/link.hpp"
#include "bellpull/netdrv/tap_device.hpp"
#include "bellpull/netdrv/unique_fd.hpp"
#include "jitter.hpp"

namespace bellpull::netdrv::test {

/// Where a frame of a ClosedLoop says its number, and how long it is.
inline constexpr std::size_t kNumberAt = 16;
inline constexpr std::size_t kLoopFrame = 60;

/// A link whose next frame arrives when an earlier one was handed over: with a window of 1 a lost
/// frame or wake-up stalls it for good. Frames are numbered from 0. Its back-ends dawdle at random.
class ClosedLoop final : public Link {
 public:
  /// `frames` arrive in all, at most `window` of them on their way at a time.
  ClosedLoop(std::string name, std::uint64_t seed, std::uint64_t frames, unsigned window)
      : name_(std::move(name)),
        seed_(seed),
        frames_(frames),
        event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        window_(window) {}

  // The contract of these is link.hpp's.
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] std::uint32_t mtu() const noexcept override { return 1500; }
  [[nodiscard]] std::uint64_t system_calls() const noexcept override { return 0; }
  [[nodiscard]] std::unique_ptr<engine::Backend> make_receiver() override;
  [[nodiscard]] std::unique_ptr<engine::Backend> make_sender() override;

  /// All frames before `number` have been handed over. Any one thread at a time.
  void handed_over(std::uint64_t number) noexcept {
    handed_.store(number, std::memory_order_release);  // pairs with the acquire in handed()
    ring();
  }
  /// Frames that were handed over. Any thread.
  [[nodiscard]] std::uint64_t handed() const noexcept {
    return handed_.load(std::memory_order_acquire);  // pairs with the release in handed_over()
  }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }
  /// Frames that were put into buffers. Any thread.
  [[nodiscard]] std::uint64_t delivered() const noexcept {
    return delivered_.load(std::memory_order_relaxed);
  }
  /// Frames that were sent. Any thread.
  [[nodiscard]] std::uint64_t sent() const noexcept {
    return sent_.load(std::memory_order_relaxed);
  }
  /// Any thread.
  void set_window(unsigned window) noexcept {
    window_.store(window, std::memory_order_relaxed);
    ring();
  }

 private:
  class Receiver;
  class Sender;

  void ring() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }
  [[nodiscard]] bool next_is_due() const noexcept {
    return delivered() != frames_ &&
           delivered() - handed() < window_.load(std::memory_order_relaxed);
  }

  const std::string name_;
  const std::uint64_t seed_;
  const std::uint64_t frames_;
  const UniqueFd event_;
  std::atomic<unsigned> window_;
  std::atomic<std::uint64_t> handed_{0};
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> sent_{0};
};

class ClosedLoop::Receiver final : public engine::Backend {
 public:
  explicit Receiver(ClosedLoop& loop) : loop_(loop), jitter_(loop.seed_ + 1) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {engine::Operation::read}, .max_segments = 4, .max_length = 1U << 20};
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override {
    return {loop_.event_.get(), EPOLLIN};
  }
  [[nodiscard]] unsigned window() const noexcept override {
    return kWindow - static_cast<unsigned>(held_.size());
  }
  unsigned start(std::span<const engine::Op> ops) noexcept override {
    jitter_();
    held_.insert(held_.end(), ops.begin(), ops.end());
    return static_cast<unsigned>(ops.size());
  }
  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    jitter_();
    engine::Reaped reaped;
    while (reaped.count != done.size()) {
      if (held_.empty() || !loop_.next_is_due()) {
        reaped.would_block = true;
        break;
      }
      // It arrives just after this look.
      if (jitter_.once_in(8)) {
        loop_.ring();
        reaped.would_block = true;
        break;
      }
      done[reaped.count++] = {.id = held_.front().id, .bytes = fill(held_.front())};
      held_.pop_front();
    }
    return reaped;
  }
  bool cancel(std::uint64_t /*id*/) noexcept override { return false; }
  void stop() noexcept override { held_.clear(); }

 private:
  static constexpr unsigned kWindow = 512;

  std::uint64_t fill(const engine::Op& op) noexcept {
    const std::uint64_t number = loop_.delivered();
    std::byte* const to = op.destination.front().data;
    std::memset(to, 0, kVnetHeader + kLoopFrame);
    to[kVnetHeader] = to[kVnetHeader + 6] = std::byte{2};
    std::memcpy(to + kVnetHeader + kNumberAt, &number, sizeof number);
    loop_.delivered_.store(number + 1, std::memory_order_relaxed);
    return kVnetHeader + kLoopFrame;
  }

  ClosedLoop& loop_;
  Jitter jitter_;
  std::deque<engine::Op> held_;
};

class ClosedLoop::Sender final : public engine::Backend {
 public:
  explicit Sender(ClosedLoop& loop) : loop_(loop), jitter_(loop.seed_ + 2) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return {.operations = {engine::Operation::write}, .max_segments = 4, .max_length = 1U << 20};
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override {
    return kWindow - static_cast<unsigned>(held_.size());
  }
  unsigned start(std::span<const engine::Op> ops) noexcept override {
    jitter_();
    held_.insert(held_.end(), ops.begin(), ops.end());
    return static_cast<unsigned>(ops.size());
  }
  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    jitter_();
    engine::Reaped reaped;
    for (; reaped.count != done.size() && !held_.empty(); held_.pop_front()) {
      std::uint64_t bytes = 0;
      for (const engine::Segment& segment : held_.front().source) bytes += segment.length;
      done[reaped.count++] = {.id = held_.front().id, .bytes = bytes};
    }
    loop_.sent_.store(loop_.sent() + reaped.count, std::memory_order_relaxed);
    return reaped;
  }
  bool cancel(std::uint64_t /*id*/) noexcept override { return false; }
  void stop() noexcept override { held_.clear(); }

 private:
  static constexpr unsigned kWindow = 512;

  ClosedLoop& loop_;
  Jitter jitter_;
  std::deque<engine::Op> held_;
};

inline std::unique_ptr<engine::Backend> ClosedLoop::make_receiver() {
  return std::make_unique<Receiver>(*this);
}

inline std::unique_ptr<engine::Backend> ClosedLoop::make_sender() {
  return std::make_unique<Sender>(*this);
}

}  // namespace bellpull::netdrv::test
