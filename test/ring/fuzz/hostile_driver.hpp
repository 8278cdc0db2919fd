// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bellpull/ring/features.hpp"
#include "bellpull/ring/layout.hpp"
#include "input.hpp"
#include "peer_memory.hpp"

namespace bellpull::ring::fuzz {

/// What a driver half that may lie writes as a descriptor: the fields that both layouts have.
struct Offer {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;  // WRITE and INDIRECT, and NEXT only as a lie
};

/// A driver half that keeps the books of an honest one, so that the queue lives long, and strays
/// from what is right wherever its input says so. What both layouts have in common.
class HostileDriver {
 public:
  HostileDriver(PeerMemory& memory, std::uint32_t size, Features features)
      : memory_(&memory), size_(size), features_(features) {}

 protected:
  struct Sent {
    std::uint16_t id;
    std::uint32_t entries;
    std::vector<std::uint16_t> slots;
  };

  void forget_all() {
    outstanding_.clear();
    free_.clear();
    for (std::uint32_t i = size_; i > 0; --i) free_.push_back(static_cast<std::uint16_t>(i - 1));
    space_ = size_;
  }

  /// A chain that a driver could mean, with a mistake now and then. `most` descriptors at most.
  std::vector<Offer> make_chain(Input& in, std::uint32_t most) {
    std::uint32_t count = 1 + in.below(4);
    if (in.once_in(8)) count = 1 + in.below(most);
    if (in.once_in(16)) count = most;
    if (count > most) count = most;
    std::uint32_t readable = in.below(count + 1);
    std::vector<Offer> chain;
    for (std::uint32_t i = 0; i < count; ++i) {
      Offer offer = make_buffer(in);
      if (i >= readable) offer.flags |= VRING_DESC_F_WRITE;
      chain.push_back(offer);
    }
    if (in.once_in(16)) chain[in.below(count)].flags ^= VRING_DESC_F_WRITE;
    if (in.once_in(4)) chain[in.once_in(4) ? in.below(count) : count - 1] = make_table(in);
    return chain;
  }

  Offer make_buffer(Input& in) {
    const Table& table = memory_->present();
    const Placed& place = table.places[in.below(table.places.size())];
    const std::uint64_t bytes = place.block->length;
    const std::uint32_t offset = in.below(bytes);
    Offer offer{place.address + offset, in.below(bytes - offset + 1), 0};
    switch (in.byte() % 12) {
      case 6:  // to the very end
        offer.length = static_cast<std::uint32_t>(bytes - offset);
        break;
      case 7:  // past the end, where the next block may be
        offer.length = static_cast<std::uint32_t>(bytes - offset + 1 + in.below(300));
        break;
      case 8:  // nothing, perhaps nowhere
        offer.length = 0;
        if (in.once_in(2)) offer.address = in.wild(place.address);
        break;
      case 9:
        offer.length = static_cast<std::uint32_t>(in.wild(bytes - offset));
        break;
      case 10:
        offer.address = in.wild(place.address + bytes);
        break;
      case 11:  // right in front
        offer.address = place.address - 1 - in.below(16);
        break;
      default:
        break;
    }
    return offer;
  }

  /// A descriptor that names an indirect table, and the table in the peer's memory.
  virtual Offer make_table(Input& in) = 0;

  /// Where a table of `bytes` bytes fits, or nearly.
  std::uint64_t table_place(Input& in, std::uint64_t bytes) {
    const Table& table = memory_->present();
    const std::size_t first = in.below(table.places.size());
    for (std::size_t i = 0; i < table.places.size(); ++i) {
      const Placed& place = table.places[(first + i) % table.places.size()];
      if (place.block->length < bytes) continue;
      const std::uint64_t room = place.block->length - bytes;
      if (in.once_in(4)) return place.address + room + in.below(bytes);  // over the end
      return place.address + in.below(room + 1);
    }
    return table.places[first].address;
  }

  /// The descriptor for a table of `bytes` bytes at `address`, with a mistake now and then.
  static Offer spoilt_table(Input& in, std::uint64_t address, std::uint32_t bytes) {
    Offer offer{address, bytes, VRING_DESC_F_INDIRECT};
    switch (in.byte() % 10) {
      case 4:
        offer.length = static_cast<std::uint32_t>(in.wild(bytes));
        break;
      case 5:
        offer.address = in.wild(address);
        break;
      case 6:
        offer.flags |= VRING_DESC_F_NEXT;
        break;
      case 7:
      case 8:  // the device must not look at it
        offer.flags |= VRING_DESC_F_WRITE;
        break;
      case 9:
        offer.length += in.below(16);
        break;
      default:
        break;
    }
    return offer;
  }

  /// Notes that the device gave `id` back; in-order with all that were sent before it.
  bool gave_back(std::uint16_t id, std::uint32_t& entries) {
    const auto at = std::find_if(outstanding_.begin(), outstanding_.end(),
                                 [id](const Sent& sent) { return sent.id == id; });
    if (at == outstanding_.end()) return false;
    const auto first = features_.in_order ? outstanding_.begin() : at;
    entries = 0;
    for (auto sent = first; sent != at + 1; ++sent) {
      entries += sent->entries;
      free_.insert(free_.end(), sent->slots.begin(), sent->slots.end());
    }
    last_batch_ = static_cast<std::uint32_t>(at + 1 - first);
    outstanding_.erase(first, at + 1);
    space_ += entries;
    return true;
  }

  /// `count` of the free slots; repeats some when there are too few.
  std::vector<std::uint16_t> take_slots(std::size_t count) {
    std::vector<std::uint16_t> slots;
    for (std::size_t i = 0; i < count; ++i) {
      if (free_.empty()) {
        slots.push_back(static_cast<std::uint16_t>(i % size_));
      } else {
        slots.push_back(free_.back());
        free_.pop_back();
      }
    }
    return slots;
  }

  PeerMemory* memory_;
  std::uint32_t size_;
  Features features_;
  std::vector<Sent> outstanding_;
  std::vector<std::uint16_t> free_;
  std::uint32_t space_ = 0;  // entries of the ring that are not outstanding
  std::uint32_t last_batch_ = 0;
};

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
