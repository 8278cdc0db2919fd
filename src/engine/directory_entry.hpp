// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "bellpull/engine/channel_declaration.hpp"
#include "bellpull/engine/counter.hpp"
#include "bellpull/engine/shared_channel.hpp"

namespace bellpull::engine {

/// A channel that a directory knows, and who has it. Everything but what a lease does at its end is
/// the owner's.
struct DirectoryEntry {
  DirectoryEntry(ChannelOffer declared, std::function<std::unique_ptr<Backend>()> maker)
      : offer(std::move(declared)), make(std::move(maker)) {}

  /// Whether somebody has it for himself.
  [[nodiscard]] bool leased() const noexcept {
    return held.load(std::memory_order_acquire);  // pairs with the release in give_back()
  }
  /// How many share it, those included whose last transfers have not ended.
  [[nodiscard]] std::uint32_t users() const noexcept {
    return shared == nullptr ? 0 : shared->submitters();
  }
  [[nodiscard]] bool free() const noexcept { return !leased() && users() == 0; }
  [[nodiscard]] bool may_be_shared() const noexcept {
    return !offer.exclusive && !offer.is_stream();
  }

  /// The lease's last act, after the channel was closed.
  void give_back() noexcept {
    held.store(false, std::memory_order_release);  // pairs with the acquire in leased()
  }
  void stop_sharing() noexcept {
    shared.reset();
    channel.reset();
    closed.add(1);
  }

  const ChannelOffer offer;
  const std::function<std::unique_ptr<Backend>()> make;
  std::atomic<bool> held{false};
  std::unique_ptr<OperationChannel> channel;  ///< while it is shared
  std::unique_ptr<SharedChannel> shared;      ///< over it
  Counter opened;
  Counter closed;
};

}  // namespace bellpull::engine
