// SPDX-License-Identifier: BSD-2-Clause
// The thread that wants bursts of copies done, in three ways. Each has burst(), which returns how
// many were done, nanoseconds_per_copy() of its CPU time, and right().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>

#include "engine_copies.hpp"
#include "thread_cpu.hpp"
#include "ticks.hpp"

namespace bellpull::bench {

inline void copy_inline(const CopyMemory& memory, std::size_t first, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    std::memcpy(memory.to(first + i), memory.from(first + i), memory.bytes());
    benchmark::ClobberMemory();
  }
}

/// Copies itself.
class CopiesItself {
 public:
  static constexpr bool kInline = true;
  static constexpr bool kSleeps = false;
  explicit CopiesItself(const CopyMemory& memory) : memory_(memory) {}

  unsigned burst() {
    const std::uint64_t begin = ticks();
    copy_inline(memory_, slot_, kMaxBurst);
    spent_ += ticks() - begin;
    slot_ = slot_ + kMaxBurst == memory_.slots() ? 0 : slot_ + kMaxBurst;
    copies_ += kMaxBurst;
    return kMaxBurst;
  }
  /// What was counted so far was only to get warm.
  void forget() { spent_ = copies_ = 0; }
  [[nodiscard]] double nanoseconds_per_copy() const {
    return static_cast<double>(spent_) * rate_.nanoseconds_per_tick() /
           static_cast<double>(copies_);
  }
  [[nodiscard]] bool right() const { return true; }

 private:
  const CopyMemory& memory_;
  TickRate rate_;
  std::size_t slot_ = 0;
  std::uint64_t spent_ = 0;
  std::uint64_t copies_ = 0;
};

/// A channel of an autonomous engine, with a burst under way at a time.
class BurstChannel {
 public:
  BurstChannel(const CopyMemory& memory, const engine::Notify& bell)
      : memory_(memory),
        engine_(pinned_engine(engine::Placement::autonomous)),
        channel_(
            engine_->open_operations({.size = 128, .notify = bell}, engine::make_copy_backend())) {
    for (unsigned i = 0; i < kMaxBurst; ++i) {
      requests_[i].operation = engine::Operation::copy;
      requests_[i].source = {&lists_[2 * i], 1};
      requests_[i].destination = {&lists_[2 * i + 1], 1};
    }
  }
  BurstChannel(const BurstChannel&) = delete;
  BurstChannel& operator=(const BurstChannel&) = delete;

  // The requests are the same memory each time: only what they say changes.
  void send() {
    for (unsigned i = 0; i < kMaxBurst; ++i) {
      lists_[2 * i] = {memory_.from(slot_ + i), memory_.bytes()};
      lists_[2 * i + 1] = {memory_.to(slot_ + i), memory_.bytes()};
    }
    slot_ = slot_ + kMaxBurst == memory_.slots() ? 0 : slot_ + kMaxBurst;
    wrong_ += channel_->post(requests_).kind != engine::PrepareError::Kind::none;
    channel_->issue();
  }
  unsigned collect() {
    const unsigned count = channel_->poll(done_);
    for (unsigned i = 0; i < count; ++i) wrong_ += done_[i].status != engine::Status::ok;
    return count;
  }
  [[nodiscard]] bool may_sleep() { return channel_->arm() == engine::Armed::armed; }
  [[nodiscard]] bool right() {
    channel_->stop();
    return wrong_ == 0;
  }

 private:
  const CopyMemory& memory_;
  std::array<engine::Segment, std::size_t{2} * kMaxBurst> lists_;
  std::array<engine::OperationRequest, kMaxBurst> requests_;
  std::size_t slot_ = 0;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::OperationChannel> channel_;
  std::array<engine::OperationCompletion, kMaxBurst> done_;
  std::uint64_t wrong_ = 0;
};

/// Hands over, does something else for as long as the engine needs, and collects. What it does
/// meanwhile is a wait that touches no memory. When it comes back too early it waits longer from
/// then on; what it polled in vain counts, the wait for the rest does not.
class HandsOver {
 public:
  static constexpr bool kInline = false;
  static constexpr bool kSleeps = false;
  explicit HandsOver(const CopyMemory& memory) : channel_(memory, {}) {}

  [[nodiscard]] static pid_t worker() { return EngineCopies::worker(); }

  unsigned burst() {
    const std::uint64_t begin = ticks();
    channel_.send();
    spent_ += ticks() - begin;
    wait(patience_);
    unsigned got = collect();
    if (got != kMaxBurst) patience_ += patience_ / 64 + 16;
    while (got != kMaxBurst) {
      wait(patience_ / 8);
      got += collect();
    }
    copies_ += kMaxBurst;
    return kMaxBurst;
  }
  /// What was counted so far was only to get warm.
  void forget() { spent_ = copies_ = 0; }
  [[nodiscard]] double nanoseconds_per_copy() const {
    return static_cast<double>(spent_) * rate_.nanoseconds_per_tick() /
           static_cast<double>(copies_);
  }
  [[nodiscard]] bool right() { return channel_.right(); }

 private:
  static void wait(std::uint64_t patience) {
    const std::uint64_t begin = ticks();
    while (ticks() - begin < patience) {
    }
  }
  unsigned collect() {
    const std::uint64_t begin = ticks();
    const unsigned got = channel_.collect();
    spent_ += ticks() - begin;
    return got;
  }

  BurstChannel channel_;
  TickRate rate_;
  std::uint64_t patience_ = 1024;
  std::uint64_t spent_ = 0;
  std::uint64_t copies_ = 0;
};

/// Hands over and sleeps until the bell rings.
class SleepsMeanwhile {
 public:
  static constexpr bool kInline = false;
  static constexpr bool kSleeps = true;
  explicit SleepsMeanwhile(const CopyMemory& memory)
      : bell_(::eventfd(0, EFD_CLOEXEC)), channel_(memory, {.ring = ring, .context = this}) {
    if (bell_ < 0) throw std::runtime_error("eventfd refuses a bell");
  }
  SleepsMeanwhile(const SleepsMeanwhile&) = delete;
  SleepsMeanwhile& operator=(const SleepsMeanwhile&) = delete;
  ~SleepsMeanwhile() {
    static_cast<void>(channel_.right());  // stopped, so that nobody rings any more
    ::close(bell_);
  }

  [[nodiscard]] static pid_t worker() { return EngineCopies::worker(); }

  unsigned burst() {
    channel_.send();
    for (unsigned got = 0;;) {
      got += channel_.collect();
      if (got == kMaxBurst) break;
      if (!channel_.may_sleep()) continue;
      std::uint64_t rung = 0;
      if (::read(bell_, &rung, sizeof rung) < 0) throw std::runtime_error("the bell is broken");
    }
    copies_ += kMaxBurst;
    return kMaxBurst;
  }
  void forget() {
    cpu_ = ThreadCpu(pthread_self());
    copies_ = 0;
  }
  [[nodiscard]] double nanoseconds_per_copy() const {
    return cpu_.seconds() * 1e9 / static_cast<double>(copies_);
  }
  [[nodiscard]] bool right() { return channel_.right(); }

 private:
  static void ring(void* self) noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written =
        ::write(static_cast<SleepsMeanwhile*>(self)->bell_, &one, sizeof one);
  }

  int bell_;
  BurstChannel channel_;
  ThreadCpu cpu_{pthread_self()};
  std::uint64_t copies_ = 0;
};

}  // namespace bellpull::bench
