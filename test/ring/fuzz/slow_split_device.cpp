// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "slow_device.hpp"

// Offsets are those of the structures in virtio 1.4 sections 2.7.5, 2.7.6 and 2.7.8.
namespace bellpull::ring::fuzz {
namespace {

constexpr unsigned kDesc = 0;
constexpr unsigned kAvail = 1;
constexpr unsigned kUsed = 2;

}  // namespace

void SlowSplitDevice::start(const DeviceState* state) {
  first_question_ = state != nullptr;
  if (state == nullptr) return;
  taken_index_ = state->avail;
  used_index_ = shown_index_ = state->used;
  owed_ = static_cast<std::uint16_t>(taken_index_ - used_index_);
}

QueueFault SlowSplitDevice::read_index() {
  const auto index = read<std::uint16_t>(kAvail, 2);
  const std::uint32_t ready = static_cast<std::uint16_t>(index - taken_index_);
  // The driver cannot have more out than the table has heads, and it never takes back.
  if (ready + owed_ > size_ || ready < ready_) return QueueFault::avail_index_jump;
  ready_ = ready;
  return QueueFault::none;
}

QueueFault SlowSplitDevice::look_before_batch(std::uint32_t limit) {
  return ready_ < limit ? read_index() : QueueFault::none;
}

std::uint32_t SlowSplitDevice::refresh() {
  fault_ = read_index();
  return fault_ == QueueFault::none ? ready_ : 0;
}

bool SlowSplitDevice::rearm() {
  fault_ = read_index();
  return fault_ != QueueFault::none || ready_ != 0;
}

void SlowSplitDevice::read_chain(Walk& walk, const Budget& budget) {
  std::uint32_t at = read<std::uint16_t>(kAvail, 4 + 2 * std::size_t{taken_index_ % size_});
  walk.chain.head = static_cast<std::uint16_t>(at);
  if (at >= size_) {
    fault_ = QueueFault::head_out_of_range;
    return;
  }
  for (;;) {
    const SlowDescriptor descriptor =
        table_entry(memory_->ring(kDesc).shadow.data() + 16 * std::size_t{at});
    add(walk, descriptor, budget);
    if (walk.over_budget) return;
    const bool goes_on = (descriptor.flags & VRING_DESC_F_NEXT) != 0;
    if (walk.fault != ChainFault::none || !goes_on) break;
    at = descriptor.next;
    if (at >= size_) {
      walk.fault = ChainFault::next_out_of_range;
    } else if (walk.ring_entries == size_) {
      walk.fault = ChainFault::too_long;
    }
    if (walk.fault != ChainFault::none) break;
  }
  walk.over_budget = has_to_wait(walk, budget);
}

void SlowSplitDevice::move_on(const Walk&) {
  ++taken_index_;
  --ready_;
  ++owed_;
}

void SlowSplitDevice::write_used(const std::vector<Taken>& batch) {
  const std::size_t at = 4 + 8 * std::size_t{used_index_ % size_};
  write<std::uint32_t>(kUsed, at, batch.back().chain.head);
  write<std::uint32_t>(kUsed, at + 4, batch.back().chain.written);
  used_index_ = static_cast<std::uint16_t>(used_index_ + batch.size());
  owed_ -= static_cast<std::uint32_t>(batch.size());
}

bool SlowSplitDevice::show_used() {
  if (shown_index_ == used_index_) return false;
  for (; shown_index_ != used_index_; ++shown_index_) untested_.push_back(shown_index_);
  write<std::uint16_t>(kUsed, 2, shown_index_);
  return true;
}

std::optional<bool> SlowSplitDevice::asked(const std::deque<std::uint32_t>& positions) {
  if (!features_.event_idx) {
    return (read<std::uint16_t>(kAvail, 0) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
  }
  const auto event = read<std::uint16_t>(kAvail, 4 + 2 * std::size_t{size_});
  return std::find(positions.begin(), positions.end(), event) != positions.end();
}

SlowDescriptor SlowSplitDevice::table_entry(const std::byte* entry) const {
  SlowDescriptor descriptor;
  std::memcpy(&descriptor.address, entry, 8);
  std::memcpy(&descriptor.length, entry + 8, 4);
  std::memcpy(&descriptor.flags, entry + 12, 2);
  std::memcpy(&descriptor.next, entry + 14, 2);
  return descriptor;
}

std::uint32_t SlowSplitDevice::table_next(const SlowDescriptor& entry, std::uint32_t,
                                          std::uint32_t entries, ChainFault& fault) const {
  if ((entry.flags & VRING_DESC_F_NEXT) == 0) return entries;
  if (entry.next >= entries) fault = ChainFault::next_out_of_range;
  return entry.next;
}

}  // namespace bellpull::ring::fuzz
