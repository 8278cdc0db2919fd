// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "slow_device.hpp"

// Offsets are those of the structures in virtio 1.4 sections 2.8.13 and 2.8.14.
namespace bellpull::ring::fuzz {
namespace {

constexpr unsigned kDesc = 0;
constexpr unsigned kDriverEvent = 1;
constexpr unsigned kAvailBit = 0x80;
constexpr unsigned kUsedBit = 0x8000;

}  // namespace

void SlowPackedDevice::start(const DeviceState* state, std::span<const InFlight> in_flight) {
  first_question_ = state != nullptr;
  if (state == nullptr) return;
  const auto place = [](std::uint16_t bits) {
    return Place{bits & 0x7fffU, (bits & 0x8000U) != 0};
  };
  avail_ = place(state->avail);
  used_ = place(state->used);
  for (const InFlight& chain : in_flight) owed_ += chain.descriptors;
}

void SlowPackedDevice::step(Place& place) const {
  if (++place.offset == size_) place = {0, !place.wrap};
}

std::uint16_t SlowPackedDevice::word(const Place& place) {
  return static_cast<std::uint16_t>(place.offset + (place.wrap ? 0x8000U : 0));
}

SlowDescriptor SlowPackedDevice::descriptor(const Place& place) const {
  return table_entry(memory_->ring(kDesc).shadow.data() + 16 * std::size_t{place.offset});
}

// AVAIL equals the wrap counter, USED its inverse (virtio 1.4 section 2.8.1).
bool SlowPackedDevice::available(const SlowDescriptor& descriptor, bool wrap) {
  return ((descriptor.flags & kAvailBit) != 0) == wrap &&
         ((descriptor.flags & kUsedBit) != 0) == !wrap;
}

bool SlowPackedDevice::look() {
  if (!seen_) {
    const SlowDescriptor first = descriptor(avail_);
    if (available(first, avail_.wrap)) seen_ = first;
  }
  return seen_.has_value();
}

void SlowPackedDevice::read_chain(Walk& walk, const Budget& budget) {
  Place place = avail_;
  SlowDescriptor current = *seen_;
  current.address = descriptor(place).address;  // only the other word was read when it was seen
  for (;;) {
    add(walk, current, budget);
    if (walk.over_budget) return;
    walk.chain.head = current.id;
    step(place);
    if ((current.flags & VRING_DESC_F_NEXT) == 0) break;
    if (walk.ring_entries == size_) {
      fault_ = QueueFault::ring_overrun;
      return;
    }
    current = descriptor(place);
    if (!available(current, place.wrap)) {
      fault_ = QueueFault::descriptor_not_ready;
      return;
    }
  }
  walk.over_budget = has_to_wait(walk, budget);
  if (walk.over_budget) return;
  if (walk.chain.head >= size_) {
    fault_ = QueueFault::id_out_of_range;
  } else if (owed_ + walk.ring_entries > size_) {
    fault_ = QueueFault::ring_overrun;
  }
}

void SlowPackedDevice::move_on(const Walk& walk) {
  for (std::uint32_t i = 0; i < walk.ring_entries; ++i) step(avail_);
  owed_ += walk.ring_entries;
  seen_.reset();
}

void SlowPackedDevice::write_used(const std::vector<Taken>& batch) {
  SlowDescriptor entry;
  entry.id = batch.back().chain.head;
  entry.length = batch.back().chain.written;
  entry.flags = static_cast<std::uint16_t>((used_.wrap ? kAvailBit | kUsedBit : 0) |
                                           (entry.length != 0 ? VRING_DESC_F_WRITE : 0));
  const auto put = [this](const Place& place, const SlowDescriptor& what) {
    const std::size_t at = 16 * std::size_t{place.offset};
    write(kDesc, at + 8, what.length);
    write(kDesc, at + 12, what.id);
    write(kDesc, at + 14, what.flags);
  };
  if (held_back_) {
    put(used_, entry);
  } else {
    held_back_ = true;
    held_place_ = used_;
    held_entry_ = entry;
  }
  for (const Taken& taken : batch) {
    for (std::uint32_t i = 0; i < taken.chain.descriptors; ++i) {
      unshown_.push_back(word(used_));
      step(used_);
      --owed_;
    }
  }
}

bool SlowPackedDevice::show_used() {
  if (!held_back_) return false;
  const std::size_t at = 16 * std::size_t{held_place_.offset};
  write(kDesc, at + 8, held_entry_.length);
  write(kDesc, at + 12, held_entry_.id);
  write(kDesc, at + 14, held_entry_.flags);
  held_back_ = false;
  untested_.insert(untested_.end(), unshown_.begin(), unshown_.end());
  unshown_.clear();
  return true;
}

std::optional<bool> SlowPackedDevice::asked(const std::deque<std::uint32_t>& positions) {
  const auto place = read<std::uint16_t>(kDriverEvent, 0);
  const auto flags = read<std::uint16_t>(kDriverEvent, 2);
  if (flags == VRING_PACKED_EVENT_FLAG_DISABLE) return false;
  const bool by_position = features_.event_idx && flags == VRING_PACKED_EVENT_FLAG_DESC;
  // What means nothing counts as a wish to be told.
  if (!by_position || (place & 0x7fffU) >= size_) return true;
  return std::find(positions.begin(), positions.end(), place) != positions.end();
}

SlowDescriptor SlowPackedDevice::table_entry(const std::byte* entry) const {
  SlowDescriptor descriptor;
  std::memcpy(&descriptor.address, entry, 8);
  std::memcpy(&descriptor.length, entry + 8, 4);
  std::memcpy(&descriptor.id, entry + 12, 2);
  std::memcpy(&descriptor.flags, entry + 14, 2);
  return descriptor;
}

// NEXT means nothing in a table (virtio 1.4 section 2.8.7).
std::uint32_t SlowPackedDevice::table_next(const SlowDescriptor&, std::uint32_t at, std::uint32_t,
                                           ChainFault&) const {
  return at + 1;
}

}  // namespace bellpull::ring::fuzz
