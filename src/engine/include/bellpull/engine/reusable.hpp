// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <memory>

#include "bellpull/engine/prepare.hpp"

namespace bellpull::engine {

class OperationChannel;

/// A transfer that is prepared once and submitted any number of times (dmaengine's
/// DMA_CTRL_REUSE): what it needs was checked and copied, and its slots stay its own from one
/// completion to the next submission, so that submitting it cannot fail. The bytes of its segments
/// are lent anew each time, as those of any transfer.
///
/// Made by OperationChannel::prepare_reusable(), submitted by OperationChannel::submit(). Owner
/// thread of the channel only; must not outlive the channel. Move-only. Destroying it gives the
/// slots back, if it is in flight when it was polled.
class [[nodiscard]] Reusable {
 public:
  /// Holds nothing.
  Reusable() noexcept;
  /// Takes the transfer over; `other` holds none afterwards.
  Reusable(Reusable&& other) noexcept;
  /// Gives up the transfer that it holds, then takes over that of `other`.
  Reusable& operator=(Reusable&& other) noexcept;
  /// Gives the slots back.
  ~Reusable();

  /// Whether it holds a transfer.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }

  /// Whether it is submitted and was not polled since (with a push sink: its slots are not back).
  [[nodiscard]] bool in_flight() const noexcept;

  /// Slots that it keeps; 0 when it holds nothing.
  [[nodiscard]] std::uint32_t slots() const noexcept;

 private:
  friend class OperationChannel;
  struct State;
  explicit Reusable(std::unique_ptr<State> state) noexcept;
  void give_up() noexcept;

  std::unique_ptr<State> state_;
};

/// Answer of prepare_reusable(): a transfer, or the reason.
struct [[nodiscard]] ReusableResult {
  Reusable transfer;   ///< holds nothing when it failed
  PrepareError error;  ///< kind none when it did not
  /// Whether the transfer was prepared.
  explicit operator bool() const noexcept { return error.kind == PrepareError::Kind::none; }
};

}  // namespace bellpull::engine
