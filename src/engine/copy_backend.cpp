// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/copy_backend.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "kernels/kernels.hpp"
#include "op_queue.hpp"
#include "segment_walk.hpp"

namespace bellpull::engine {

namespace {

class CopyBackend final : public Backend {
 public:
  explicit CopyBackend(const CopyOptions& options) : slice_(options.slice), ops_(options.window) {}

  [[nodiscard]] Capabilities capabilities() const noexcept override {
    return {.operations = kMemoryOperations,
            .max_segments = kMaxSegments,
            .max_length = std::numeric_limits<std::uint32_t>::max(),
            .residue = Granularity::burst,
            .configurable = true};
  }

  [[nodiscard]] WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return ops_.room(); }
  unsigned start(std::span<const Op> ops) noexcept override { return ops_.push(ops); }

  Reaped reap(std::span<Done> done) noexcept override {
    Reaped reaped;
    std::size_t budget = slice_;
    while (reaped.count < done.size() && !ops_.empty()) {
      const Op& op = ops_.front();
      Done& end = done[reaped.count];
      if (!begun_ && copied_at_once(op, budget)) {
        end = {.id = op.id, .bytes = op.source[0].length};
      } else {
        if (!begun_) begin(op);
        if (!move(op, budget)) break;
        end = {.id = op.id, .bytes = moved_, .value = value_};
        begun_ = false;
      }
      ops_.pop();
      ++reaped.count;
    }
    return reaped;
  }

  bool cancel(std::uint64_t id) noexcept override {
    if (!ops_.empty() && ops_.front().id == id) begun_ = false;
    return ops_.remove(id);
  }

  void stop() noexcept override {
    ops_.clear();
    begun_ = false;
  }

  [[nodiscard]] std::uint64_t progress(std::uint64_t id) const noexcept override {
    return begun_ && ops_.front().id == id ? moved_ : 0;
  }

 private:
  // The usual copy, of one piece to one piece, needs none of what keeps track of the others.
  [[nodiscard]] bool copied_at_once(const Op& op, std::size_t& budget) const noexcept {
    if (op.operation != Operation::copy || op.source.size() != 1 || op.destination.size() != 1 ||
        op.burst != 0 || op.source[0].length > budget) {
      return false;
    }
    kernels_.copy(op.destination[0].data, op.source[0].data, op.source[0].length);
    budget -= op.source[0].length;
    return true;
  }

  void begin(const Op& op) noexcept {
    begun_ = true;
    moved_ = 0;
    value_ = makes_checksum(op.operation) ? op.seed : 0;
    source_.start(op.source);
    destination_.start(op.destination);
  }

  // Moves on within the budget; true when the transfer is over.
  bool move(const Op& op, std::size_t& budget) noexcept {
    std::size_t left = op.burst != 0 ? std::min<std::size_t>(budget, op.burst) : budget;
    for (;;) {
      const std::size_t run = common_run(op.operation, source_, destination_);
      if (run == 0 || left == 0) return run == 0;
      const std::size_t bytes = std::min(run, left);
      const std::size_t good = work(op, bytes, run);
      moved_ += good;
      if (good != bytes) {
        value_ = 1;
        return true;
      }
      source_.advance(bytes);
      destination_.advance(bytes);
      left -= bytes;
      budget -= bytes;
    }
  }

  // Does `bytes` of a `run` that lies together; returns how many were right.
  std::size_t work(const Op& op, std::size_t bytes, std::size_t run) noexcept {
    switch (op.operation) {
      case Operation::copy:
        // Sliced, but chosen as for the whole.
        (run >= kernels_.streams_from() ? kernels_.copy_streaming : kernels_.copy)(
            destination_.data(), source_.data(), bytes);
        break;
      case Operation::fill: {
        kernels::Pattern pattern{.size = op.pattern_bytes};
        std::memcpy(pattern.bytes, &op.pattern, sizeof pattern.bytes);
        kernels_.fill(destination_.data(), bytes, pattern, moved_ % op.pattern_bytes);
        break;
      }
      case Operation::compare:
        bytes = kernels_.mismatch(source_.data(), destination_.data(), bytes);
        break;
      case Operation::crc32c:
        value_ = kernels_.crc32c_of(value_, source_.data(), bytes, run);
        break;
      default:
        value_ = kernels_.copy_crc32c_of(value_, destination_.data(), source_.data(), bytes, run);
    }
    return bytes;
  }

  const std::size_t slice_;
  const kernels::Kernels& kernels_ = kernels::best();
  OpQueue ops_;
  SegmentWalk source_;  // of the front transfer, as are the rest
  SegmentWalk destination_;
  std::uint64_t moved_ = 0;
  std::uint32_t value_ = 0;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<Backend> make_copy_backend(const CopyOptions& options) {
  if (options.slice == 0) throw std::invalid_argument("copy back-end: a slice has at least 1 byte");
  return std::make_unique<CopyBackend>(options);
}

}  // namespace bellpull::engine
