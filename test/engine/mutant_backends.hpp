// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/engine/backend.hpp"

namespace bellpull::engine::test {

/// A correct back-end that can only copy, which mutants derive from to go wrong in one way each.
/// May allocate, unlike a real one.
class ByteBackend : public Backend {
 public:
  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {
        .operations = {Operation::copy}, .max_segments = 8, .max_length = 1u << 16, .alignment = 1};
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override {
    return kWindow - std::min(kWindow, static_cast<unsigned>(held_.size()));
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    const auto taken = std::min<std::size_t>(window(), ops.size());
    held_.insert(held_.end(), ops.begin(), ops.begin() + static_cast<std::ptrdiff_t>(taken));
    return static_cast<unsigned>(taken);
  }
  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    while (reaped.count < done.size() && !held_.empty()) {
      Done& next = done[reaped.count++] = {.id = held_.front().id};
      move(held_.front(), next);
      last_ = held_.front().destination.back();
      held_.pop_front();
      if (next.error != 0) break;
    }
    return reaped;
  }
  bool cancel(std::uint64_t id) noexcept override {
    return std::erase_if(held_, [&](const Op& op) { return op.id == id; }) != 0;
  }
  void stop() noexcept override { held_.clear(); }

 protected:
  using Bytes = std::vector<std::byte>;
  static constexpr unsigned kWindow = 6;

  virtual void move(const Op& op, Done& done) noexcept {
    const Bytes bytes = gather(op.source);
    scatter(op.destination, bytes);
    done.bytes = bytes.size();
  }

  static Bytes gather(std::span<const Segment> list) {
    Bytes bytes;
    for (const Segment& segment : list) {
      bytes.insert(bytes.end(), segment.data, segment.data + segment.length);
    }
    return bytes;
  }
  static void scatter(std::span<const Segment> list, const Bytes& bytes) {
    std::size_t at = 0;
    for (const Segment& segment : list) {
      const std::size_t part = std::min(segment.length, bytes.size() - at);
      if (part != 0) std::memcpy(segment.data, bytes.data() + at, part);
      at += part;
    }
  }

  std::deque<Op> held_;
  Segment last_;  // of the last that ended
};

/// Another back-end, which it is up to mutants to get wrong.
class WrappedBackend : public Backend {
 public:
  explicit WrappedBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return inner_->wait_source(); }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const Op> ops) noexcept override { return inner_->start(ops); }
  Reaped reap(std::span<Done> done) noexcept override { return inner_->reap(done); }
  void woken(std::uint32_t events) noexcept override { inner_->woken(events); }
  [[nodiscard]] bool quiet() noexcept override { return inner_->quiet(); }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override { inner_->stop(); }
  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return inner_->progress(id);
  }
  void pause() noexcept override { inner_->pause(); }
  void resume() noexcept override { inner_->resume(); }

 protected:
  std::unique_ptr<Backend> inner_;
};

}  // namespace bellpull::engine::test
