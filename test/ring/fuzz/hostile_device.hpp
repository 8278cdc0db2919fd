// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <vector>

#include "bellpull/ring/layout.hpp"
#include "input.hpp"
#include "peer_memory.hpp"

namespace bellpull::ring::fuzz {

/// A device half that takes and gives back chains as an honest one would, and strays from what is
/// right wherever its input says so. What both layouts have in common.
class HostileDevice {
 public:
  HostileDevice(PeerMemory& memory, std::uint32_t size, Features features)
      : memory_(&memory), size_(size), features_(features) {}

 protected:
  struct Taken {
    std::uint16_t id;
    std::uint32_t entries;
  };

  static std::uint32_t length(Input& in) {
    return in.once_in(4) ? static_cast<std::uint32_t>(in.wild(4096)) : in.below(300);
  }

  /// Removes what a used entry for one of the taken chains stands for, and returns the last of it;
  /// `entries` is the length of it in the ring, `chains` how many.
  std::uint16_t choose(Input& in, std::uint32_t& entries, std::uint32_t& chains) {
    const std::size_t which = in.below(taken_.size());
    const auto at = taken_.begin() + static_cast<std::ptrdiff_t>(which);
    const std::uint16_t id = at->id;
    const auto first = features_.in_order ? taken_.begin() : at;
    entries = 0;
    chains = static_cast<std::uint32_t>(at + 1 - first);
    for (auto chain = first; chain != at + 1; ++chain) entries += chain->entries;
    if (!in.once_in(64)) taken_.erase(first, at + 1);  // or it comes again
    return id;
  }

  PeerMemory* memory_;
  std::uint32_t size_;
  Features features_;
  std::vector<Taken> taken_;
};

/// The hostile device of a split queue.
class HostileSplitDevice : public HostileDevice {
 public:
  using HostileDevice::HostileDevice;

  void start(std::uint16_t index) {
    taken_.clear();
    next_ = used_ = index;
    memory_->ring(2).poke<std::uint16_t>(2, index);
  }

  /// Takes what is available.
  void take() {
    const Block& avail = memory_->ring(1);
    for (std::uint32_t i = 0; i < size_ && next_ != avail.peek<std::uint16_t>(2); ++i, ++next_) {
      taken_.push_back({avail.peek<std::uint16_t>(4 + 2 * std::size_t{next_ % size_}), 1});
    }
  }

  /// Gives one chain back, in-order all up to it; perhaps without showing it yet.
  void give(Input& in) {
    if (taken_.empty()) take();
    if (taken_.empty() && !in.once_in(32)) return;
    std::uint32_t entries = 1;
    std::uint32_t chains = 1;
    std::uint32_t id = taken_.empty() ? in.byte() : choose(in, entries, chains);
    const std::uint8_t spoil = in.byte();
    if (spoil == 255) id = static_cast<std::uint32_t>(in.wild(size_));
    if (spoil == 254) id ^= 1;
    if (spoil == 251 || spoil == 250) id = in.below(size_);
    const std::size_t at = 4 + 8 * std::size_t{used_ % size_};
    memory_->ring(2).poke(at, id);
    memory_->ring(2).poke(at + 4, length(in));
    used_ = static_cast<std::uint16_t>(used_ + chains);
    if (!in.once_in(4)) publish();
  }

  void publish() { memory_->ring(2).poke(2, used_); }

  /// Moves the index where it must not go.
  void spoil_index(Input& in) {
    const auto index =
        static_cast<std::uint16_t>(in.once_in(2) ? in.wild(std::uint64_t{used_} + size_)
                                                 : used_ + in.below(2 * size_) - size_);
    memory_->ring(2).poke(2, index);
    if (in.once_in(2)) used_ = index;
  }

  /// Asks for notifications, or not.
  void wish(Input& in) {
    const auto near = static_cast<std::uint16_t>(next_ + in.below(4));
    memory_->ring(2).poke(4 + 8 * std::size_t{size_}, in.once_in(3) ? in.word16() : near);
    memory_->ring(2).poke<std::uint16_t>(0, in.once_in(4) ? in.word16() : in.byte() & 1U);
  }

 private:
  std::uint16_t next_ = 0;
  std::uint16_t used_ = 0;
};

/// The hostile device of a packed queue.
class HostilePackedDevice : public HostileDevice {
 public:
  using HostileDevice::HostileDevice;

  void start(PackedPosition position) {
    taken_.clear();
    next_ = used_ = position;
    for (std::uint32_t i = 0; i < size_; ++i) {
      const bool wrap = i < position.offset() ? position.wrap() : !position.wrap();
      const std::uint16_t flags = wrap ? kPackedBoth : 0;
      memory_->ring(0).poke(16 * std::size_t{i} + 8, packed_tail(0, 0, flags));
    }
  }

  /// Takes what is available.
  void take() {
    for (std::uint32_t i = 0; i < size_; ++i) {
      PackedPosition at = next_;
      std::uint32_t entries = 0;
      std::uint64_t tail = 0;
      do {
        tail = memory_->ring(0).peek<std::uint64_t>(16 * std::size_t{at.offset()} + 8);
        if ((packed_flags(tail) & kPackedBoth) != at.available()) return;
        at.advance(1);
        ++entries;
      } while ((packed_flags(tail) & VRING_DESC_F_NEXT) != 0 && entries < size_);
      next_ = at;
      taken_.push_back({packed_id(tail), entries});
    }
  }

  /// See the split layout's; the device may also use the wrong place.
  void give(Input& in) {
    if (taken_.empty()) take();
    if (taken_.empty() && !in.once_in(32)) return;
    std::uint32_t entries = 1;
    std::uint32_t chains = 1;
    std::uint32_t id = taken_.empty() ? in.byte() : choose(in, entries, chains);
    const std::uint8_t spoil = in.byte();
    if (spoil == 255) id = static_cast<std::uint32_t>(in.wild(size_));
    if (spoil == 254) id ^= 1;
    if (spoil == 251 || spoil == 250) id = in.below(size_);
    const auto written = length(in);
    const auto flags = static_cast<std::uint16_t>(
        used_.used() | (written != 0 || spoil == 253 ? VRING_DESC_F_WRITE : 0));
    const std::uint64_t tail = packed_tail(written, static_cast<std::uint16_t>(id), flags);
    memory_->ring(0).poke(16 * std::size_t{used_.offset()} + 8, tail);
    if (spoil != 252) used_.advance(entries % (size_ + 1));
  }

  void publish() {}

  /// Makes AVAIL and USED bits what they must not be.
  void spoil_index(Input& in) {
    const PackedPosition at = used_.plus(in.below(4) % (size_ + 1));
    const std::size_t offset = 16 * std::size_t{at.offset()} + 14;
    const auto flags = memory_->ring(0).peek<std::uint16_t>(offset);
    const auto bits = static_cast<std::uint16_t>((in.byte() & 1 ? kPackedAvail : 0) |
                                                 (in.byte() & 1 ? kPackedUsed : 0));
    memory_->ring(0).poke(offset, static_cast<std::uint16_t>((flags & ~kPackedBoth) | bits));
    if (in.once_in(8)) used_ = PackedPosition(in.below(2 * size_), size_);
  }

  /// Asks for notifications, or not.
  void wish(Input& in) {
    const std::uint16_t near = next_.plus(in.below(4) % (size_ + 1)).to_wrap();
    memory_->ring(2).poke(0, in.once_in(3) ? in.word16() : near);
    memory_->ring(2).poke(2, in.once_in(4) ? in.word16() : static_cast<std::uint16_t>(in.below(4)));
  }

 private:
  PackedPosition next_;
  PackedPosition used_;
};

}  // namespace bellpull::ring::fuzz
