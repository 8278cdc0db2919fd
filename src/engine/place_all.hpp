// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "bellpull/engine/channel.hpp"
#include "ticket.hpp"

namespace bellpull::engine {

inline Ticket& Channel::ticket(std::uint16_t head) const noexcept {
  return tickets_[head];
}

/// The transfer at `head` gets the next cookie.
inline void Channel::count_in(std::uint16_t head) noexcept {
  tickets_[head].cookie = next_cookie_;
  next_cookie_ = engine::next_cookie(next_cookie_);
  if (heads_.empty()) return;
  heads_[next_head_] = head;
  if (++next_head_ == heads_.size()) next_head_ = 0;
}

template <class Each, class Repeat>
void Channel::count_anew(std::span<const Each> requests, Repeat&& repeat) noexcept {
  for (const Each& request : requests) count_in(repeat(request));
  submitted_.add(requests.size());
  shown_.add(requests.size());
}

template <class Each, class Reserve>
PrepareResult Channel::reserve_all(std::span<const Each> requests, Reserve&& reserve) noexcept {
  const std::uint16_t first = with_driver([&](auto& driver) noexcept {
    const std::uint16_t head = reserve(driver, requests.front());
    std::uint16_t last = head;
    for (const Each& request : requests.subspan(1)) {
      const std::uint16_t next = reserve(driver, request);
      tickets_[last].next = next;
      last = next;
    }
    return head;
  });
  return {Prepared(this, first, static_cast<std::uint32_t>(requests.size())), {}};
}

template <class Each, class Place>
void Channel::post_all(std::span<const Each> requests, Place&& place) noexcept {
  with_driver([&](auto& driver) noexcept {
    for (const Each& request : requests) count_in(place(driver, request));
  });
  in_flight_ += static_cast<std::uint32_t>(requests.size());
  submitted_.add(requests.size());
}

}  // namespace bellpull::engine
