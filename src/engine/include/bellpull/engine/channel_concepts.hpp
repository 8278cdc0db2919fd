// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "bellpull/engine/channel.hpp"
#include "bellpull/engine/operation_channel.hpp"
#include "bellpull/engine/submitter.hpp"

namespace bellpull::engine {

/// What works on memory and gives its completions to be pulled, and all that a client needs that
/// only moves memory: an OperationChannel, or a Submitter of a shared one.
template <class C>
concept MemoryChannel = requires(C& channel, const C& view,
                                 std::span<const OperationRequest> requests,
                                 std::span<OperationCompletion> completions) {
  { channel.post(requests) }
  noexcept->std::same_as<PrepareError>;
  { channel.issue() }
  noexcept->std::same_as<void>;
  { channel.poll(completions) }
  noexcept->std::same_as<unsigned>;
  { channel.arm() }
  noexcept->std::same_as<Armed>;
  { channel.disarm() }
  noexcept->std::same_as<void>;
  { view.in_flight() }
  noexcept->std::same_as<std::uint32_t>;
  { view.free_slots() }
  noexcept->std::same_as<std::uint32_t>;
  { view.size() }
  noexcept->std::same_as<std::uint32_t>;
  { view.capabilities() }
  noexcept->std::same_as<const Capabilities&>;
};

/// A memory channel with what a device behind it needs besides: settings, a device that says how
/// far it may go, standing still, and being ended. What takes a MemoryChannel takes it too.
template <class C>
concept DeviceChannel = MemoryChannel<C> &&
    requires(C& channel, const C& view, const ChannelConfig& config, bool wanted, Cookie cookie) {
  { channel.configure(config) }
  noexcept->std::same_as<bool>;
  { channel.external_control(wanted) }
  noexcept->std::same_as<bool>;
  { channel.pause() }
  noexcept->std::same_as<bool>;
  { channel.resume() }
  noexcept->std::same_as<bool>;
  { channel.terminate() }
  noexcept->std::same_as<void>;
  { view.status(cookie) }
  noexcept->std::same_as<TransferStatus>;
};

// One of several users must not reconfigure, halt or end what the others use.
static_assert(DeviceChannel<OperationChannel>);
static_assert(MemoryChannel<Submitter> && !DeviceChannel<Submitter>);

}  // namespace bellpull::engine
