// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// Whether moving a position from `before` to `after` stepped over `event`, that is, whether entry
/// number `event` is among those just published. All three count modulo `modulus` and are below it:
/// 65536 for the split layout; twice the size of the queue for the packed one, whose wrap counter
/// is what tells the two laps apart.
/// Source: virtio 1.4 section 2.7.10 (available and used buffer notification suppression), and
/// 2.8.10 for the packed layout, where `event` may lie inside a chain.
[[nodiscard]] constexpr bool event_crossed(std::uint32_t event, std::uint32_t after,
                                           std::uint32_t before, std::uint32_t modulus) noexcept {
  const auto distance = [modulus](std::uint32_t to, std::uint32_t from) {
    return to >= from ? to - from : to + modulus - from;
  };
  return distance(event, before) < distance(after, before);
}

/// One side's published entries and the other side's wish to be told, kept as totals that never
/// wrap, so that a side which did not test for a long time still decides correctly.
class EventTest {
 public:
  /// Starts with `total` entries published. After a hand-over (`unknown`) nobody knows what the
  /// former owner tested, so the first test says yes: a spare notification is harmless.
  constexpr void start(std::uint64_t total, bool unknown) noexcept {
    tested_ = total;
    unknown_ = unknown;
  }

  /// Tells whether the peer asked to hear of any entry in (last test, `total`], given its event
  /// word as a position below `modulus`. `total` is the number of entries ever published, and
  /// `total` modulo `modulus` is its position. Owner thread only.
  [[nodiscard]] constexpr bool crossed(std::uint64_t total, std::uint32_t position,
                                       std::uint32_t event, std::uint32_t modulus) noexcept {
    const std::uint64_t moved = total - tested_;
    tested_ = total;
    // After a whole lap without a test the position cannot tell; a spare notification is harmless.
    if (moved >= modulus || unknown_) {
      unknown_ = false;
      return true;
    }
    const auto step = static_cast<std::uint32_t>(moved);
    const std::uint32_t before = position >= step ? position - step : position + modulus - step;
    return event_crossed(event, position, before, modulus);
  }

 private:
  std::uint64_t tested_ = 0;
  bool unknown_ = false;
};

/// Keeps an event word of the split layout from being stepped over by accident. An armed word fires
/// once; 65536 entries later the index passes it again. Whoever consumes moves it on before that
/// can happen.
///
/// Where a parked word lies has two limits. Behind it: the peer may have published entries that we
/// consumed already and not have tested them yet, at most one batch, which is at most the queue.
/// Ahead of it: the peer can be a whole queue (up to 32768) in front of `consumed`, which moves on
/// by up to 16384 before the word is parked anew. 16385 behind keeps both for every queue of up to
/// 16384 entries and the second for 32768 as well; there a batch of more than 16384 entries that is
/// consumed and parked over between the peer's store and its test can ring once too often.
class EventWord {
 public:
  /// The word to store so that the entry after `consumed` rings.
  constexpr std::uint16_t arm(std::uint64_t consumed) noexcept {
    set_at_ = consumed;
    return static_cast<std::uint16_t>(consumed);
  }

  /// The word to store so that nothing rings: an entry that was consumed and tested already.
  constexpr std::uint16_t park(std::uint64_t consumed) noexcept {
    set_at_ = consumed;
    return static_cast<std::uint16_t>(consumed - kParkedBehind);
  }

  /// Whether the word is so far behind that it has to be parked anew. Asked for each entry that is
  /// consumed, before its place can be published again: a batch can be 32768 entries long.
  [[nodiscard]] constexpr bool stale(std::uint64_t consumed) const noexcept {
    return consumed - set_at_ >= kStaleAfter;
  }

 private:
  static constexpr std::uint64_t kStaleAfter = 0x4000;
  static constexpr std::uint64_t kParkedBehind = 0x4001;

  std::uint64_t set_at_ = 0;
};

}  // namespace bellpull::ring
