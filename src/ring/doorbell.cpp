// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/ring/doorbell.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace bellpull::ring {

Doorbell::Doorbell(Doorbell&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Doorbell& Doorbell::operator=(Doorbell&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Doorbell::~Doorbell() {
  close();
}

void Doorbell::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

SetupStatus Doorbell::make() noexcept {
  close();
  fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd_ < 0) return {SetupError::system_call, "eventfd", errno};
  return {};
}

SetupStatus Doorbell::adopt(int eventfd) noexcept {
  // Writing to a pipe or a socket without a reader would kill.
  std::array<char, 32> link{};
  std::array<char, 40> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", eventfd);
  if (readlink(path.data(), link.data(), link.size() - 1) < 0) {
    return {SetupError::system_call, "readlink /proc/self/fd", errno};
  }
  if (std::strcmp(link.data(), "anon_inode:[eventfd]") != 0) return {SetupError::not_an_eventfd};
  const int flags = fcntl(eventfd, F_GETFL);
  if (flags < 0 || fcntl(eventfd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return {SetupError::system_call, "fcntl F_SETFL", errno};
  }
  if (eventfd != fd_) close();
  fd_ = eventfd;
  return {};
}

bool Doorbell::ring() noexcept {
  constexpr std::uint64_t kOne = 1;
  ssize_t written = 0;
  do {
    written = write(fd_, &kOne, sizeof kOne);
  } while (written < 0 && errno == EINTR);
  // EAGAIN: it has rung 2^64 - 2 times already, and is ringing.
  return written == sizeof kOne || errno == EAGAIN;
}

bool Doorbell::hear() noexcept {
  std::uint64_t rings = 0;
  const iovec into{&rings, sizeof rings};
  ssize_t count = 0;
  do {
    // O_NONBLOCK belongs to everyone who shares the eventfd; this flag is the call's own.
    count = preadv2(fd_, &into, 1, -1, RWF_NOWAIT);
    if (count < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
      count = read(fd_, &rings, sizeof rings);
  } while (count < 0 && errno == EINTR);
  return count == sizeof rings;
}

Wake Doorbell::wait(int milliseconds, int pidfd) noexcept {
  if (fd_ < 0) {
    errno = EBADF;
    return Wake::failed;
  }
  std::array<pollfd, 2> watched{pollfd{fd_, POLLIN, 0}, pollfd{pidfd, POLLIN, 0}};
  const int count = poll(watched.data(), watched.size(), milliseconds);
  if (count < 0) return errno == EINTR ? Wake::interrupted : Wake::failed;
  if (count == 0) return Wake::timeout;
  if ((watched[0].revents & POLLIN) != 0 && hear()) return Wake::rang;
  if ((watched[1].revents & POLLIN) != 0) return Wake::peer_gone;
  return ((watched[0].revents | watched[1].revents) & (POLLNVAL | POLLERR)) != 0 ? Wake::failed
                                                                                 : Wake::timeout;
}

}  // namespace bellpull::ring
