// SPDX-License-Identifier: BSD-2-Clause
#include "slow_device.hpp"

#include <linux/virtio_ring.h>

#include <algorithm>

namespace bellpull::ring::fuzz {

void SlowDevice::hold_all(std::span<const InFlight> in_flight) {
  for (const InFlight& chain : in_flight) {
    taken_.push_back({chain, chain.writable});
    if (!features_.in_order) taken_.back().chain.completed = false;
  }
}

bool SlowDevice::begin(std::uint32_t limit) {
  if (fault_ == QueueFault::none) fault_ = look_before_batch(limit);
  return fault_ == QueueFault::none;
}

Pull SlowDevice::next(Budget& budget, std::size_t room, bool all_room, SlowChain& chain) {
  for (;;) {
    if (!look()) return Pull::empty;
    const bool spent = budget.used && (budget.descriptors == 0 || budget.bytes == 0);
    if (budget.chains == 0 || spent) return Pull::more;
    Walk walk;
    walk.room = room;
    walk.all_room = all_room;
    read_chain(walk, budget);
    if (walk.over_budget) return Pull::more;
    if (fault_ != QueueFault::none) return Pull::broken;
    for (const Taken& taken : taken_) {
      if (taken.chain.head == walk.chain.head) fault_ = QueueFault::head_in_flight;
    }
    if (fault_ != QueueFault::none) return Pull::broken;
    move_on(walk);
    const bool faulty = walk.fault != ChainFault::none;
    const std::uint64_t bytes = faulty ? 0 : walk.chain.readable_bytes + walk.chain.writable_bytes;
    budget.used = true;
    budget.chains -= 1;
    budget.descriptors -= std::min(budget.descriptors, std::max(walk.counted, walk.ring_entries));
    budget.bytes -= std::min(budget.bytes, bytes);
    InFlight in_flight;
    in_flight.head = walk.chain.head;
    in_flight.descriptors = static_cast<std::uint16_t>(walk.ring_entries);
    // What a faulty chain has room for is not known, so no later entry can stand for it.
    const std::uint64_t writable = faulty ? ~0ULL : walk.chain.writable_bytes;
    taken_.push_back({in_flight, std::min<std::uint64_t>(writable, 0xffffffff)});
    if (!faulty) {
      chain = walk.chain;
      chain.descriptors = walk.ring_entries;
      return Pull::chain;
    }
    ++faults_[static_cast<std::size_t>(walk.fault)];
    complete(walk.chain.head, 0);
  }
}

void SlowDevice::complete(std::uint16_t head, std::uint32_t written) {
  const auto at = std::find_if(taken_.begin(), taken_.end(), [head](const Taken& taken) {
    return taken.chain.head == head && !taken.chain.completed;
  });
  if (at == taken_.end()) return;
  at->chain.written = written;
  at->chain.completed = true;
  if (features_.in_order) {
    end_turns();
    return;
  }
  write_used({*at});
  taken_.erase(at);
}

void SlowDevice::end_turns() {
  while (!taken_.empty() && taken_.front().chain.completed) {
    const bool skippable = !batch_.empty() && batch_.back().chain.written == batch_.back().writable;
    if (!batch_.empty() && !skippable) {
      write_used(batch_);
      batch_.clear();
    }
    batch_.push_back(taken_.front());
    taken_.pop_front();
  }
}

bool SlowDevice::publish() {
  if (fault_ != QueueFault::none) return false;
  if (!batch_.empty()) write_used(batch_);
  batch_.clear();
  return show_used();
}

std::optional<bool> SlowDevice::must_notify() {
  std::optional<bool> answer = asked(untested_);
  if (first_question_ && answer == false) answer = std::nullopt;
  untested_.clear();
  first_question_ = false;
  return answer;
}

bool SlowDevice::has_to_wait(const Walk& walk, const Budget& budget) {
  if (walk.fault == ChainFault::too_many_pieces) return !walk.all_room;
  if (walk.fault != ChainFault::none || !budget.used) return false;
  return walk.chain.readable_bytes + walk.chain.writable_bytes > budget.bytes;
}

void SlowDevice::add(Walk& walk, const SlowDescriptor& descriptor, const Budget& budget) const {
  ++walk.ring_entries;
  if (walk.fault == ChainFault::none) {
    if ((descriptor.flags & VRING_DESC_F_INDIRECT) == 0) {
      ++walk.counted;
      walk.fault = add_buffer(walk, descriptor);
    } else if (!features_.indirect) {
      ++walk.counted;
      walk.fault = ChainFault::indirect_not_negotiated;
    } else if ((descriptor.flags & VRING_DESC_F_NEXT) != 0) {
      ++walk.counted;
      walk.fault = ChainFault::indirect_with_next;
    } else {
      walk.fault = add_table(walk, descriptor, budget);
    }
  }
  if (budget.used && walk.counted > budget.descriptors) walk.over_budget = true;
}

ChainFault SlowDevice::add_buffer(Walk& walk, const SlowDescriptor& descriptor) const {
  ++walk.buffers;
  SlowChain& chain = walk.chain;
  const bool writable = (descriptor.flags & VRING_DESC_F_WRITE) != 0;
  // A zero-length writable descriptor is a writable one all the same.
  if (walk.writable_seen && !writable) return ChainFault::readable_after_writable;
  if (chain.readable_bytes + chain.writable_bytes + descriptor.length > max_bytes_) {
    return ChainFault::too_many_bytes;
  }
  walk.writable_seen = writable;
  (writable ? chain.writable_bytes : chain.readable_bytes) += descriptor.length;
  const std::size_t room = walk.room - chain.readable.size() - chain.writable.size();
  return map(descriptor.address, descriptor.length, room,
             writable ? chain.writable : chain.readable);
}

ChainFault SlowDevice::add_table(Walk& walk, const SlowDescriptor& descriptor,
                                 const Budget& budget) const {
  const std::uint32_t entries = descriptor.length / 16;
  if (entries == 0 || descriptor.length % 16 != 0 || entries > size_) {
    ++walk.counted;
    return ChainFault::indirect_length;
  }
  walk.counted += entries;
  if (budget.used && walk.counted > budget.descriptors) return ChainFault::none;
  std::vector<SlowPiece> pieces;
  const std::size_t any = descriptor.length;
  if (map(descriptor.address, descriptor.length, any, pieces) != ChainFault::none) {
    return ChainFault::indirect_unmapped;
  }
  std::vector<std::byte> table;
  for (const SlowPiece& piece : pieces) {
    const std::byte* const from = piece.block->shadow.data() + piece.offset;
    table.insert(table.end(), from, from + piece.length);
  }
  std::uint32_t at = 0;
  for (std::uint32_t read = 0; at != entries; ++read) {
    if (read == entries) return ChainFault::too_long;
    const SlowDescriptor entry = table_entry(table.data() + std::size_t{16} * at);
    if ((entry.flags & VRING_DESC_F_INDIRECT) != 0) return ChainFault::indirect_nested;
    ChainFault fault = add_buffer(walk, entry);
    if (fault == ChainFault::none && walk.buffers > size_) fault = ChainFault::too_long;
    if (fault == ChainFault::none) at = table_next(entry, at, entries, fault);
    if (fault != ChainFault::none) return fault;
  }
  return ChainFault::none;
}

ChainFault SlowDevice::map(std::uint64_t address, std::uint64_t length, std::size_t room,
                           std::vector<SlowPiece>& pieces) const {
  const Placed* last = nullptr;
  for (std::uint64_t i = 0; i < length; ++i) {
    const std::uint64_t byte = address + i;
    if (i != 0 && byte == 0) return ChainFault::address_unmapped;  // past the end of 2^64
    const Placed* const here = table_->at(byte);
    if (here == nullptr) return ChainFault::address_unmapped;
    if (here != last) {
      if (room-- == 0) return ChainFault::too_many_pieces;
      pieces.push_back({here->block.get(), byte - here->address, 0});
      last = here;
    }
    ++pieces.back().length;
  }
  return ChainFault::none;
}

}  // namespace bellpull::ring::fuzz
