// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <memory>
#include <utility>

#include "bellpull/engine/channel_declaration.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/stream_channel.hpp"

namespace bellpull::engine {

struct DirectoryEntry;

/// A channel that one client has for itself. Closes the channel and returns it to the directory
/// when it is destroyed. Used on the thread that owns the channel: for a driven engine the engine's
/// owner; otherwise whichever has it. Destroyed before the directory.
class [[nodiscard]] ChannelLease {
 public:
  /// No channel.
  ChannelLease() = default;
  /// Takes the channel over; `other` has none afterwards.
  ChannelLease(ChannelLease&& other) noexcept { *this = std::move(other); }
  /// Closes its own channel, then takes that of `other` over.
  ChannelLease& operator=(ChannelLease&& other) noexcept;
  /// close().
  ~ChannelLease() { close(); }

  /// Whether it has a channel.
  explicit operator bool() const noexcept { return entry_ != nullptr; }
  /// The channel, if it works on memory; otherwise null.
  [[nodiscard]] OperationChannel* operations() const noexcept { return operations_.get(); }
  /// The channel, if it is a stream; otherwise null.
  [[nodiscard]] StreamChannel* stream() const noexcept { return stream_.get(); }
  /// What was declared of it. Only with a channel.
  [[nodiscard]] const ChannelOffer& offer() const noexcept;

  /// Closes the channel, by the policy that it was opened with (OnClose), and returns it. Blocks as
  /// the destructor of the channel does. Completions that were not polled are lost. Does nothing
  /// without a channel.
  void close() noexcept;

 private:
  friend class ChannelDirectory;
  explicit ChannelLease(DirectoryEntry& entry) noexcept : entry_(&entry) {}

  DirectoryEntry* entry_ = nullptr;
  std::unique_ptr<OperationChannel> operations_;
  std::unique_ptr<StreamChannel> stream_;
};

}  // namespace bellpull::engine
