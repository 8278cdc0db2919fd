// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <algorithm>
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

}  // namespace bellpull::ring::fuzz
