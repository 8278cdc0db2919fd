// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>

#include "channel_port.hpp"

namespace bellpull::netdrv {

/// What the styles share whose callback posts the receive buffers, so that the device never waits
/// for the stack: the receive channel and the pool are the thread's that runs the engine.
class PushedPort : public ChannelPort {
 public:
  // The contract of these is port.hpp's. Slots come back by posting, buffers by the callback,
  // unless the pool had none at that time.
  [[nodiscard]] bool starved() const noexcept final {
    return (driven() && buffers_.starved()) || frames_.unfinished();
  }
  unsigned reclaim() noexcept override;
  [[nodiscard]] std::uint64_t border_calls() const noexcept final;

 protected:
  /// Completions of both channels go to these sinks.
  PushedPort(const PortParts& parts, const engine::CompletionSink& received,
             const engine::CompletionSink& sent);

  /// For the callback, in place of the buffers that it was called with: lends others once they are
  /// worth a call, and posts what the engine asked back before that.
  void relend() noexcept {
    const unsigned worth = worth_a_call(kLent);
    if (buffers_.missing() < worth) return;
    if (const unsigned lent = rx_->repostable(); lent >= worth) {
      static_cast<void>(
          buffers_.refill_batch(lent, [this](auto batch) noexcept { return rx_->repost(batch); }));
      engine_calls_.add(1);
    }
    refill_some();
  }

  /// For the callback: posts what is missing, if that is worth a call.
  void refill_some() noexcept {
    if (buffers_.missing() >= worth_a_call(kPosted)) refill(engine_calls_);
  }

  /// For the callback, with a frame it was given: whether the frame has to be dropped, for nothing
  /// is posted and there is no other buffer; without one the callback would never come again.
  [[nodiscard]] bool is_last_buffer() noexcept;

 private:
  static constexpr unsigned kLent = 16;    // a quarter of a turn: short turns lend too
  static constexpr unsigned kPosted = 64;  // so that those which wait to be lent stay below it

  [[nodiscard]] unsigned worth_a_call(unsigned most) const noexcept {
    return std::clamp(buffers_.level() / 2, 1U, most);
  }

  engine::Counter engine_calls_;  // by the thread that runs the engine
};

}  // namespace bellpull::netdrv
