// SPDX-License-Identifier: BSD-2-Clause
#include "descriptor_backend.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bellpull::engine {

namespace {

[[nodiscard]] std::size_t total(std::span<const Segment> segments) noexcept {
  std::size_t sum = 0;
  for (const Segment& segment : segments) sum += segment.length;
  return sum;
}

// One piece needs no vector: read and write are cheaper than readv and writev.
[[nodiscard]] ssize_t move(bool read, int fd, std::span<const iovec> vectors) noexcept {
  const iovec& first = vectors.front();
  const auto count = static_cast<int>(vectors.size());
  const ssize_t result = read ? (count == 1 ? ::read(fd, first.iov_base, first.iov_len)
                                            : ::readv(fd, vectors.data(), count))
                              : (count == 1 ? ::write(fd, first.iov_base, first.iov_len)
                                            : ::writev(fd, vectors.data(), count));
  return result < 0 ? -errno : result;
}

void check_descriptor(const FdOptions& options) {
  const std::string object = "file descriptor " + std::to_string(options.fd);
  if (options.direction != Direction::memory_to_device &&
      options.direction != Direction::device_to_memory) {
    throw std::invalid_argument(object + " for a back-end: one of its ends is memory; choose " +
                                "memory_to_device or device_to_memory");
  }
  const int flags = ::fcntl(options.fd, F_GETFL);
  if (flags < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "fcntl: " + object + " for a back-end; open it first");
  }
  if ((flags & O_NONBLOCK) == 0) {
    throw std::invalid_argument(object + " for a back-end is blocking and would hold up every " +
                                "channel of its engine; set O_NONBLOCK");
  }
}

[[nodiscard]] bool is_device(int fd) noexcept {
  struct stat file {};
  return ::fstat(fd, &file) == 0 && S_ISCHR(file.st_mode);
}

}  // namespace

Vectors::Vectors(std::span<const Segment> segments, std::size_t skip) noexcept {
  for (const Segment& segment : segments) {
    if (skip >= segment.length) {
      skip -= segment.length;
      continue;
    }
    vectors_[count_++] = {segment.data + skip, segment.length - skip};
    skip = 0;
  }
}

DescriptorBackend::DescriptorBackend(const FdOptions& options, FdCounters& counters)
    : options_(options),
      counters_(counters),
      ops_(options.window),
      is_device_(is_device(options.fd)) {
  check_descriptor(options);
}

Capabilities DescriptorBackend::capabilities() const noexcept {
  return {.operations = {operation_of(options_.direction)},
          .max_segments = Vectors::kMost,
          .max_length = options_.max_length};
}

WaitSource DescriptorBackend::wait_source() const noexcept {
  return {options_.fd, reads() ? EPOLLIN : EPOLLOUT};
}

bool DescriptorBackend::cancel(std::uint64_t id) noexcept {
  if (!ops_.empty() && ops_.front().id == id && moved_ != 0) return false;
  return ops_.remove(id);
}

void DescriptorBackend::woken(std::uint32_t events) noexcept {
  if ((events & EPOLLERR) != 0) alarmed_ = true;
}

void DescriptorBackend::stop() noexcept {
  ops_.clear();
  moved_ = 0;
}

Vectors DescriptorBackend::rest_of(unsigned position) const noexcept {
  const Op& op = ops_.at(position);
  return {reads() ? op.destination : op.source, position == 0 ? moved_ : 0};
}

DescriptorBackend::Step DescriptorBackend::settle(const Op& op, ssize_t result,
                                                  Done& done) noexcept {
  int error = error_of(result);
  if (error == EINTR) return Step::again;
  if (error == EAGAIN) {
    alarmed_ = alarmed_ && broken();
    if (!alarmed_) return Step::would_block;
    error = EBADFD;  // what its calls are about to say
  }
  if (error == 0 && !finished(op, static_cast<std::size_t>(result))) return Step::again;
  done = {op.id, moved_, error, ended(result)};
  moved_ = 0;
  return error == 0 ? Step::done : Step::failed;
}

DescriptorBackend::Step DescriptorBackend::call(Done& done) noexcept {
  counters_.calls.add(1);
  const ssize_t result = move(reads(), options_.fd, rest_of(0).all());
  const Step step = settle(ops_.front(), result, done);
  if (step == Step::done || step == Step::failed) ops_.pop();
  if (step == Step::would_block) counters_.would_block.add(1);
  return step;
}

// A device that is taken away may wake its readers before their calls fail, and not once more
// (tun_detach_all): what is left in it can still be read, then there is nothing, and only poll()
// knows that there never will be. Of a socket a pending error says less, and its calls tell.
bool DescriptorBackend::broken() noexcept {
  if (!is_device_) return false;
  counters_.calls.add(1);
  pollfd file{.fd = options_.fd, .events = 0, .revents = 0};
  return ::poll(&file, 1, 0) == 1 && (file.revents & POLLERR) != 0;
}

// A byte stream that takes nothing and gives no reason would be asked for ever.
int DescriptorBackend::error_of(ssize_t result) const noexcept {
  if (result < 0) return static_cast<int>(-result);
  const bool writes_bytes = options_.framing == Framing::bytes && !reads();
  return result == 0 && writes_bytes ? EIO : 0;
}

// A read ends with what there was. A byte stream may take less than a write offered: go on.
bool DescriptorBackend::finished(const Op& op, std::size_t now) noexcept {
  moved_ += now;
  if (options_.framing == Framing::message || reads()) return true;
  return moved_ >= total(op.source);
}

bool DescriptorBackend::ended(ssize_t result) const noexcept {
  return result == 0 && options_.framing == Framing::bytes && reads();
}

}  // namespace bellpull::engine
