// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hostile_driver.hpp"

namespace bellpull::ring::fuzz {

/// The hostile driver of a split queue.
class HostileSplitDriver : public HostileDriver {
 public:
  using HostileDriver::HostileDriver;

  /// Starts with an empty queue whose indices stand at `index`.
  void start(std::uint16_t index) {
    forget_all();
    index_ = seen_ = index;
    memory_->ring(1).poke<std::uint16_t>(2, index);
    memory_->ring(2).poke<std::uint16_t>(2, index);
  }

  /// Puts a chain into the ring, perhaps without showing it yet.
  void send(Input& in) {
    reclaim();
    const bool greedy = in.once_in(32);
    if (space_ == 0 && !greedy) return;
    const auto room = static_cast<std::uint32_t>(std::max<std::size_t>(free_.size(), 1));
    const std::vector<Offer> chain = make_chain(in, room);
    std::vector<std::uint16_t> slots = take_slots(chain.size());
    for (std::size_t i = 0; i < chain.size(); ++i) write(in, chain, slots, i);
    std::uint16_t head = slots[0];
    if (in.once_in(48)) head = static_cast<std::uint16_t>(in.wild(size_));
    memory_->ring(1).poke(4 + 2 * std::size_t{index_ % size_}, head);
    ++index_;
    space_ -= space_ != 0 ? 1 : 0;
    outstanding_.push_back({slots[0], 1, std::move(slots)});
    if (!in.once_in(4)) publish();
  }

  void publish() { memory_->ring(1).poke(2, index_); }

  /// Moves the index where it must not go.
  void spoil_index(Input& in) {
    std::uint16_t index = index_;
    if (in.once_in(2)) {
      index = static_cast<std::uint16_t>(in.wild(std::uint64_t{index} + size_));
    } else {
      index = static_cast<std::uint16_t>(index + in.below(2 * size_ + 2) - size_);
    }
    memory_->ring(1).poke(2, index);
    if (in.once_in(2)) index_ = index;
  }

  /// Writes one field of the parts that the driver owns.
  void rewrite(Input& in) {
    const std::size_t at = 16 * std::size_t{in.below(size_)};
    Block& desc = memory_->ring(0);
    switch (in.byte() % 6) {
      case 0:
        desc.poke<std::uint64_t>(at, make_buffer(in).address);
        break;
      case 1:
        desc.poke(at + 8, static_cast<std::uint32_t>(in.wild(16)));
        break;
      case 2:
        desc.poke(at + 12, static_cast<std::uint16_t>(in.byte() % 8));
        break;
      case 3:
        desc.poke(at + 14, static_cast<std::uint16_t>(in.wild(size_)));
        break;
      case 4:
        memory_->ring(1).poke(4 + at / 8, static_cast<std::uint16_t>(in.wild(size_)));
        break;
      default:
        desc.poke(at + 12, in.word16());
        break;
    }
  }

  /// Asks for notifications, or not.
  void wish(Input& in) {
    const auto near = static_cast<std::uint16_t>(seen_ + in.below(4));
    const auto word = in.once_in(3) ? in.word16() : near;
    memory_->ring(1).poke(4 + 2 * std::size_t{size_}, word);
    memory_->ring(1).poke<std::uint16_t>(0, in.once_in(4) ? in.word16() : in.byte() & 1U);
  }

  /// Looks at what the device gave back.
  void reclaim() {
    const Block& used = memory_->ring(2);
    for (std::uint32_t i = 0; i < size_ && seen_ != used.peek<std::uint16_t>(2); ++i) {
      const auto id = used.peek<std::uint32_t>(4 + 8 * std::size_t{seen_ % size_});
      std::uint32_t entries = 0;
      if (id >= size_ || !gave_back(static_cast<std::uint16_t>(id), entries)) return;
      seen_ = static_cast<std::uint16_t>(seen_ + last_batch_);
    }
  }

 private:
  void write(Input& in, const std::vector<Offer>& chain, const std::vector<std::uint16_t>& slots,
             std::size_t i) {
    const Offer& offer = chain[i];
    const bool last = i + 1 == chain.size();
    std::uint16_t next = last ? 0 : slots[i + 1];
    auto flags = static_cast<std::uint16_t>(offer.flags | (last ? 0 : VRING_DESC_F_NEXT));
    switch (in.byte() % 48) {
      case 45:  // a loop
        next = slots[in.below(slots.size())];
        flags |= VRING_DESC_F_NEXT;
        break;
      case 46:
        next = static_cast<std::uint16_t>(in.wild(size_));
        break;
      case 47:
        flags = in.word16();
        break;
      default:
        break;
    }
    const vring_desc desc{offer.address, offer.length, flags, next};
    memory_->ring(0).poke(16 * std::size_t{slots[i]}, desc);
  }

  Offer make_table(Input& in) override {
    std::uint32_t count = 1 + in.below(3);
    if (in.once_in(8)) count = size_ + in.below(2);
    if (count > 256) count = 256;
    const std::uint64_t address = table_place(in, 16 * std::uint64_t{count});
    const std::uint32_t readable = in.below(count + 1);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Offer offer = make_buffer(in);
      const bool last = i + 1 == count;
      auto flags = static_cast<std::uint16_t>((i < readable ? 0 : VRING_DESC_F_WRITE) |
                                              (last ? 0 : VRING_DESC_F_NEXT));
      std::uint32_t next = last ? in.byte() : i + 1;
      const std::uint8_t spoil = in.byte() % 32;
      if (spoil == 28) flags |= VRING_DESC_F_INDIRECT;
      if (spoil == 29) next = in.below(count);
      if (spoil == 30) next = static_cast<std::uint32_t>(in.wild(count));
      if (spoil == 31) flags ^= VRING_DESC_F_NEXT;
      const vring_desc desc{offer.address, offer.length, flags, static_cast<std::uint16_t>(next)};
      memory_->poke_address(address + 16 * std::uint64_t{i}, &desc, sizeof desc);
    }
    return spoilt_table(in, address, 16 * count);
  }

  std::uint16_t index_ = 0;  // of the next place in the available ring
  std::uint16_t seen_ = 0;   // of the next used entry
};

}  // namespace bellpull::ring::fuzz
