// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "fault_backends.hpp"
#include "fault_wait.hpp"
#include "frame_copies.hpp"
#include "frame_fault_choice.hpp"
#include "held_frames.hpp"
#include "slot_fifo.hpp"

namespace bellpull::netdrv {

/// What both directions have: an inner back-end, and as many slots for transfers as that has room
/// for.
class FaultyBackend : public engine::Backend {
 public:
  [[nodiscard]] engine::Capabilities capabilities() const noexcept final {
    return inner_->capabilities();
  }
  [[nodiscard]] engine::WaitSource wait_source() const noexcept final { return wait_.source(); }
  [[nodiscard]] unsigned window() const noexcept final {
    return static_cast<unsigned>(free_.size());
  }
  // What it waits on tells that something came to pass, and no more.
  void woken(std::uint32_t /*events*/) noexcept final { inner_->woken(~0U); }

 protected:
  FaultyBackend(std::unique_ptr<engine::Backend> inner, FrameFaultChoice choice, const Clock& clock,
                FrameFaultCounters& counters)
      : inner_(std::move(inner)),
        size_(std::clamp(inner_->window(), 1u, 1024u)),
        choice_(std::move(choice)),
        counters_(counters),
        wait_(inner_->wait_source(), clock),
        free_(size_),
        ready_(size_),
        held_(size_) {
    for (unsigned slot = 0; slot < size_; ++slot) free_.push(slot);
  }

  // What the inner back-end has ended, at most so many.
  std::span<const engine::Done> reap_inner(std::size_t most, bool& would_block) noexcept {
    const auto room = std::span(batch_).first(std::min(most, batch_.size()));
    const engine::Reaped reaped = inner_->reap(room);
    would_block = reaped.would_block;
    inside_ -= reaped.count;
    return room.first(reaped.count);
  }

  const std::unique_ptr<engine::Backend> inner_;
  const unsigned size_;  // slots
  FrameFaultChoice choice_;
  FrameFaultCounters& counters_;
  const FaultWait wait_;
  SlotFifo free_;
  SlotFifo ready_;  // to be reported
  HeldFrames held_;
  FrameCopies copies_;
  unsigned inside_ = 0;  // transfers that the inner back-end has
  bool again_ = false;   // a call failed for now

 private:
  std::array<engine::Done, 64> batch_;
};

}  // namespace bellpull::netdrv
