// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <utility>

namespace bellpull::netdrv {

/// A file descriptor, owned. Not thread-safe.
class UniqueFd {
 public:
  /// Owns none: -1.
  UniqueFd() noexcept = default;
  /// Takes over `fd`, which may be -1.
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  /// Takes the descriptor over; `other` owns none afterwards.
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  /// Exchanges the two, so `other` closes what this one owned.
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  /// Closes it.
  ~UniqueFd();
  /// The descriptor, still owned, or -1.
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace bellpull::netdrv
