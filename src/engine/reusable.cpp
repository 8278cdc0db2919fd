// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/reusable.hpp"

#include <utility>

#include "operation_check.hpp"
#include "place_all.hpp"
#include "reusable_state.hpp"

namespace bellpull::engine {

Reusable::Reusable() noexcept = default;

Reusable::Reusable(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Reusable::Reusable(Reusable&& other) noexcept = default;

Reusable& Reusable::operator=(Reusable&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  state_ = std::move(other.state_);
  return *this;
}

Reusable::~Reusable() {
  give_up();
}

bool Reusable::in_flight() const noexcept {
  return state_ && state_->channel->holds(state_->cookie);
}

std::uint32_t Reusable::slots() const noexcept {
  return state_ ? static_cast<std::uint32_t>(state_->segments.size()) : 0;
}

void Reusable::give_up() noexcept {
  if (state_) state_->channel->release(*state_);
}

ReusableResult OperationChannel::prepare_reusable(const OperationRequest& request) {
  if (pushes_) reclaim_pushed();
  if (const PrepareError error = check({&request, 1}); error.kind != PrepareError::Kind::none) {
    return {Reusable{}, error};
  }
  auto state = std::make_unique<Reusable::State>();
  const Chained chained = chain(request);
  state->channel = this;
  state->segments.assign(chained.segments.begin(), chained.segments.end());
  state->readable = chained.readable;
  state->record = record_of(request, chained.sources);
  state->length = static_cast<std::uint32_t>(chained.length);
  state->token = request.token;
  state->plain = plain_length(request.operation, chained.length);
  keep(static_cast<std::uint32_t>(state->segments.size()));
  return {Reusable(std::move(state)), {}};
}

Cookie OperationChannel::submit(Reusable& transfer) noexcept {
  Reusable::State* const state = transfer.state_.get();
  if (state == nullptr || state->channel != this) return 0;
  if (pushes_) reclaim_pushed();
  if (holds(state->cookie)) return 0;
  state->cookie = next_cookie_;
  unkeep(transfer.slots());
  const std::span<const ring::Segment> all(state->segments);
  post_all(std::span<Reusable::State* const>(&state, 1), [&](auto& driver,
                                                             Reusable::State* of) noexcept {
    const std::uint16_t head = driver.post(all.first(of->readable), all.subspan(of->readable), 0);
    ticket(head) = {.token = of->token,
                    .length = of->length,
                    .plain = of->plain,
                    .kept = static_cast<std::uint16_t>(all.size())};
    if (!same(requests_[head], of->record)) requests_[head] = of->record;
    return head;
  });
  return state->cookie;
}

void OperationChannel::release(const Reusable::State& state) noexcept {
  if (holds(state.cookie)) {
    ticket(head_of(state.cookie)).kept = 0;  // as any other when it is polled
  } else {
    unkeep(static_cast<std::uint32_t>(state.segments.size()));
    space_freed();
  }
}

}  // namespace bellpull::engine
