// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/loopback_backend.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "op_queue.hpp"

namespace bellpull::engine {

namespace {

// An eventfd that says "look again", edge-triggered: it is written and never read.
class Edge {
 public:
  Edge() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) {
      throw std::system_error(errno, std::generic_category(), "eventfd: loopback back-end");
    }
  }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;
  ~Edge() { ::close(fd_); }

  void announce() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// The messages under way. Both ends lock it for a whole batch.
struct Pipe {
  explicit Pipe(const LoopbackOptions& options)
      : bytes(std::size_t{options.messages} * options.max_length),
        lengths(options.messages),
        max_length(options.max_length) {}

  [[nodiscard]] bool full() const noexcept { return count == lengths.size(); }
  [[nodiscard]] std::byte* at(std::size_t slot) noexcept {
    return bytes.data() + slot * max_length;
  }

  std::mutex mutex;
  std::vector<std::byte> bytes;
  std::vector<std::uint32_t> lengths;
  const std::uint32_t max_length;
  std::size_t first = 0;
  std::size_t count = 0;
  Edge readable;
  Edge writable;
};

class LoopbackEnd final : public Backend {
 public:
  LoopbackEnd(const LoopbackOptions& options, Direction direction, std::shared_ptr<Pipe> pipe)
      : direction_(direction), pipe_(std::move(pipe)), ops_(options.window) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = {operation_of(direction_)},
            .max_segments = 16,
            .max_length = pipe_->max_length};
  }

  [[nodiscard]] WaitSource wait_source() const noexcept override {
    return {(sends() ? pipe_->writable : pipe_->readable).fd(), EPOLLIN};
  }

  [[nodiscard]] unsigned window() const noexcept override { return ops_.room(); }

  unsigned start(std::span<const Op> ops) noexcept override { return ops_.push(ops); }

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    {
      const std::lock_guard lock(pipe_->mutex);
      while (reaped.count < done.size() && !ops_.empty()) {
        if (sends() ? pipe_->full() : pipe_->count == 0) {
          reaped.would_block = true;
          break;
        }
        const Op& op = ops_.front();
        done[reaped.count++] = {op.id, sends() ? put(op.source) : get(op.destination), 0, false};
        ops_.pop();
      }
    }
    if (reaped.count != 0) (sends() ? pipe_->readable : pipe_->writable).announce();
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override { return ops_.remove(id); }

  void stop() noexcept override { ops_.clear(); }

 private:
  [[nodiscard]] bool sends() const noexcept { return direction_ == Direction::memory_to_device; }

  std::uint32_t put(std::span<const Segment> segments) noexcept {
    const std::size_t slot = (pipe_->first + pipe_->count) % pipe_->lengths.size();
    std::byte* to = pipe_->at(slot);
    std::uint32_t length = 0;
    for (const Segment& segment : segments) {
      std::memcpy(to + length, segment.data, segment.length);
      length += static_cast<std::uint32_t>(segment.length);
    }
    pipe_->lengths[slot] = length;
    ++pipe_->count;
    return length;
  }

  std::uint32_t get(std::span<const Segment> segments) noexcept {
    const std::byte* from = pipe_->at(pipe_->first);
    const std::uint32_t length = pipe_->lengths[pipe_->first];
    std::uint32_t copied = 0;
    for (const Segment& segment : segments) {
      const auto part = std::min<std::size_t>(segment.length, length - copied);
      std::memcpy(segment.data, from + copied, part);
      copied += static_cast<std::uint32_t>(part);
    }
    pipe_->first = (pipe_->first + 1) % pipe_->lengths.size();
    --pipe_->count;
    return copied;
  }

  const Direction direction_;
  const std::shared_ptr<Pipe> pipe_;
  OpQueue ops_;
};

}  // namespace

LoopbackPair make_loopback(const LoopbackOptions& options) {
  if (options.messages == 0 || options.messages > 65536 || options.max_length == 0) {
    throw std::invalid_argument("loopback of " + std::to_string(options.messages) +
                                " messages of " + std::to_string(options.max_length) +
                                " bytes: choose 1 to 65536 messages of at least one byte");
  }
  const auto pipe = std::make_shared<Pipe>(options);
  return {std::make_unique<LoopbackEnd>(options, Direction::memory_to_device, pipe),
          std::make_unique<LoopbackEnd>(options, Direction::device_to_memory, pipe)};
}

}  // namespace bellpull::engine
