// SPDX-License-Identifier: BSD-2-Clause
#pragma once

// The data path of a DeviceWorld. Part of device_world.cpp, which instantiates it.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "device_world.hpp"

namespace bellpull::ring::fuzz {

template <class Layout, bool kDiffers>
Budget DeviceWorld<Layout, kDiffers>::budget(Input& in) const {
  Budget budget;
  const std::uint8_t which = in.byte();
  budget.chains = 2 * config_.size;
  if (which % 4 == 1) budget.chains = in.below(4);
  if (which / 4 % 4 == 1) budget.descriptors = in.below(2 * config_.size);
  // Descriptors alone bound a poll as well: each chain has one.
  if (which / 4 % 4 == 1 && which % 4 == 2) budget.chains = Budget{}.chains;
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
  const Pull pull = half_.poll(limit, std::span(pieces_).first(room), [&](const Chain& chain) {
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
  check(got <= std::max(1U, all.descriptors), "a poll is bounded by descriptors");
  check(visited <= charged, "a poll hands out no more chains than it charges");
  pulled(pull, room, true);
  if constexpr (kDiffers) {
    check(pull == Pull::broken ||
              (limit.chains == expected_.chains && limit.bytes == expected_.bytes &&
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
    pulled(pull, room, true);
  }
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::take_many(Input& in) {
  Budget limit = budget(in);
  const std::uint32_t room = in.once_in(2) ? in.below(config_.room + 1) : config_.room;
  std::vector<Chain> chains(in.below(6));
  const std::uint64_t taken = half_.counters().taken;
  const std::uint64_t all = limit.chains;
  const bool was_usable = usable();
  adopt();
  if constexpr (kDiffers) {
    expected_ = limit;
    if (was_usable) (void)model_->begin(static_cast<std::uint32_t>(chains.size()));
  }
  std::uint32_t count = 0;
  const Pull pull = half_.take(limit, std::span(pieces_).first(room), chains, count);
  check(count <= chains.size(), "no more chains are taken than there is room for");
  check((pull == Pull::chain) == (count == chains.size() && pull != Pull::broken),
        "as many chains are taken as there is room for, or there is a reason");
  const std::uint64_t got = half_.counters().taken - taken;
  check(got == all - limit.chains || pull == Pull::broken, "what is taken is charged");
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    check(chains[i].first == first, "the pieces follow each other");
    took(chains[i], Budget{}, room - first);
    first += chains[i].readable + chains[i].writable;
  }
  if (pull != Pull::chain) pulled(pull, room - first, first == 0);
  settle(was_usable ? Touch::ring : Touch::nothing);
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::pulled(Pull pull, std::uint32_t room, bool all_room) {
  check((pull == Pull::broken) != usable(), "broken is what the queue is from then on");
  if constexpr (kDiffers) {
    SlowChain none;
    const bool went_on = model_->fault() == QueueFault::none;
    const Pull expected = went_on ? model_->next(expected_, room, all_room, none) : Pull::broken;
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
  const bool known = std::any_of(held_.begin(), held_.end(),
                                 [&](const Held& held) { return held.chain.head == chain.head; });
  check(!known && std::find(waiting_.begin(), waiting_.end(), chain.head) == waiting_.end(),
        "no head is taken twice");
  const std::span pieces = std::span(pieces_).subspan(chain.first, chain.readable + chain.writable);
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
  check(!before.used ||
            (bytes[0] + bytes[1] <= before.bytes && chain.descriptors <= before.descriptors),
        "a later chain fits in the budget");
  if constexpr (kDiffers) {
    SlowChain expected;
    check(model_->next(expected_, room, chain.first == 0, expected) == Pull::chain,
          "the model takes a chain too");
    match(chain, pieces, expected);
  }
  held_.push_back({chain, {pieces.begin(), pieces.end()}, adopted_});
  held_.back().chain.first = 0;  // in its own pieces
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

// Reads both ends of each readable piece, and writes both ends of what is written.
template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::use_pieces(const Held& held, std::uint64_t written) {
  std::uint64_t left = written;
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < held.pieces.size(); ++i) {
    const Piece& piece = held.pieces[i];
    if (i < held.chain.readable) {
      sum = static_cast<std::uint8_t>(sum + std::to_integer<unsigned>(piece.data[0]) +
                                      std::to_integer<unsigned>(piece.data[piece.length - 1]));
    } else if (left != 0) {
      Block& block = *held.table->holding(piece.data, piece.length)->block;
      const auto offset = static_cast<std::size_t>(piece.data - block.data.get());
      const std::uint64_t here = std::min<std::uint64_t>(left, piece.length);
      block.poke(offset, std::byte{sum});
      block.poke(offset + here - 1, std::byte{sum});
      left -= here;
    }
  }
}

template <class Layout, bool kDiffers>
void DeviceWorld<Layout, kDiffers>::complete(Input& in, std::size_t which) {
  if (held_.empty() || !half_.attached()) return;
  const auto at = held_.begin() + static_cast<std::ptrdiff_t>(which % held_.size());
  const Held held = *at;
  std::uint64_t written = std::min<std::uint64_t>(held.chain.writable_bytes, 0xffffffff);
  if (in.once_in(2)) written = in.below(written + 1);
  use_pieces(held, written);
  settle(Touch::ring);  // what the poll wrote before it handed out this chain
  const bool was_usable = usable();
  half_.complete(held.chain, held.pieces, static_cast<std::uint32_t>(written));
  if (!was_usable) return;
  held_.erase(at);
  if (config_.features.in_order) waiting_.push_back(held.chain.head);
  if constexpr (kDiffers) {
    model_->complete(held.chain.head, static_cast<std::uint32_t>(written));
  }
  std::uint64_t left = written;
  const std::size_t first = std::min<std::size_t>(held.chain.readable, held.pieces.size());
  for (const Piece& piece : std::span(held.pieces).subspan(first)) {
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
void DeviceWorld<Layout, kDiffers>::misuse(Input& in) {
  const auto head = static_cast<std::uint16_t>(in.wild(config_.size));
  const bool held = std::any_of(held_.begin(), held_.end(),
                                [head](const Held& chain) { return chain.chain.head == head; });
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
    check(!was_usable ||
              Shape::parked(memory_, config_.size, config_.features.event_idx, model_->state()),
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

}  // namespace bellpull::ring::fuzz
