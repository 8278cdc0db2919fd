// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hostile_driver.hpp"

namespace bellpull::ring::fuzz {

/// The hostile driver of a packed queue.
class HostilePackedDriver : public HostileDriver {
 public:
  using HostileDriver::HostileDriver;

  /// Starts with an empty queue that stands at `position`, as if all before it had been used.
  void start(PackedPosition position) {
    forget_all();
    next_ = used_ = position;
    shown_ = true;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const bool wrap = i < position.offset() ? position.wrap() : !position.wrap();
      const std::uint16_t flags = wrap ? kPackedBoth : 0;
      memory_->ring(0).poke(16 * std::size_t{i} + 8, packed_tail(0, 0, flags));
    }
  }

  /// Puts a chain into the ring, perhaps without showing it yet.
  void send(Input& in) {
    reclaim();
    const bool greedy = in.once_in(32);
    if (space_ == 0 && !greedy) return;
    publish();
    const std::vector<Offer> chain = make_chain(in, space_ != 0 ? space_ : 1);
    const std::vector<std::uint16_t> slots = take_slots(1);
    const auto entries = static_cast<std::uint32_t>(chain.size());
    first_ = next_;
    for (std::size_t i = 0; i < chain.size(); ++i) write(in, chain, slots[0], i);
    space_ -= std::min(entries, space_);
    outstanding_.push_back({slots[0], entries, slots});
    shown_ = false;
    if (!in.once_in(4)) publish();
  }

  /// Shows the chain that was put last.
  void publish() {
    if (shown_) return;
    shown_ = true;
    memory_->ring(0).poke(16 * std::size_t{first_.offset()} + 8, first_tail_);
  }

  /// Makes AVAIL and USED bits what they must not be.
  void spoil_index(Input& in) {
    const auto steps = static_cast<std::uint32_t>(in.byte() % 4);
    const PackedPosition at = in.once_in(2) ? next_.plus(steps % (size_ + 1)) : used_;
    const std::size_t offset = 16 * std::size_t{at.offset()} + 14;
    const auto flags = memory_->ring(0).peek<std::uint16_t>(offset);
    const auto bits = static_cast<std::uint16_t>((in.byte() % 4 & 1 ? kPackedAvail : 0) |
                                                 (in.byte() & 1 ? kPackedUsed : 0));
    memory_->ring(0).poke(offset, static_cast<std::uint16_t>((flags & ~kPackedBoth) | bits));
    if (in.once_in(8)) next_ = PackedPosition(in.below(2 * size_), size_);
  }

  /// Writes one field of a descriptor.
  void rewrite(Input& in) {
    const std::size_t at = 16 * std::size_t{in.below(size_)};
    Block& desc = memory_->ring(0);
    const auto flags = desc.peek<std::uint16_t>(at + 14);
    switch (in.byte() % 5) {
      case 0:
        desc.poke<std::uint64_t>(at, make_buffer(in).address);
        break;
      case 1:
        desc.poke(at + 8, static_cast<std::uint32_t>(in.wild(16)));
        break;
      case 2:
        desc.poke(at + 12, static_cast<std::uint16_t>(in.wild(size_)));
        break;
      case 3:
        desc.poke(at + 14, static_cast<std::uint16_t>((flags & kPackedBoth) | in.byte() % 8));
        break;
      default:
        desc.poke(at + 14, in.word16());
        break;
    }
  }

  /// Asks for notifications, or not.
  void wish(Input& in) {
    const std::uint16_t near = used_.plus(in.below(4) % (size_ + 1)).to_wrap();
    const auto word = in.once_in(3) ? in.word16() : near;
    memory_->ring(1).poke(0, word);
    memory_->ring(1).poke(2, in.once_in(4) ? in.word16() : static_cast<std::uint16_t>(in.below(4)));
  }

  /// Looks at what the device gave back.
  void reclaim() {
    for (std::uint32_t i = 0; i < size_; ++i) {
      const auto tail = memory_->ring(0).peek<std::uint64_t>(16 * std::size_t{used_.offset()} + 8);
      if ((packed_flags(tail) & kPackedBoth) != used_.used()) return;
      std::uint32_t entries = 0;
      if (!gave_back(packed_id(tail), entries)) return;
      used_.advance(entries);
    }
  }

 private:
  void write(Input& in, const std::vector<Offer>& chain, std::uint16_t id, std::size_t i) {
    const Offer& offer = chain[i];
    const bool last = i + 1 == chain.size();
    auto flags = static_cast<std::uint16_t>(offer.flags | (last ? 0 : VRING_DESC_F_NEXT) |
                                            next_.available());
    if (!last && in.once_in(3)) id = in.word16();  // means nothing there
    switch (in.byte() % 48) {
      case 44:
        if (last) id = static_cast<std::uint16_t>(in.wild(size_));
        break;
      case 45:
        flags ^= kPackedBoth;
        break;
      case 46:
        flags |= VRING_DESC_F_NEXT;
        break;
      case 47:
        flags = in.word16();
        break;
      default:
        break;
    }
    const std::size_t at = 16 * std::size_t{next_.offset()};
    const std::uint64_t tail = packed_tail(offer.length, id, flags);
    memory_->ring(0).poke(at, offer.address);
    if (i == 0) {
      first_tail_ = tail;
    } else {
      memory_->ring(0).poke(at + 8, tail);
    }
    next_.advance(1);
  }

  Offer make_table(Input& in) override {
    std::uint32_t count = 1 + in.below(3);
    if (in.once_in(8)) count = size_ + in.below(2);
    if (count > 256) count = 256;
    const std::uint64_t address = table_place(in, 16 * std::uint64_t{count});
    const std::uint32_t readable = in.below(count + 1);
    for (std::uint32_t i = 0; i < count; ++i) {
      const Offer offer = make_buffer(in);
      auto flags = static_cast<std::uint16_t>(i < readable ? 0 : VRING_DESC_F_WRITE);
      const std::uint8_t spoil = in.byte() % 32;
      if (spoil == 28) flags |= VRING_DESC_F_INDIRECT;
      if (spoil >= 29) flags |= VRING_DESC_F_NEXT;  // means nothing there
      const PackedDescriptor desc{offer.address, packed_tail(offer.length, in.byte(), flags)};
      memory_->poke_address(address + 16 * std::uint64_t{i}, &desc, sizeof desc);
    }
    return spoilt_table(in, address, 16 * count);
  }

  PackedPosition next_;
  PackedPosition used_;
  PackedPosition first_;  // of the chain that is not shown yet
  std::uint64_t first_tail_ = 0;
  bool shown_ = true;
};

}  // namespace bellpull::ring::fuzz
