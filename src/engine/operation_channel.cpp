// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/operation_channel.hpp"

#include <limits>
#include <utility>

#include "engine_core.hpp"
#include "operation_check.hpp"
#include "operation_device.hpp"
#include "reserve_all.hpp"

namespace bellpull::engine {

OperationChannel::OperationChannel(Engine& engine, std::unique_ptr<OperationDevice> device,
                                   bool pushes)
    : Channel(engine, *device, limits(device->capabilities())),
      pushes_(pushes),
      scratch_(std::size_t{2} * kMaxSegments),
      device_(std::move(device)) {}

OperationChannel::~OperationChannel() {
  leave();
}

// What is too large for the back-end the device half cuts up.
Capabilities OperationChannel::limits(const Capabilities& backend) noexcept {
  Capabilities limits = backend;
  limits.max_segments = kMaxSegments;
  limits.max_length = std::numeric_limits<std::uint32_t>::max();
  limits.max_length -= limits.max_length % backend.alignment;
  return limits;
}

PrepareResult OperationChannel::prepare(std::span<const OperationRequest> requests) noexcept {
  if (requests.empty()) return {};
  if (pushes_) reclaim_pushed();
  if (const PrepareError error = check(requests); error.kind != PrepareError::Kind::none) {
    return {Prepared{}, error};
  }
  return reserve_all(requests, [this](auto& driver, const OperationRequest& request) noexcept {
    return reserve(driver, request);
  });
}

PrepareError OperationChannel::post(std::span<const OperationRequest> requests) noexcept {
  PrepareResult result = prepare(requests);
  if (result) submit(std::move(result.prepared));
  return result.error;
}

// All rules are checked before any slot is taken: all or nothing.
PrepareError OperationChannel::check(std::span<const OperationRequest> requests) const noexcept {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Checked checked = check_operation(requests[i], capabilities());
    if (checked.error.kind != PrepareError::Kind::none) {
      checked.error.request = static_cast<std::uint32_t>(i);
      return checked.error;
    }
    needed += checked.slots;
  }
  return check_slots(needed);
}

template <class Driver>
std::uint16_t OperationChannel::reserve(Driver& driver, const OperationRequest& request) noexcept {
  std::size_t count = 0;
  std::uint64_t length = 0;
  const auto add = [&](std::span<const Segment> segments) noexcept {
    length = 0;
    for (const Segment& segment : segments) {
      if (segment.length == 0) continue;
      scratch_[count++] = {reinterpret_cast<std::uintptr_t>(segment.data),
                           static_cast<std::uint32_t>(segment.length)};
      length += segment.length;
    }
  };
  add(request.source);
  const std::size_t sources = count;
  if (!request.destination.empty()) add(request.destination);
  if (count == 0) scratch_[count++] = {};  // a chain has a descriptor, if only an empty one
  const bool writes = writes_destination(request.operation);
  const std::span<const ring::Segment> all(scratch_.data(), count);
  const std::size_t readable = writes ? sources : count;
  const std::uint16_t head = driver.reserve(all.first(readable), all.subspan(readable), 0);
  device_->tickets()[head].token = request.token;
  RequestRecord& record = device_->request(head);
  record.operation = static_cast<std::uint8_t>(request.operation);
  record.flags = request.fence ? RequestRecord::kFence : 0;
  record.sources = static_cast<std::uint16_t>(sources);
  record.pattern_bytes = request.pattern_bytes;
  record.seed = request.seed;
  record.burst = config_.burst;
  record.pattern = request.pattern;
  record.length = length;
  // Relaxed: the publish of the chain orders it before what the device half stores.
  device_->result(head).progress.store(0, std::memory_order_relaxed);
  return head;
}

void OperationChannel::issue() noexcept {
  if (external_) {
    for (Cookie cookie = issued_ + 1; cookie != next_cookie_; ++cookie) {
      device_->request(head_of(cookie)).flags |= RequestRecord::kExternalControl;
    }
  }
  issued_ = next_cookie_ - 1;
  Channel::issue();
}

unsigned OperationChannel::poll(std::span<OperationCompletion> completions) noexcept {
  if (completions.empty()) return 0;
  if (pushes_) {
    reclaim_pushed();
    return 0;
  }
  const std::span<ChannelDevice::Ticket> tickets = device_->tickets();
  unsigned count = 0;
  const auto hand_over = [&](const ring::Used& used) noexcept {
    const ChannelDevice::Ticket& ticket = tickets[used.head];
    completions[count++] = completion_of(ticket.token, ticket.cookie, device_->result(used.head));
  };
  with_driver([&](auto& driver) noexcept {
    driver.poll(static_cast<unsigned>(completions.size()), hand_over);
  });
  in_flight_ -= count;
  space_freed();
  return count;
}

TransferStatus OperationChannel::status(Cookie cookie) const noexcept {
  if (cookie == 0 || cookie >= next_cookie_) return {};
  // They end in the order of their cookies.
  if (cookie <= device_->completed.value()) return {.state = TransferState::complete};
  const std::uint16_t head = head_of(cookie);
  const std::uint64_t length = device_->request(head).length;
  const std::uint64_t done = device_->result(head).progress.load(std::memory_order_relaxed);
  return {.state = TransferState::in_progress, .left = length - done};
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
  issued_ = next_cookie_ - 1;
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

// A push sink has had its completions already; only the ids come back through the ring.
void OperationChannel::reclaim_pushed() noexcept {
  in_flight_ -= with_driver([this](auto& driver) noexcept {
    return driver.poll(size(), [](const ring::Used&) noexcept {});
  });
  space_freed();
}

}  // namespace bellpull::engine
