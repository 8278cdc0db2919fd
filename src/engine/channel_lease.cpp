// SPDX-License-Identifier: BSD-2-Clause
#include "bellpull/engine/channel_lease.hpp"

#include <thread>

#include "bellpull/engine/engine.hpp"
#include "directory_entry.hpp"

namespace bellpull::engine {

namespace {

void drain(const Channel& channel, Engine& engine) noexcept {
  const std::uint64_t issued = channel.stats().submitted - channel.unissued();
  while (channel.stats().completed < issued) {
    if (engine.placement() == Placement::autonomous || !engine.run(64).runnable) {
      std::this_thread::yield();
      engine.retry_blocked();
    }
  }
}

}  // namespace

ChannelLease& ChannelLease::operator=(ChannelLease&& other) noexcept {
  if (this == &other) return *this;
  close(OnClose::fail);
  entry_ = std::exchange(other.entry_, nullptr);
  operations_ = std::move(other.operations_);
  stream_ = std::move(other.stream_);
  return *this;
}

const ChannelOffer& ChannelLease::offer() const noexcept {
  return entry_->offer;
}

void ChannelLease::close(OnClose policy) noexcept {
  if (entry_ == nullptr) return;
  if (policy == OnClose::drain) {
    Engine& engine = *entry_->offer.engine;
    if (operations_ != nullptr && !operations_->paused()) drain(*operations_, engine);
    if (stream_ != nullptr) drain(*stream_, engine);
  }
  const bool opened = operations_ != nullptr || stream_ != nullptr;
  operations_.reset();
  stream_.reset();
  DirectoryEntry& entry = *std::exchange(entry_, nullptr);
  if (opened) entry.closed.add(1);
  entry.give_back();
}

}  // namespace bellpull::engine
