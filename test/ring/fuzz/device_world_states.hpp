// SPDX-License-Identifier: BSD-2-Clause
#pragma once

// Set-up, hand-over and reset of a DeviceWorld. Part of device_world.cpp, which instantiates it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "device_world.hpp"

namespace bellpull::ring::fuzz {

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::attach(const DeviceState* resume,
                                           std::span<const InFlight> in_flight) {
  auto with = options();
  with.resume = resume;
  with.in_flight = in_flight;
  resumed_ = held_.size();
  check(half_.attach(Shape::memory(memory_, config_.size), with) == SetupError::none,
        "a good queue and a state that was saved are accepted");
  if constexpr (kDiffers) {
    model_.emplace(memory_, config_.size, config_.features, config_.max_chain_bytes);
    if constexpr (std::is_same_v<Layout, Split>) {
      model_->start(resume);
    } else {
      model_->start(resume, in_flight);
    }
    model_->hold_all(in_flight);
    model_->use(*adopted_);
    check(Shape::parked(memory_, config_.size, config_.features.event_idx, model_->state()),
          "an attached device half does not ask for kicks");
  }
  settle(Touch::ring);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::attach_wrongly(Input& in) {
  auto memory = Shape::memory(memory_, config_.size);
  auto with = options();
  SetupError expected{};
  switch (in.byte() % 6) {
    case 0:
      memory.size = 0;
      expected = SetupError::size_zero;
      break;
    case 1:
      memory.size = kMaxQueueSize + 1 + in.byte();
      expected = SetupError::size_too_large;
      break;
    case 2:
      with.slots = with.slots.first(in.below(config_.size));
      expected = SetupError::slots_too_few;
      break;
    case 3:
      with.map = nullptr;
      expected = SetupError::map_missing;
      break;
    case 4:
      memory.desc = nullptr;
      expected = SetupError::null_part;
      break;
    default:
      if (!config_.features.indirect) return;
      with.indirect = with.indirect.first(in.below(config_.size));
      expected = SetupError::indirect_room;
      break;
  }
  Half other;
  check(other.attach(memory, with) == expected, "a wrong set-up is refused for its reason");
  check(!other.attached(), "what refused a queue has none");
  other.publish();
  check(!other.arm() && other.refresh() == 0, "what has no queue does nothing");
  const Chain none = other.resumed(InFlight{.head = 0});
  other.complete(none, {}, 0);
  settle(Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::reset(Input& in) {
  half_.reset();
  let_go();
  settle(Touch::nothing);
  check(half_.in_flight() == 0 && !half_.attached(), "a reset forgets all chains");
  for (const Held& held : held_) half_.complete(held.chain, held.pieces, 0);
  half_.publish();
  half_.disarm();
  settle(Touch::nothing);
  held_.clear();
  waiting_.clear();
  plans_.clear();
  const bool fresh = in.once_in(2);
  for (unsigned part = 0; part < 3; ++part) {
    for (std::size_t i = 0; i < memory_.ring(part).length; ++i) {
      memory_.ring(part).poke(i, std::byte{0});
    }
  }
  const DeviceState state = Shape::start(driver_, in, config_.size, fresh);
  attach(fresh ? nullptr : &state, {});
}

// Without a queue the map keeps no table for chains that were taken: their pieces may go.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::let_go() {
  for (Held& held : held_) {
    held.pieces.clear();
    held.table = adopted_;
  }
}

template <class Layout, bool kDiffers>
std::vector<InFlight> DeviceWorld<Layout, kDiffers>::in_flight() const {
  std::vector<InFlight> chains;
  half_.in_flight([&](const InFlight& chain) { chains.push_back(chain); });
  return chains;
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::hand_over(Input& in) {
  if (!usable()) return reset(in);
  plans_.clear();  // a state goes with its memory
  // What the old owner saw and the driver has meant to take back since is not worth a hand-over.
  publish(false);
  const std::vector<InFlight> chains = in_flight();
  const auto unfinished = std::count_if(
      chains.begin(), chains.end(),
      [this](const InFlight& chain) { return !config_.features.in_order || !chain.completed; });
  check(static_cast<std::size_t>(unfinished) == held_.size(), "all chains in flight are reported");
  const DeviceState state = half_.stop();
  let_go();
  settle(Touch::nothing);
  check(!half_.attached(), "a stopped device half has no queue");
  if constexpr (kDiffers) {
    const DeviceState expected = model_->state();
    check(state.avail == expected.avail && state.used == expected.used,
          "the saved state is that of the model");
  }
  hand_over_spoilt(in, state, chains);
  auto with = options();
  with.resume = &state;
  with.in_flight = chains;
  {
    // The driver may have written over what the state is compared with.
    Half probe;
    const SetupError error = probe.attach(Shape::memory(memory_, config_.size), with);
    check(error == SetupError::none || error == SetupError::state_mismatch,
          "a state that was saved is one that a queue can be in");
    probe.reset();
    memory_.each_block([](Block& block) { block.restore(); });
    log_.clear();
    if (error != SetupError::none) return reset(in);
  }
  attach(&state, chains);
  for (Held& held : held_) {
    const auto chain = std::find_if(chains.begin(), chains.end(), [&](const InFlight& in_flight) {
      return in_flight.head == held.chain.head;
    });
    check(chain != chains.end() && !(config_.features.in_order && chain->completed) &&
              chain->descriptors == held.chain.descriptors,
          "a chain in flight is reported as it was taken");
    held = {half_.resumed(*chain), {}, adopted_};
  }
}

// States that are no good: refused, and nothing is touched; or, when they happen to be as good as
// the right one, let go at once.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::hand_over_spoilt(Input& in, DeviceState state,
                                                     std::vector<InFlight> in_flight) {
  if (!in.once_in(2)) return;
  bool hopeless = false;
  switch (in.byte() % 8) {
    case 0:
      state.avail = in.word16();
      break;
    case 1:
      state.used = in.word16();
      break;
    case 2:
      hopeless = !in_flight.empty();
      if (hopeless) in_flight.push_back(in_flight.front());
      break;
    case 3:
      hopeless = true;
      in_flight.push_back({.head = static_cast<std::uint16_t>(config_.size + in.byte())});
      break;
    case 4:
      if (in_flight.empty()) return;
      in_flight[0].descriptors = in.once_in(2) ? static_cast<std::uint16_t>(config_.size + 1) : 0;
      hopeless = true;
      break;
    case 5:  // a packed ring has not that much room
      for (InFlight& chain : in_flight) {
        chain.descriptors = static_cast<std::uint16_t>(config_.size);
      }
      break;
    case 6:
      if (in_flight.empty() || !config_.features.in_order) return;
      in_flight[0].completed = true;
      hopeless = true;
      break;
    default:
      hopeless = !in_flight.empty();
      in_flight.clear();
      break;
  }
  auto with = options();
  with.resume = &state;
  with.in_flight = in_flight;
  Half other;
  const SetupError error = other.attach(Shape::memory(memory_, config_.size), with);
  if (error == SetupError::none) {
    check(!hopeless, "chains that cannot be in flight are refused");
    other.reset();
    memory_.each_block([](Block& block) { block.restore(); });
    log_.clear();
  } else {
    check(error == SetupError::state_invalid || error == SetupError::state_mismatch,
          "a spoilt state is refused as that");
  }
  settle(Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::replace_table(Input& in) {
  Table& table = memory_.add_table(in);
  map_->replace(table.table);
  if (memory_.ring_in_tables()) {
    std::array<std::uint64_t, 3> at{};
    for (unsigned part = 0; part < 3; ++part) {
      const Block& block = memory_.ring(part);
      const Placed* const place = table.holding(block.data.get(), block.length);
      check(place != nullptr, "each table has the ring");
      at[part] = place->address;
    }
    const auto expected = Shape::memory(memory_, config_.size);
    auto found = expected;
    check(Shape::locate(table.table, config_.size, at, found) == SetupError::none &&
              Shape::same(found, expected),
          "the parts are found where they are");
    at[in.below(3)] += 1 + in.below(64) * std::uint64_t{16};
    const SetupError error = Shape::locate(table.table, config_.size, at, found);
    check(error != SetupError::none || !Shape::same(found, expected),
          "the parts are not found where they are not");
  }
  make_wrong_table(in, table);
  settle(Touch::nothing);
}

// Regions that cannot be are refused, and the table stays what it was.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::make_wrong_table(Input& in, const Table& good) {
  std::vector<Region> regions = good.regions;
  Region& wrong = regions[in.below(regions.size())];
  SetupError expected{};
  switch (in.byte() % 6) {
    case 0:
      wrong.length = 0;
      expected = SetupError::region_empty;
      break;
    case 1:
      wrong.data = nullptr;
      expected = SetupError::region_empty;
      break;
    case 2:
      wrong.length = 0 - wrong.address + 1;
      if (wrong.address < 2) return;
      expected = SetupError::region_wraps;
      break;
    case 3:
      wrong.length = ~std::uint64_t{0};
      wrong.address = 0;
      expected = SetupError::region_wraps;
      break;
    case 4:
      regions.push_back({wrong.address + wrong.length - 1, 1, memory_.ring(0).data.get() + 1});
      expected = SetupError::regions_overlap;
      break;
    default:
      regions.push_back({0x123456789abcd, 1, wrong.data + wrong.length - 1});
      expected = SetupError::regions_overlap;
      break;
  }
  RegionTable table = good.table;
  check(RegionTable::make(regions, table) == expected, "regions that cannot be are refused");
  check(table.regions().data() == good.table.regions().data(), "a refused table changes nothing");
}

}  // namespace bellpull::ring::fuzz
