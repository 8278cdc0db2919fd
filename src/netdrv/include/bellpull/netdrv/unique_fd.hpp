// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <utility>

namespace bellpull::netdrv {

/// A file descriptor, owned. Not thread-safe.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  /// Takes over `fd`, which may be -1.
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
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
