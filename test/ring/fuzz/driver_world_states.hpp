// SPDX-License-Identifier: BSD-2-Clause
#pragma once

// Set-up, hand-over and reset of a DriverWorld. Part of driver_world.cpp, which instantiates it.
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "driver_world.hpp"

namespace bellpull::ring::fuzz {

template <class Layout>
void DriverWorld<Layout>::start(Input& in) {
  const bool fresh = !in.once_in(2);
  const auto memory = DeviceLayout<Layout>::memory(memory_, config_.size);
  auto with = options();
  check(half_.attach(memory, with) == SetupError::none, "a good queue is accepted");
  settle(Touch::ring);
  DriverState state = half_.stop();
  const DriverState at = Shape::start(device_, memory_, in, config_.size, fresh, next_);
  state.avail = at.avail;
  state.used = at.used;
  if (!fresh) with.resume = &state;
  check(half_.attach(memory, with) == SetupError::none, "a queue that stands anywhere is accepted");
  settle(Touch::ring);
  if constexpr (std::is_same_v<Layout, Split>) {
    consumed_ = seen_ = next_;
    foreseen_ = true;
  }
}

template <class Layout>
void DriverWorld<Layout>::hand_over(Input& in) {
  if (!usable()) return reset(in);
  publish(false);
  const std::vector<Planned> plans = std::exchange(plans_, {});  // a state goes with its memory
  const DriverState state = half_.stop();
  settle(Touch::nothing);
  resume_spoilt(in, state);
  auto with = options();
  with.resume = &state;
  const auto memory = DeviceLayout<Layout>::memory(memory_, config_.size);
  const SetupError error = half_.attach(memory, with);
  check(error == SetupError::none || error == SetupError::state_mismatch,
        "a state that was saved is one that a queue can be in");
  settle(Touch::ring);
  if (error != SetupError::none) return reset(in);
  seen_ = consumed_;
  if (config_.features.in_order) foreseen_ = false;  // a batch may have been polled in part
  plans_ = plans;
}

// States that are no good: refused, and the ring is not touched; or, when they are as good as the
// right one, at least harmless.
template <class Layout>
void DriverWorld<Layout>::resume_spoilt(Input& in, DriverState state) {
  if (!in.once_in(2)) return;
  const std::vector<DriverSlot> saved = slots_;
  DriverSlot& slot = slots_[in.below(config_.size)];
  switch (in.byte() % 8) {
    case 0:
      state.avail = in.word16();
      break;
    case 1:
      state.used = in.word16();
      break;
    case 2:
      state.free_head = static_cast<std::uint16_t>(in.wild(config_.size));
      break;
    case 3:
      state.batch_last = static_cast<std::uint16_t>(in.wild(config_.size));
      break;
    case 4:
      slot.next = static_cast<std::uint16_t>(in.wild(config_.size));
      break;
    case 5:
      slot.slots = static_cast<std::uint16_t>(in.wild(config_.size));
      break;
    case 6:
      slot.state = static_cast<DriverSlot::State>(in.byte() % 3);
      break;
    default:
      state.free_head = static_cast<std::uint16_t>(state.free_head + 1);
      slot.slots = static_cast<std::uint16_t>(slot.slots - 1);
      break;
  }
  auto with = options();
  with.resume = &state;
  Half other;
  const auto memory = DeviceLayout<Layout>::memory(memory_, config_.size);
  const SetupError error = other.attach(memory, with);
  if (error == SetupError::none) {
    const Segment segment{1, 1};
    const std::uint32_t in_flight = other.in_flight();
    (void)other.poll(config_.size, [](const Used&) {});
    (void)other.post({&segment, 1}, {&segment, 1}, 0);
    other.publish();
    const unsigned back = other.poll(config_.size, [](const Used&) {});
    check(back <= in_flight + 1, "no more comes back than is in flight");
    forget_touched();
  }
  check(error == SetupError::none || error == SetupError::state_invalid ||
            error == SetupError::state_mismatch,
        "a spoilt state is refused as that");
  slots_ = saved;
  settle(Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::forget_touched() {
  memory_.each_block([](Block& block) { block.restore(); });
  tables_.restore();
}

template <class Layout>
void DriverWorld<Layout>::attach_wrongly(Input& in) {
  auto memory = DeviceLayout<Layout>::memory(memory_, config_.size);
  auto with = options();
  SetupError expected{};
  switch (in.byte() % 4) {
    case 0:
      memory.size = 0;
      expected = SetupError::size_zero;
      break;
    case 1:
      with.slots = with.slots.first(in.below(config_.size));
      expected = SetupError::slots_too_few;
      break;
    case 2:
      with.indirect.each = config_.size + 1 + in.byte();
      expected = SetupError::indirect_room;
      break;
    default:
      memory.desc = nullptr;
      expected = SetupError::null_part;
      break;
  }
  Half other;
  check(other.attach(memory, with) == expected, "a wrong set-up is refused for its reason");
  const Segment segment{1, 1};
  other.publish();
  other.disarm();
  check(!other.attached() && !other.arm() && other.poll(1, [](const Used&) {}) == 0 &&
            other.post({&segment, 1}, {}, 0) == kNoHead,
        "what has no queue does nothing");
  settle(Touch::nothing);
}

template <class Layout>
void DriverWorld<Layout>::reset(Input& in) {
  half_.reset();
  posted_.clear();
  queue_.clear();
  for (unsigned part = 0; part < 3; ++part) {
    Block& block = memory_.ring(part);
    for (std::size_t i = 0; i < block.length; ++i) block.poke(i, std::byte{0});
  }
  const std::vector<Planned> plans = std::exchange(plans_, {});
  start(in);
  plans_ = plans;
}

}  // namespace bellpull::ring::fuzz
