// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/engine.hpp"
#include "rig.hpp"

namespace bellpull::engine::test {

/// One way to run a test of an operation channel.
struct OperationSetting {
  Placement placement = Placement::driven;
  QueueLayout layout = QueueLayout::split;
};

inline constexpr std::array<OperationSetting, 4> kOperationSettings{{
    {Placement::driven, QueueLayout::split},
    {Placement::driven, QueueLayout::packed},
    {Placement::autonomous, QueueLayout::split},
    {Placement::autonomous, QueueLayout::packed},
}};

[[nodiscard]] inline std::string describe(const OperationSetting& setting) {
  return describe(setting.placement) + ", " + describe(setting.layout);
}

/// An engine and one channel over it.
class OperationRig {
 public:
  OperationRig(const OperationSetting& setting, std::unique_ptr<Backend> backend,
               OperationOptions options = {})
      : engine({.placement = setting.placement}) {
    options.layout = setting.layout;
    channel = engine.open_operations(options, std::move(backend));
  }

  /// Posts one request; it must be accepted.
  Cookie submit(const OperationRequest& request) {
    PrepareResult prepared = channel->prepare({&request, 1});
    if (!prepared) return 0;
    return channel->submit(std::move(prepared.prepared));
  }

  /// The completions of `count` transfers; fewer when the engine is stuck.
  std::vector<OperationCompletion> collect(std::size_t count) {
    std::vector<OperationCompletion> all;
    (void)until(
        engine,
        [&] {
          std::array<OperationCompletion, 16> some;
          const unsigned got =
              channel->poll(std::span(some).first(std::min<std::size_t>(16, count - all.size())));
          all.insert(all.end(), some.begin(), some.begin() + got);
          return all.size() >= count;
        },
        [&] { return all.size(); });
    return all;
  }

  Engine engine;
  std::unique_ptr<OperationChannel> channel;
};

/// A copy back-end that admits less than it can do.
class LimitedBackend : public Backend {
 public:
  explicit LimitedBackend(const Capabilities& limits, const CopyOptions& options = {})
      : limits_(limits), inner_(make_copy_backend(options)) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override { return limits_; }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const Op> ops) noexcept override {
    for (const Op& op : ops) {
      std::uint64_t length = 0;
      for (const Segment& segment : op.source.empty() ? op.destination : op.source) {
        length += segment.length;
      }
      broken += op.source.size() > limits_.max_segments;
      broken += op.destination.size() > limits_.max_segments;
      broken += length > limits_.max_length;
    }
    return inner_->start(ops);
  }
  Reaped reap(std::span<Done> done) noexcept override { return inner_->reap(done); }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override { inner_->stop(); }
  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return inner_->progress(id);
  }

  std::uint64_t broken = 0;  ///< limits that the core did not keep

 private:
  const Capabilities limits_;
  std::unique_ptr<Backend> inner_;
};

/// What a HandBackend holds and is told. Outlives it; only for driven engines.
struct Hand {
  std::deque<Op> held;         ///< started and not reported
  std::vector<Done> reports;   ///< what the next reap() says
  std::vector<Op> started;     ///< all that ever were
  unsigned window = 16;        ///< that it has
  std::uint64_t progress = 0;  ///< that it claims of every transfer
  unsigned stops = 0;
  unsigned pauses = 0;
  unsigned resumes = 0;
  bool cancels = true;  ///< whether cancel() can still stop one

  /// Ends the held transfer at `at` well, or otherwise.
  void end(std::size_t at, std::int32_t error = 0) {
    const Op op = held[at];
    std::uint64_t bytes = 0;
    for (const Segment& segment : op.source.empty() ? op.destination : op.source) {
      bytes += segment.length;
    }
    reports.push_back({.id = op.id, .bytes = error == 0 ? bytes : 0, .error = error});
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

/// A back-end that does what the test tells it and moves nothing.
class HandBackend final : public Backend {
 public:
  explicit HandBackend(Hand& hand, const Capabilities& limits = {.operations = kMemoryOperations,
                                                                 .max_segments = kMaxSegments,
                                                                 .max_length = 1u << 30,
                                                                 .residue = Granularity::burst,
                                                                 .configurable = true,
                                                                 .external_control = true})
      : hand_(hand), limits_(limits) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override { return limits_; }
  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override {
    // What has ended takes up its place until it was reported.
    const std::size_t taken = hand_.held.size() + hand_.reports.size();
    return hand_.window - static_cast<unsigned>(std::min<std::size_t>(hand_.window, taken));
  }
  unsigned start(std::span<const Op> ops) noexcept override {
    const unsigned count = std::min(window(), static_cast<unsigned>(ops.size()));
    for (const Op& op : ops.first(count)) {
      hand_.held.push_back(op);
      hand_.started.push_back(op);
    }
    return count;
  }
  Reaped reap(std::span<Done> done) noexcept override {
    const std::size_t count = std::min(done.size(), hand_.reports.size());
    std::copy_n(hand_.reports.begin(), count, done.begin());
    hand_.reports.erase(hand_.reports.begin(),
                        hand_.reports.begin() + static_cast<std::ptrdiff_t>(count));
    return {static_cast<unsigned>(count), false};
  }
  bool cancel(std::uint64_t id) noexcept override {
    if (!hand_.cancels) return false;
    return std::erase_if(hand_.held, [id](const Op& op) { return op.id == id; }) != 0;
  }
  void stop() noexcept override {
    ++hand_.stops;
    hand_.held.clear();
    hand_.reports.clear();
  }
  [[nodiscard]] std::uint64_t progress(std::uint64_t) const noexcept override {
    return hand_.progress;
  }
  void pause() noexcept override { ++hand_.pauses; }
  void resume() noexcept override { ++hand_.resumes; }

 private:
  Hand& hand_;
  const Capabilities limits_;
};

/// Bytes and one segment over all of them.
class Bytes {
 public:
  explicit Bytes(std::size_t size, std::byte value = {}) : bytes_(size, value) {
    segment_ = {bytes_.data(), bytes_.size()};
  }
  [[nodiscard]] std::span<const Segment> list() const { return {&segment_, 1}; }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  Segment segment_;
};

/// The checksum, bit by bit.
[[nodiscard]] inline std::uint32_t slow_crc32c(std::uint32_t seed,
                                               std::span<const std::byte> bytes) {
  std::uint32_t crc = ~seed;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

}  // namespace bellpull::engine::test
