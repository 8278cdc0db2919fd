// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel_lease.hpp"

#include "directory_entry.hpp"

namespace bellpull::engine {

ChannelLease& ChannelLease::operator=(ChannelLease&& other) noexcept {
  if (this == &other) return *this;
  close();
  entry_ = std::exchange(other.entry_, nullptr);
  operations_ = std::move(other.operations_);
  stream_ = std::move(other.stream_);
  return *this;
}

const ChannelOffer& ChannelLease::offer() const noexcept {
  return entry_->offer;
}

void ChannelLease::close() noexcept {
  if (entry_ == nullptr) return;
  const bool opened = operations_ != nullptr || stream_ != nullptr;
  operations_.reset();
  stream_.reset();
  DirectoryEntry& entry = *std::exchange(entry_, nullptr);
  if (opened) entry.closed.add(1);
  entry.give_back();
}

}  // namespace bellpull::engine
