// SPDX-License-Identifier: BSD-2-Clause
#include "device_world.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include "device_world_calls.hpp"
#include "device_world_states.hpp"

namespace bellpull::ring::fuzz {
namespace {

constexpr unsigned kMostSteps = 400;

template <class Layout>
std::uint32_t decode_size(Input& in) {
  const std::uint8_t choice = in.byte();
  if constexpr (std::is_same_v<Layout, Split>) {
    return choice < 240 ? 8U >> (choice % 4) << (choice / 4 % 3) : 1U << (choice % 11);
  } else {
    return choice < 240 ? 1U + choice % 20 : 1 + in.below(700);
  }
}

}  // namespace

template <class Layout, bool kDiffers>
DeviceConfig DeviceWorld<Layout, kDiffers>::decode(Input& in) {
  DeviceConfig config;
  config.size = decode_size<Layout>(in);
  const std::uint8_t bits = in.byte();
  config.features = {
      .event_idx = (bits & 1) == 0, .indirect = (bits & 6) != 6, .in_order = (bits & 24) == 24};
  config.ring_in_tables = (bits & 0x60) != 0x60;
  switch (in.byte() % 8) {
    case 5:
      config.max_chain_bytes = in.below(4096);
      break;
    case 6:
      config.max_chain_bytes = (std::uint64_t{1} << 32) + 1 + in.byte();
      break;
    case 7:
      config.max_chain_bytes = in.byte();
      break;
    default:
      break;
  }
  config.room = in.once_in(4) ? in.below(12) : 2 * config.size + 8;
  return config;
}

template <class Layout, bool kDiffers>
DeviceWorld<Layout, kDiffers>::DeviceWorld(Input& in)
    : config_(decode(in)),
      memory_(Shape::parts(config_.size), config_.ring_in_tables),
      driver_(memory_, config_.size, config_.features),
      slots_(config_.size),
      tables_(config_.features.indirect ? config_.size : 0),
      pieces_(config_.room) {
  memory_.add_table(in);
  map_.emplace(memory_.present().table, DirtyLog{&log_});
  adopted_ = &memory_.present();
}

template <class Layout, bool kDiffers>
DeviceOptions<Layout, typename DeviceWorld<Layout, kDiffers>::Map>
DeviceWorld<Layout, kDiffers>::options() {
  return {.features = config_.features,
          .slots = slots_,
          .indirect = tables_,
          .max_chain_bytes = config_.max_chain_bytes,
          .map = &*map_,
          .resume = nullptr,
          .in_flight = {}};
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::run_on(Input& in) {
  const bool fresh = !in.once_in(2);
  const DeviceState state = Shape::start(driver_, in, config_.size, fresh);
  attach(fresh ? nullptr : &state, {});
  if constexpr (!kDiffers) RacyAccess::racer = this;
  for (unsigned steps = 0; !in.empty() && steps < kMostSteps; ++steps) act(in);
  finish();
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::act(Input& in) {
  const std::uint8_t what = in.byte();
  if (what < 96) return act_as_driver(in);
  switch (what % 24) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return poll(in);
    case 6:
      return take(in);
    case 7:
      return take_many(in);
    case 8:
    case 9:
    case 10:
    case 11:
      return complete(in, in.byte());
    case 12:
      return publish(false);
    case 13:
    case 14:
      return publish(true);
    case 15:
      return arm();
    case 16:
      return disarm();
    case 17:
      return refresh();
    case 18:
      return hand_over(in);
    case 19:
      return in.once_in(4) || half_.fault() != QueueFault::none ? reset(in) : publish(false);
    case 20:
      return replace_table(in);
    case 21:
      return misuse(in);
    case 22:
      return attach_wrongly(in);
    default:
      if (plans_.size() < 8) plans_.push_back({in.below(24), in.part(10)});
      return;
  }
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::act_as_driver(Input& in) {
  switch (in.byte() % 16) {
    case 10:
      return driver_.publish();
    case 11:
      return driver_.rewrite(in);
    case 12:
      return driver_.wish(in);
    case 13:
      return in.once_in(8) ? driver_.spoil_index(in) : driver_.send(in);
    case 14: {  // any byte of any part of the ring, or of the other memory
      if (!in.once_in(4)) return;
      const Table& table = memory_.present();
      Block& block = in.once_in(2) ? *table.places[in.below(table.places.size())].block
                                   : memory_.ring(in.below(3));
      return block.poke(in.below(block.length), in.byte());
    }
    case 15:
      return driver_.reclaim();
    default:
      return driver_.send(in);
  }
}

// Between two accesses of the device half.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::step() {
  if (stepping_ || plans_.empty()) return;
  if (plans_.front().steps-- != 0) return;
  stepping_ = true;
  Input what = plans_.front().what;
  plans_.erase(plans_.begin());
  if (what.once_in(8)) {
    map_->replace(memory_.add_table(what).table);
  } else {
    while (!what.empty()) act_as_driver(what);
  }
  stepping_ = false;
}

template <class Layout, bool kDiffers>
bool DeviceWorld<Layout, kDiffers>::logged(const Table& table, const std::byte* at,
                                           std::uint64_t bytes) const {
  const Placed* const place = table.holding(at, bytes);
  if (place == nullptr) return true;
  const std::uint64_t address =
      place->address + static_cast<std::uint64_t>(at - place->block->data.get());
  return std::any_of(log_.begin(), log_.end(), [&](const Written& written) {
    const std::uint64_t offset = address - written.address;
    return offset < written.length && bytes <= written.length - offset;
  });
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::check_counts() const {
  if (!half_.attached()) return;
  const DeviceCounters& counters = half_.counters();
  check(half_.in_flight() == held_.size(), "what is in flight is held");
  check(held_.size() + waiting_.size() <= config_.size, "no more is in flight than there is");
  check(counters.taken + resumed_ == counters.completed + held_.size(),
        "what was taken is held or was given back");
}

// After each call: which bytes changed, who was told, and which tables are in use.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::settle(Touch touch) {
  const std::size_t event = Shape::event_at(config_.size, config_.features.event_idx);
  memory_.each_block([&](Block& block) {
    if (block.as_expected()) return;
    for (std::size_t i = 0; i < block.length; ++i) {
      if (block.data[i] == block.shadow[i]) continue;
      unsigned part = 0;
      while (part < 3 && &memory_.ring(part) != &block) ++part;
      check(part < 3 && Shape::ours(part, i), "the device half writes what is its own only");
      check(touch == Touch::ring, "this call writes nothing");
      const bool word = part == Shape::kEventPart && i - event < Shape::kEventBytes;
      check(!kDiffers || word, "the device half writes what the model writes");
      check(!memory_.ring_in_tables() || logged(*adopted_, block.data.get() + i, 1),
            "each written byte of the ring is reported");
    }
    block.expect_what_is();
  });
  log_.clear();
  settle_tables();
  check_counts();
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::settle_tables() {
  const auto needed = [this](const Table& table) {
    return &table == &memory_.present() || &table == adopted_ ||
           std::any_of(held_.begin(), held_.end(),
                       [&table](const Held& held) { return held.table == &table; });
  };
  for (const Table& table : memory_.tables()) {
    check(map_->in_use(table.table) == needed(table),
          "a table is in use while it is the newest, the present one, or that of a chain");
  }
  memory_.drop_tables([&](const Table& table) { return !needed(table); });
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::finish() {
  Input nothing;
  while (!held_.empty() && usable()) complete(nothing, 0);
  publish(true);
  check(!usable() || (half_.in_flight() == 0 && waiting_.empty()), "all chains were given back");
  (void)half_.stop();
  let_go();
  settle(Touch::nothing);
}

template class DeviceWorld<Split, false>;
template class DeviceWorld<Split, true>;
template class DeviceWorld<Packed, false>;
template class DeviceWorld<Packed, true>;

}  // namespace bellpull::ring::fuzz
