// SPDX-License-Identifier: BSD-2-Clause
#include "device_world.hpp"

#include <algorithm>
#include <array>
#include <bit>

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
    case 7:
      return take(in);
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
  const auto unfinished = std::count_if(chains.begin(), chains.end(), [this](const InFlight& chain) {
    return !config_.features.in_order || !chain.completed;
  });
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
    check(chain != chains.end() && !(config_.features.in_order && chain->completed) && chain->descriptors == held.chain.descriptors,
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
  switch (in.byte() % 6) {
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
Budget DeviceWorld<Layout, kDiffers>::budget(Input& in) const {
  Budget budget;
  const std::uint8_t which = in.byte();
  budget.chains = 2 * config_.size;
  if (which % 4 == 1) budget.chains = in.below(4);
  if (which / 4 % 4 == 1) budget.descriptors = in.below(2 * config_.size);
  if (which / 16 % 4 == 1) budget.bytes = in.below(1024);
  return budget;
}

// The device half goes over to another table only when all chains are of the present one.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::adopt() {
  if (!usable()) return;
  for (const Held& held : held_) {
    if (held.table != adopted_) return;
  }
  adopted_ = &memory_.present();
  if constexpr (kDiffers) model_->use(*adopted_);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::poll(Input& in) {
  Budget limit = budget(in);
  const Budget all = limit;
  const std::uint32_t room = in.once_in(8) ? in.below(config_.room + 1) : config_.room;
  const bool at_once = in.once_in(2);
  const std::uint64_t taken = half_.counters().taken;
  const bool was_usable = usable();
  adopt();
  if constexpr (kDiffers) {
    expected_ = limit;
    if (was_usable) (void)model_->begin(limit.chains);
  }
  Budget before = limit;
  unsigned visited = 0;
  const Pull pull =
      half_.poll(limit, std::span(pieces_).first(room), [&](const Chain& chain) {
        took(chain, before, room);
        before = limit;
        ++visited;
        if (at_once) complete(in, held_.size() - 1);
      });
  check(was_usable || pull == Pull::broken, "a queue that cannot be used yields no chain");
  check(pull != Pull::chain, "a poll does not end with a chain");
  const std::uint64_t charged = all.chains - limit.chains;
  const std::uint64_t got = half_.counters().taken - taken;
  // The chain that breaks the queue may be charged.
  check(got == charged || (pull == Pull::broken && got + 1 == charged),
        "a poll takes as many chains as it charges");
  check(visited <= charged, "a poll hands out no more chains than it charges");
  pulled(pull, room);
  if constexpr (kDiffers) {
    check(pull == Pull::broken || (limit.chains == expected_.chains && limit.bytes == expected_.bytes &&
                          limit.descriptors == expected_.descriptors),
          "the budget is charged as by the model");
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::take(Input& in) {
  Budget limit = budget(in);
  const std::uint32_t room = config_.room;
  const bool was_usable = usable();
  adopt();
  if constexpr (kDiffers) {
    expected_ = limit;
    if (was_usable) (void)model_->begin(1);
  }
  const Budget before = limit;
  Chain chain;
  const Pull pull = half_.take(limit, pieces_, chain);
  check(was_usable || pull == Pull::broken, "a queue that cannot be used yields no chain");
  if (pull == Pull::chain) {
    took(chain, before, room);
  } else {
    pulled(pull, room);
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::pulled(Pull pull, std::uint32_t room) {
  check((pull == Pull::broken) != usable(), "broken is what the queue is from then on");
  if constexpr (kDiffers) {
    SlowChain none;
    const bool went_on = model_->fault() == QueueFault::none;
    const Pull expected = went_on ? model_->next(expected_, room, none) : Pull::broken;
    check(!half_.attached() || pull == expected, "a poll ends as the model's");
    check(half_.fault() == model_->fault(), "the queue is broken for the model's reason");
    check(half_.counters().chain_faults == model_->faults(), "chains are faulty as the model's");
  }
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::took(const Chain& chain, const Budget& before,
                                         std::uint32_t room) {
  check(chain.head < config_.size, "a head is below the size");
  check(chain.descriptors >= 1 && chain.descriptors <= config_.size, "a chain fits in the ring");
  check(std::uint64_t{chain.readable} + chain.writable <= room, "the pieces fit in their room");
  const bool known = std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
    return held.chain.head == chain.head;
  });
  check(!known && std::find(waiting_.begin(), waiting_.end(), chain.head) == waiting_.end(),
        "no head is taken twice");
  const std::span pieces = std::span(pieces_).first(chain.readable + chain.writable);
  std::uint64_t bytes[2] = {0, 0};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    check(piece.length != 0 && adopted_->holding(piece.data, piece.length) != nullptr,
          "a piece lies in one region of the table that is in use");
    bytes[i < chain.readable ? 0 : 1] += piece.length;
  }
  check(bytes[0] == chain.readable_bytes && bytes[1] == chain.writable_bytes,
        "the bytes of a chain are those of its pieces");
  check(bytes[0] + bytes[1] <= std::min(config_.max_chain_bytes, std::uint64_t{1} << 32),
        "no chain is longer than allowed");
  check(!before.used || bytes[0] + bytes[1] <= before.bytes, "a later chain fits in the budget");
  if constexpr (kDiffers) {
    SlowChain expected;
    check(model_->next(expected_, room, expected) == Pull::chain, "the model takes a chain too");
    match(chain, pieces, expected);
  }
  held_.push_back({chain, {pieces.begin(), pieces.end()}, adopted_});
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::match(const Chain& chain, std::span<const Piece> pieces,
                                          const SlowChain& expected) const {
  check(chain.head == expected.head && chain.descriptors == expected.descriptors,
        "the chain is the model's");
  check(chain.readable == expected.readable.size() && chain.writable == expected.writable.size(),
        "the chain has as many pieces as the model's");
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const SlowPiece& piece =
        i < chain.readable ? expected.readable[i] : expected.writable[i - chain.readable];
    check(pieces[i].data == piece.block->data.get() + piece.offset &&
              pieces[i].length == piece.length,
          "each piece is the model's");
  }
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::complete(Input& in, std::size_t which) {
  if (held_.empty() || !half_.attached()) return;
  const auto at = held_.begin() + static_cast<std::ptrdiff_t>(which % held_.size());
  const Held held = *at;
  std::uint64_t written = std::min<std::uint64_t>(held.chain.writable_bytes, 0xffffffff);
  if (in.once_in(2)) written = in.below(written + 1);
  std::uint64_t left = written;
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < held.pieces.size(); ++i) {
    const Piece& piece = held.pieces[i];
    const Placed& place = *held.table->holding(piece.data, piece.length);
    const auto offset = static_cast<std::size_t>(piece.data - place.block->data.get());
    if (i < held.chain.readable) {
      sum = static_cast<std::uint8_t>(sum + std::to_integer<unsigned>(piece.data[0]) +
                                      std::to_integer<unsigned>(piece.data[piece.length - 1]));
    } else if (left != 0) {
      const std::uint64_t here = std::min<std::uint64_t>(left, piece.length);
      place.block->poke(offset, std::byte{sum});
      place.block->poke(offset + here - 1, std::byte{sum});
      left -= here;
    }
  }
  settle(Touch::ring);  // what the poll wrote before it handed out this chain
  const bool was_usable = usable();
  half_.complete(held.chain, held.pieces, static_cast<std::uint32_t>(written));
  if (!was_usable) return;
  held_.erase(at);
  if (config_.features.in_order) waiting_.push_back(held.chain.head);
  if constexpr (kDiffers) {
    model_->complete(held.chain.head, static_cast<std::uint32_t>(written));
  }
  left = written;
  for (const Piece& piece : std::span(held.pieces).subspan(held.pieces.empty() ? 0 : held.chain.readable)) {
    const std::uint64_t here = std::min<std::uint64_t>(left, piece.length);
    check(here == 0 || logged(*held.table, piece.data, here), "what was written is reported");
    left -= here;
  }
  std::erase_if(waiting_, [this](std::uint16_t head) {
    const std::vector<InFlight> chains = in_flight();
    return std::none_of(chains.begin(), chains.end(),
                        [head](const InFlight& chain) { return chain.head == head; });
  });
  settle(Touch::ring);
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
void DeviceWorld<Layout, kDiffers>::misuse(Input& in) {
  const auto head = static_cast<std::uint16_t>(in.wild(config_.size));
  const bool held = std::any_of(held_.begin(), held_.end(), [head](const Held& chain) {
    return chain.chain.head == head;
  });
  if (held) return;
  const std::uint64_t misuses = half_.counters().misuses;
  const Chain chain{.head = head, .descriptors = 1, .map_turn = 0};
  half_.complete(chain, {}, in.byte());
  check(half_.counters().misuses == misuses + (usable() ? 1 : 0), "misuse is counted");
  settle(Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::publish(bool test) {
  const bool was_usable = usable();
  const std::uint64_t publishes = half_.counters().publishes;
  bool asks = false;
  if (test) {
    asks = half_.publish_and_test();
  } else {
    half_.publish();
  }
  if constexpr (kDiffers) {
    const bool shown = model_->publish();
    check(half_.counters().publishes == publishes + (shown ? 1 : 0),
          "there is something to publish when the model has something");
    if (test && shown) {
      const std::optional<bool> expected = model_->must_notify();
      check(!expected || *expected == asks, "the driver is told when the model says so");
    }
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::arm() {
  const bool was_usable = usable();
  const bool more = half_.arm();
  check(was_usable || !more, "a queue that cannot be used is not armed");
  if constexpr (kDiffers) {
    if (was_usable) {
      check(Shape::armed(memory_, config_.size, config_.features.event_idx, model_->state()),
            "an armed device half asks for the next chain");
      check(more == model_->rearm(), "the last look before sleep finds what the model finds");
      check(half_.fault() == model_->fault(), "the last look breaks the queue as the model's");
    }
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::disarm() {
  const bool was_usable = usable();
  half_.disarm();
  if constexpr (kDiffers) {
    check(!was_usable || Shape::parked(memory_, config_.size, config_.features.event_idx,
                                       model_->state()),
          "a disarmed device half does not ask for kicks");
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::refresh() {
  const bool was_usable = usable();
  const unsigned ready = half_.refresh();
  check(ready == half_.ready(), "refresh() tells what is ready");
  check(was_usable || ready == 0, "a queue that cannot be used has nothing ready");
  if constexpr (kDiffers) {
    check(!was_usable || ready == model_->refresh(), "the model has as much ready");
    check(half_.fault() == model_->fault(), "a look breaks the queue as the model's");
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
  settle(Touch::nothing);
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
    if (block.as_expected() && !kDiffers) return;
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
