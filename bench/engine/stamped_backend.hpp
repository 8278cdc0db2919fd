// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bellpull/engine/backend.hpp"
#include "ticks.hpp"

namespace bellpull::bench {

/// What happened to the transfers of a run, in order. The client writes `issued`, the engine's
/// thread the others; to be read when both have ended.
struct Log {
  explicit Log(std::size_t transfers) : issued(transfers), begin(transfers), end(transfers) {}
  std::vector<std::uint64_t> issued;
  std::vector<std::uint64_t> begin;
  std::vector<std::uint64_t> end;
};

/// A back-end around one that moves bytes only inside of reap(), in order, and an entire transfer
/// when it is asked for one. It stores two stamps for each, and looks at nothing of the client's.
class StampedBackend final : public engine::Backend {
 public:
  StampedBackend(std::unique_ptr<engine::Backend> inner, Log& log)
      : inner_(std::move(inner)), log_(log) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override {
    return inner_->wait_source();
  }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const engine::Op> ops) noexcept override {
    const unsigned taken = inner_->start(ops);
    held_ += taken;
    return taken;
  }
  engine::Reaped reap(std::span<engine::Done> done) noexcept override {
    engine::Reaped all;
    while (all.count < done.size() && held_ != 0) {
      const std::uint64_t begin = ticks();
      if (inner_->reap(done.subspan(all.count, 1)).count == 0) break;
      const std::uint64_t end = ticks();
      ++all.count;
      --held_;
      if (next_ == log_.end.size()) continue;
      log_.begin[next_] = begin;
      log_.end[next_++] = end;
    }
    return all;
  }
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override {
    inner_->stop();
    held_ = 0;
  }

 private:
  const std::unique_ptr<engine::Backend> inner_;
  Log& log_;
  std::size_t next_ = 0;
  unsigned held_ = 0;
};

}  // namespace bellpull::bench
