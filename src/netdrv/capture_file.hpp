// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/notify.hpp"
#include "bellpull/netdrv/unique_fd.hpp"

namespace bellpull::netdrv {

/// The file of a capture, and the one place where its thread waits: for records, for the file, for
/// the end. The writer's thread calls what does not say otherwise.
class CaptureFile {
 public:
  /// Writes to `fd`, which stays the caller's. Throws std::system_error.
  explicit CaptureFile(int fd);

  /// Writes all of it. False: error() says why, and nothing will be written any more.
  bool write(std::span<const std::byte> bytes) noexcept;

  /// Sleeps until the bell was rung or the end was asked for.
  void wait() noexcept;

  /// Gives up, for that errno value, and cuts a regular file behind its last whole write().
  void fail(int error) noexcept;

  /// What ends wait(). Any thread may ring it.
  [[nodiscard]] engine::Notify bell() noexcept { return {&CaptureFile::ring, this}; }

  /// Asks for the end. From now on write() gives up when the file takes nothing for `limit`. What
  /// the caller did before is seen by whoever saw ending(). Any thread, once.
  void end(std::chrono::milliseconds limit) noexcept;

  /// Whether the end was asked for. Acquire: see end().
  [[nodiscard]] bool ending() const noexcept {
    return ending_.load(std::memory_order_acquire);  // pairs with the release in end()
  }

  /// Why it gave up, or 0. Any thread.
  [[nodiscard]] int error() const noexcept {
    return error_.load(std::memory_order_relaxed);  // says no more than itself
  }

  /// Bytes written. Any thread.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.value(); }

 private:
  static void ring(void* file) noexcept;
  [[nodiscard]] bool wait_writable() noexcept;
  void silence() const noexcept;

  const int fd_;
  const UniqueFd wake_;
  std::int64_t begin_ = -1;  // where a regular file stood; -1: it is none
  int limit_ms_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<int> error_{0};
  engine::Counter written_;
};

}  // namespace bellpull::netdrv
