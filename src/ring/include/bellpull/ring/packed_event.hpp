// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

#include "bellpull/ring/event_index.hpp"
#include "bellpull/ring/packed_layout.hpp"

namespace bellpull::ring {

/// The event suppression structure of a half that wants to hear of the descriptor at `next`, or,
/// without event index, of any (virtio 1.4 section 2.8.14).
[[nodiscard]] constexpr std::uint32_t packed_event_word(const PackedPosition& next,
                                                        bool event_idx) noexcept {
  if (!event_idx) return packed_event(0, VRING_PACKED_EVENT_FLAG_ENABLE);
  return packed_event(next.to_wrap(), VRING_PACKED_EVENT_FLAG_DESC);
}

/// Whether the peer's event suppression structure asks to hear of what was published: `total`
/// descriptors ever, ending before `next`. Flags or an offset that make no sense count as a wish
/// to hear: a spare notification is harmless, a missing one is not.
[[nodiscard]] constexpr bool packed_event_asks(std::uint32_t event, EventTest& test,
                                               std::uint64_t total, const PackedPosition& next,
                                               std::uint32_t size, bool event_idx) noexcept {
  const std::uint32_t flags = event >> 16;
  const auto position = PackedPosition::from_wrap(static_cast<std::uint16_t>(event), size);
  if (event_idx && flags == VRING_PACKED_EVENT_FLAG_DESC && position.valid()) {
    return test.crossed(total, next.at(), position.at(), 2 * size);
  }
  // Nothing was asked of a position; what was published until here counts as tested.
  test.start(total, false);
  return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
}

}  // namespace bellpull::ring
