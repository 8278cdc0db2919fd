// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "bellpull/engine/copy_backend.hpp"

namespace bellpull::test {

/// A way to be broken.
enum class Breakage : std::uint8_t {
  drops_last_byte,
  corrupts_byte,
  writes_past_end,
  writes_before_begin,
  forgets_segment,
  shifts_by_32,
  changes_source,
  wrong_checksum,
  says_equal,
  says_differs,
  wrong_difference,
  says_fewer_bytes,
  fails,
  reports_twice,
  never_completes,
};

/// What a BrokenBackend did; read when the channel has been stopped. Outlives it.
struct BreakageLog {
  std::optional<std::uint64_t> broken;  ///< how many transfers were started before that one
};

/// A copy back-end that is broken once: for the first transfer, from the 20th on, where it can be.
/// May allocate, unlike a real one.
class BrokenBackend final : public engine::Backend {
 public:
  BrokenBackend(Breakage breakage, BreakageLog& log)
      : breakage_(breakage), log_(log), inner_(engine::make_copy_backend({.window = 8})) {}

  [[nodiscard]] engine::Capabilities capabilities() const noexcept override {
    return inner_->capabilities();
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept override { return {}; }
  [[nodiscard]] unsigned window() const noexcept override { return inner_->window(); }
  unsigned start(std::span<const engine::Op> ops) noexcept override;
  engine::Reaped reap(std::span<engine::Done> done) noexcept override;
  bool cancel(std::uint64_t id) noexcept override { return inner_->cancel(id); }
  void stop() noexcept override {
    inner_->stop();
    held_.clear();
  }

 private:
  struct Held {
    engine::Op op;
    std::uint64_t number;
    std::byte last;  // of the destination, before
  };
  bool spoil(const Held& held, engine::Done& done);

  const Breakage breakage_;
  BreakageLog& log_;
  std::unique_ptr<engine::Backend> inner_;
  std::map<std::uint64_t, Held> held_;
  std::optional<engine::Done> again_;
  std::uint64_t started_ = 0;
  bool dead_ = false;
};

}  // namespace bellpull::test
