// SPDX-License-Identifier: BSD-2-Clause
// What a client of an operation channel asks besides for transfers: how far they are, to pause, to
// end them, to go on after a failure.
#include <string>

#include "bellpull/engine/operation_channel.hpp"
#include "operation_device.hpp"
#include "place_all.hpp"

namespace bellpull::engine {

TransferStatus OperationChannel::status(Cookie cookie) const noexcept {
  const std::uint64_t behind = cookie_distance(cookie, next_cookie_) - 1;  // those submitted later
  if (cookie == 0 || behind >= submitted()) return {};
  const std::uint16_t head = head_of(cookie);
  // acquire: pairs with the release in OperationDevice::release(), which takes the progress of a
  // transfer back when it counts it among the completed
  const std::uint64_t done = results_[head].progress.load(std::memory_order_acquire);
  // They end in the order of their cookies.
  if (behind >= submitted() - device_->completed.value()) {
    return {.state = TransferState::complete};
  }
  return {.state = TransferState::in_progress, .left = ticket(head).length - done};
}

bool OperationChannel::configure(const ChannelConfig& config) noexcept {
  if (!capabilities().configurable) return false;
  config_ = config;
  return true;
}

bool OperationChannel::external_control(bool wanted) noexcept {
  if (!capabilities().external_control) return false;
  external_ = wanted;
  return true;
}

bool OperationChannel::pause() noexcept {
  if (paused_ || stopped()) return false;
  paused_ = true;
  control(Control::pause);
  return true;
}

bool OperationChannel::resume() noexcept {
  if (!paused_) return false;
  paused_ = false;
  control(Control::resume);
  return true;
}

void OperationChannel::terminate_async() noexcept {
  paused_ = false;
  device_->terminate_below(next_cookie_);
  // What was submitted and not issued ends as well, so it is shown.
  issued_ = previous_cookie(next_cookie_);
  publish();
  wake();
}

void OperationChannel::synchronize() noexcept {
  control(Control::terminate);
}

void OperationChannel::terminate() noexcept {
  terminate_async();
  synchronize();
}

std::string OperationChannel::dump() const {
  std::string text;
  const auto line = [&text](const char* name, std::uint64_t value) {
    text += std::string(name) + ' ' + std::to_string(value) + '\n';
  };
  const ChannelStats counted = stats();
  line("slots", size());
  line("submitted", counted.submitted);
  line("taken", device_->taken().value());
  line("begun", device_->begun().value());
  line("completed", counted.completed);
  line("failed", counted.failed);
  line("bytes", counted.bytes);
  line("notifies", counted.notifies);
  line("kicks", counted.kicks);
  line("bad_done", counted.bad_done);
  line("paused", device_->paused() ? 1 : 0);
  line("halted", halted() ? 1 : 0);
  for (std::size_t i = 0; i < RecentFailures::kKept; ++i) {
    const RecentFailures::Failure failure = device_->failures()[i];
    if (failure.cookie == 0) continue;
    text +=
        "failure " + std::to_string(failure.cookie) + ' ' + std::to_string(failure.error) + '\n';
  }
  return text;
}

bool OperationChannel::halted() const noexcept {
  return device_->halted();
}

void OperationChannel::reset() noexcept {
  control(Control::reset);
}

}  // namespace bellpull::engine
