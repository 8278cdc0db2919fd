// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/fd_backend.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "op_queue.hpp"

namespace bellpull::engine {

namespace {

constexpr unsigned kMaxVectors = 16;

// The part of a transfer's segments that is still to be moved, as the kernel wants it.
class Vectors {
 public:
  Vectors(std::span<const Segment> segments, std::size_t skip) noexcept {
    for (const Segment& segment : segments) {
      if (skip >= segment.length) {
        skip -= segment.length;
        continue;
      }
      vectors_[count_++] = {segment.data + skip, segment.length - skip};
      skip = 0;
    }
  }

  // One piece needs no vector: read and write are cheaper than readv and writev.
  [[nodiscard]] ssize_t read(int fd) const noexcept {
    return count_ == 1 ? ::read(fd, vectors_[0].iov_base, vectors_[0].iov_len)
                       : ::readv(fd, vectors_.data(), static_cast<int>(count_));
  }
  [[nodiscard]] ssize_t write(int fd) const noexcept {
    return count_ == 1 ? ::write(fd, vectors_[0].iov_base, vectors_[0].iov_len)
                       : ::writev(fd, vectors_.data(), static_cast<int>(count_));
  }

 private:
  std::array<iovec, kMaxVectors> vectors_;
  unsigned count_ = 0;
};

[[nodiscard]] std::size_t total(std::span<const Segment> segments) noexcept {
  std::size_t sum = 0;
  for (const Segment& segment : segments) sum += segment.length;
  return sum;
}

class FdBackend final : public Backend {
 public:
  FdBackend(const FdOptions& options, FdCounters& counters)
      : options_(options), counters_(counters), ops_(options.window) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {operation_of(options_.direction)},
            .max_segments = kMaxVectors,
            .max_length = options_.max_length};
  }

  [[nodiscard]] WaitSource wait_source() const noexcept override {
    const bool reads = options_.direction == Direction::device_to_memory;
    return {options_.fd, reads ? EPOLLIN : EPOLLOUT};
  }

  [[nodiscard]] unsigned window() const noexcept override { return ops_.room(); }

  unsigned start(std::span<const Op> ops) noexcept override { return ops_.push(ops); }

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    unsigned calls = 0;
    while (reaped.count < done.size() && !ops_.empty()) {
      const Op& op = ops_.front();
      const bool reads = options_.direction == Direction::device_to_memory;
      const Vectors vectors(reads ? op.destination : op.source, moved_);
      ++calls;
      const ssize_t result = reads ? vectors.read(options_.fd) : vectors.write(options_.fd);
      const int error = error_of(result);
      if (error == EINTR) continue;
      if (error == EAGAIN) {
        counters_.would_block.add(1);
        reaped.would_block = true;
        break;
      }
      if (error == 0 && !finished(op, static_cast<std::size_t>(result))) continue;
      done[reaped.count++] = {op.id, moved_, error, ended(result)};
      moved_ = 0;
      ops_.pop();
      if (error != 0) break;
    }
    counters_.calls.add(calls);
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    if (!ops_.empty() && ops_.front().id == id && moved_ != 0) return false;
    return ops_.remove(id);
  }

  void stop() noexcept override {
    ops_.clear();
    moved_ = 0;
  }

 private:
  // A byte stream that takes nothing and gives no reason would be asked for ever.
  [[nodiscard]] int error_of(ssize_t result) const noexcept {
    if (result < 0) return errno;
    const bool writes_bytes =
        options_.framing == Framing::bytes && options_.direction == Direction::memory_to_device;
    return result == 0 && writes_bytes ? EIO : 0;
  }

  // A read ends with what there was. A byte stream may take less than a write offered: go on.
  [[nodiscard]] bool finished(const Op& op, std::size_t now) noexcept {
    moved_ += now;
    if (options_.framing == Framing::message) return true;
    if (options_.direction == Direction::device_to_memory) return true;
    return moved_ >= total(op.source);
  }

  [[nodiscard]] bool ended(ssize_t result) const noexcept {
    return result == 0 && options_.framing == Framing::bytes &&
           options_.direction == Direction::device_to_memory;
  }

  const FdOptions options_;
  FdCounters& counters_;
  OpQueue ops_;
  std::size_t moved_ = 0;  // of the front transfer
};

}  // namespace

std::unique_ptr<Backend> make_fd_backend(const FdOptions& options, FdCounters& counters) {
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
  return std::make_unique<FdBackend>(options, counters);
}

}  // namespace bellpull::engine
