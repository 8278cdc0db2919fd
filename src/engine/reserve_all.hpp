// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/engine/channel.hpp"
#include "channel_device.hpp"

namespace bellpull::engine {

template <class Each, class Reserve>
PrepareResult Channel::reserve_all(std::span<const Each> requests, Reserve&& reserve) noexcept {
  const std::span<ChannelDevice::Ticket> tickets = device_.tickets();
  const std::uint16_t first = with_driver([&](auto& driver) noexcept {
    const std::uint16_t head = reserve(driver, requests.front());
    std::uint16_t last = head;
    for (const Each& request : requests.subspan(1)) {
      const std::uint16_t next = reserve(driver, request);
      tickets[last].next = next;
      last = next;
    }
    return head;
  });
  return {Prepared(this, first, static_cast<std::uint32_t>(requests.size())), {}};
}

}  // namespace bellpull::engine
