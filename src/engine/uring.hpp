// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>

#include "bellpull/engine/counter.hpp"

namespace bellpull::engine {

/// A ring whose transfers are all over when run() returns. Made and destroyed on any thread, used
/// by one in between.
class Uring {
 public:
  static constexpr unsigned kBatch = 64;
  /// The result of a transfer that was not tried.
  static constexpr std::int32_t kNotTried = -ECANCELED;

  /// The errno value that io_uring_setup answers now, or 0.
  [[nodiscard]] static int refusal() noexcept;
  /// What to do about one.
  [[nodiscard]] static const char* remedy_for(int error) noexcept;

  /// For one descriptor. Throws std::system_error. `calls` outlives it.
  Uring(int fd, Counter& calls);
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;
  ~Uring();

  /// Whether it works; once not, never again.
  [[nodiscard]] bool usable() const noexcept { return usable_; }

  /// Adds a transfer to the batch. `vectors` stay until run(). Up to kBatch.
  void read(std::span<const iovec> vectors) noexcept;
  /// The same; `more`: it is not the last of the batch, and the next is tried only if this one was
  /// taken whole.
  void write(std::span<const iovec> vectors, bool more) noexcept;

  /// Moves the batch. The results are bytes, or minus the errno value, in the order of adding.
  [[nodiscard]] std::span<const std::int32_t> run() noexcept;

  /// Whether the descriptor had nothing to read ever since this was asked first after a read.
  [[nodiscard]] bool quiet() noexcept;

  /// Lets go of the descriptor, on the thread that used it. It cannot be used afterwards.
  void close() noexcept;

 private:
  io_uring_sqe* next() noexcept;
  void enter(unsigned wait) noexcept;
  void harvest() noexcept;
  [[nodiscard]] bool enable() noexcept;
  [[nodiscard]] bool signs() const noexcept;

  Counter& calls_;
  io_uring ring_{};
  std::array<std::int32_t, kBatch> results_;
  unsigned added_ = 0;    // transfers of the batch
  unsigned waiting_ = 0;  // of these, without a result
  unsigned polls_ = 0;    // that were asked for and have not answered
  bool watching_ = false;
  bool enabled_ = false;
  bool usable_ = true;
};

}  // namespace bellpull::engine
