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
  requires std::same_as<decltype(channel.post(requests)), PrepareError>;
  requires noexcept(channel.issue());
  requires std::same_as<decltype(channel.poll(completions)), unsigned>;
  requires std::same_as<decltype(channel.arm()), Armed>;
  requires noexcept(channel.disarm());
  requires std::same_as<decltype(view.in_flight()), std::uint32_t>;
  requires std::same_as<decltype(view.free_slots()), std::uint32_t>;
  requires std::same_as<decltype(view.size()), std::uint32_t>;
  requires std::same_as<decltype(view.capabilities()), const Capabilities&>;
  requires noexcept(channel.post(requests));
  requires noexcept(channel.poll(completions));
  requires noexcept(channel.arm());
};

/// A memory channel with what a device behind it needs besides: settings, a device that says how
/// far it may go, standing still, and being ended. What takes a MemoryChannel takes it too.
template <class C>
concept DeviceChannel = MemoryChannel<C> &&
    requires(C& channel, const C& view, const ChannelConfig& config, bool wanted, Cookie cookie) {
  requires std::same_as<decltype(channel.configure(config)), bool>;
  requires std::same_as<decltype(channel.external_control(wanted)), bool>;
  requires std::same_as<decltype(channel.pause()), bool>;
  requires std::same_as<decltype(channel.resume()), bool>;
  requires noexcept(channel.terminate());
  requires std::same_as<decltype(view.status(cookie)), TransferStatus>;
};

// One of several users must not reconfigure, halt or end what the others use.
static_assert(DeviceChannel<OperationChannel>);
static_assert(MemoryChannel<Submitter> && !DeviceChannel<Submitter>);

}  // namespace bellpull::engine
