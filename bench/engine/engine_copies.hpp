// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/engine.hpp"
#include "copy_memory.hpp"
#include "two_threads.hpp"

namespace bellpull::bench {

constexpr unsigned kMaxBurst = 32;

/// Requests over the slots of a CopyMemory, made once, so that a burst is a part of them.
class Requests {
 public:
  Requests(const CopyMemory& memory, engine::Operation operation) : lists_(2 * memory.slots()) {
    for (std::size_t i = 0; i < memory.slots(); ++i) {
      lists_[2 * i] = {memory.from(i), memory.bytes()};
      lists_[2 * i + 1] = {memory.to(i), memory.bytes()};
      engine::OperationRequest request{.operation = operation, .token = i};
      if (operation != engine::Operation::nop) {
        request.source = {&lists_[2 * i], 1};
        request.destination = {&lists_[2 * i + 1], 1};
      }
      all_.push_back(request);
    }
  }
  /// The next burst; the number of slots is a multiple of it.
  [[nodiscard]] std::span<const engine::OperationRequest> next(unsigned burst) {
    const auto chosen = std::span(all_).subspan(at_, burst);
    at_ = at_ + burst == all_.size() ? 0 : at_ + burst;
    return chosen;
  }

 private:
  std::vector<engine::Segment> lists_;
  std::vector<engine::OperationRequest> all_;
  std::size_t at_ = 0;
};

/// How an EngineCopies is made.
struct CopiesShape {
  engine::QueueLayout layout = engine::QueueLayout::split;
  engine::Operation operation = engine::Operation::copy;
  engine::Placement placement = engine::Placement::autonomous;
  unsigned burst = 32;
  std::size_t bytes = 64;
};

/// An engine whose thread, if it has one, spins on the engine's core; the caller is on the
/// client's.
[[nodiscard]] inline std::unique_ptr<engine::Engine> pinned_engine(engine::Placement placement) {
  pin_to(kEngineCore);  // a thread inherits the core of who makes it
  auto made =
      std::make_unique<engine::Engine>(engine::EngineOptions{.placement = placement, .spin = true});
  pin_to(kClientCore);
  return made;
}

/// Ours: an operation channel that is kept full. An autonomous engine spins on the other core.
class EngineCopies {
 public:
  explicit EngineCopies(const CopiesShape& shape)
      : shape_(shape),
        memory_(kInFlight, shape.bytes),
        requests_(memory_, shape.operation),
        engine_(pinned_engine(shape.placement)) {
    channel_ = engine_->open_operations({.size = 2 * kInFlight, .layout = shape.layout},
                                        engine::make_copy_backend({.window = kInFlight}));
  }

  /// The thread of an autonomous engine.
  [[nodiscard]] static pid_t worker() { return thread_named("bellpull-engine"); }

  /// The client's turn: a burst out if there is room, a burst back if there is one.
  unsigned step() {
    if (channel_->in_flight() + shape_.burst <= kInFlight) {
      wrong_ +=
          channel_->post(requests_.next(shape_.burst)).kind != engine::PrepareError::Kind::none;
      channel_->issue();
    }
    if (shape_.placement == engine::Placement::driven) engine_->run(shape_.burst);
    const unsigned count = channel_->poll(std::span(done_).first(shape_.burst));
    for (unsigned i = 0; i < count; ++i) wrong_ += done_[i].status != engine::Status::ok;
    return count;
  }

  /// Whether all went well; to be asked at the end.
  [[nodiscard]] bool right() {
    channel_->stop();
    return wrong_ == 0 && (shape_.operation == engine::Operation::nop || memory_.copied(kInFlight));
  }

 private:
  static constexpr unsigned kInFlight = 256;

  CopiesShape shape_;
  CopyMemory memory_;
  Requests requests_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::OperationChannel> channel_;
  std::array<engine::OperationCompletion, kMaxBurst> done_;
  std::uint64_t wrong_ = 0;
};

}  // namespace bellpull::bench
