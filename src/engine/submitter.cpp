// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/submitter.hpp"

#include <algorithm>

#include "operation_check.hpp"
#include "shared_seat.hpp"

namespace bellpull::engine {

namespace {

using Kind = PrepareError::Kind;

// Copies a list without its empty segments; what they are counted without anyway.
[[nodiscard]] std::span<const Segment> carry(std::span<const Segment> from,
                                             std::span<Segment> to) noexcept {
  std::size_t count = 0;
  for (const Segment& segment : from) {
    if (segment.length != 0) to[count++] = segment;
  }
  return to.first(count);
}

}  // namespace

Submitter& Submitter::operator=(Submitter&& other) noexcept {
  if (this == &other) return *this;
  if (seat_ != nullptr) seat_->leave();
  seat_ = std::exchange(other.seat_, nullptr);
  next_ = std::exchange(other.next_, 1);
  issued_ = std::exchange(other.issued_, 0);
  ended_ = std::exchange(other.ended_, 0);
  polled_ = std::exchange(other.polled_, 0);
  fresh_ = std::exchange(other.fresh_, false);
  return *this;
}

Submitter::~Submitter() {
  if (seat_ != nullptr) seat_->leave();
}

// All rules are checked before anything is taken: all or nothing.
PrepareError Submitter::check(std::span<const OperationRequest> requests) const noexcept {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CheckedOperation checked = check_operation(requests[i], capabilities());
    if (checked.error.kind == Kind::none && seat_ != nullptr &&
        checked.slots > seat_->ring_size()) {
      checked.error = {.kind = Kind::too_large,
                       .max = seat_->ring_size(),
                       .reason = PrepareReason::ring_too_small};
    }
    if (checked.error.kind != Kind::none) {
      checked.error.request = static_cast<std::uint32_t>(i);
      return checked.error;
    }
  }
  if (requests.size() > size()) {
    return {.kind = Kind::too_large, .max = size(), .reason = PrepareReason::ring_too_small};
  }
  if (requests.size() > free_slots()) {
    return {.kind = Kind::would_block,
            .needed = static_cast<std::uint32_t>(requests.size()),
            .free = free_slots(),
            .reason = PrepareReason::slots_in_use};
  }
  return {};
}

PrepareError Submitter::post(std::span<const OperationRequest> requests) noexcept {
  const PrepareError error = check(requests);
  if (error.kind != Kind::none) return error;
  for (const OperationRequest& request : requests) {
    SharedRecord& record = seat_->record(next_++);
    record.request = request;
    record.request.source = carry(request.source, record.source);
    record.request.destination = carry(request.destination, record.destination);
    record.slots = static_cast<std::uint32_t>(
        std::max<std::size_t>(record.request.source.size() + record.request.destination.size(), 1));
    record.fresh = std::exchange(fresh_, false);
  }
  return {};
}

void Submitter::issue() noexcept {
  if (issued_ == next_ - 1) return;
  issued_ = next_ - 1;
  seat_->show(issued_);
}

unsigned Submitter::poll(std::span<OperationCompletion> completions) noexcept {
  if (seat_ == nullptr) return 0;
  if (ended_ - polled_ < completions.size()) ended_ = seat_->ended(ended_);
  const auto count =
      static_cast<unsigned>(std::min<std::uint64_t>(ended_ - polled_, completions.size()));
  for (unsigned i = 0; i < count; ++i) completions[i] = seat_->result(++polled_);
  return count;
}

Armed Submitter::arm() noexcept {
  if (seat_ == nullptr) return Armed::armed;
  return ended_ != polled_ || seat_->arm_ended() ? Armed::work_pending : Armed::armed;
}

void Submitter::disarm() noexcept {
  if (seat_ != nullptr) seat_->disarm_ended();
}

std::uint32_t Submitter::size() const noexcept {
  return seat_ == nullptr ? 0 : seat_->depth();
}

const Capabilities& Submitter::capabilities() const noexcept {
  static constexpr Capabilities kNothing{};
  return seat_ == nullptr ? kNothing : seat_->limits();
}

}  // namespace bellpull::engine
