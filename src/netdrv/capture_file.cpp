// SPDX-License-Identifier: BSD-2-Clause
#include "capture_file.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>

namespace bellpull::netdrv {

CaptureFile::CaptureFile(int fd) : fd_(fd), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_.get() < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "eventfd for the writer of a capture (raise `ulimit -n`?)");
  }
  struct stat status {};
  if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) begin_ = ::lseek(fd_, 0, SEEK_CUR);
}

bool CaptureFile::write(std::span<const std::byte> bytes) noexcept {
  if (error() != 0) return false;
  for (std::span<const std::byte> rest = bytes; !rest.empty();) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count >= 0) {
      rest = rest.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (!wait_writable()) fail(ETIMEDOUT);
    } else if (errno != EINTR) {
      fail(errno);
    }
    if (error() != 0) return false;
  }
  written_.add(bytes.size());
  return true;
}

// Half a block at the end would make readers complain.
void CaptureFile::fail(int error) noexcept {
  error_.store(error, std::memory_order_relaxed);  // says no more than itself
  if (begin_ < 0) return;
  // Where even this fails the file keeps its half block.
  [[maybe_unused]] const int cut =
      ::ftruncate(fd_, static_cast<off_t>(begin_ + static_cast<std::int64_t>(written())));
}

void CaptureFile::wait() noexcept {
  pollfd one{.fd = wake_.get(), .events = POLLIN, .revents = 0};
  ::poll(&one, 1, -1);
  silence();
}

// False: the end was asked for, and nothing was taken for too long.
bool CaptureFile::wait_writable() noexcept {
  while (!ending()) {
    std::array<pollfd, 2> both{{{fd_, POLLOUT, 0}, {wake_.get(), POLLIN, 0}}};
    ::poll(both.data(), both.size(), -1);
    if (both[0].revents != 0) return true;
    silence();
  }
  pollfd one{.fd = fd_, .events = POLLOUT, .revents = 0};
  return ::poll(&one, 1, limit_ms_) != 0;
}

void CaptureFile::silence() const noexcept {
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t count = ::read(wake_.get(), &rings, sizeof rings);
}

void CaptureFile::end(std::chrono::milliseconds limit) noexcept {
  limit_ms_ = static_cast<int>(std::clamp<std::int64_t>(limit.count(), 0, INT_MAX));
  ending_.store(true, std::memory_order_release);  // pairs with the acquire in ending()
  ring(this);
}

void CaptureFile::ring(void* file) noexcept {
  const std::uint64_t one = 1;
  // Full is as good as written: the reader is being woken.
  [[maybe_unused]] const ssize_t count =
      ::write(static_cast<CaptureFile*>(file)->wake_.get(), &one, sizeof one);
}

}  // namespace bellpull::netdrv
