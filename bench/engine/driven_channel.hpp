// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>

#include "bellpull/engine/copy_backend.hpp"
#include "bellpull/engine/engine.hpp"

namespace bellpull::bench {

/// A driven engine with one channel, and an owner that waits for what it asked for.
class DrivenChannel {
 public:
  DrivenChannel() : channel_(engine_.open_operations({}, engine::make_copy_backend())) {}

  /// Does all of them, of which there are at most two, from post() to poll().
  void run(std::span<const engine::OperationRequest> requests) {
    const bool posted = channel_->post(requests).kind == engine::PrepareError::Kind::none;
    if (!posted) throw std::runtime_error("the channel refuses a request of the bench");
    channel_->issue();
    for (std::size_t back = 0; back < requests.size();) {
      engine_.run(static_cast<unsigned>(requests.size()));
      const unsigned count = channel_->poll(done_);
      for (unsigned i = 0; i < count; ++i) wrong_ += done_[i].status != engine::Status::ok;
      back += count;
    }
  }
  /// Of the last one.
  [[nodiscard]] std::uint32_t value(std::size_t which) const { return done_[which].value; }
  [[nodiscard]] bool right() const { return wrong_ == 0; }

 private:
  engine::Engine engine_{engine::EngineOptions{}};
  std::unique_ptr<engine::OperationChannel> channel_;
  std::array<engine::OperationCompletion, 2> done_;
  std::uint64_t wrong_ = 0;
};

}  // namespace bellpull::bench
