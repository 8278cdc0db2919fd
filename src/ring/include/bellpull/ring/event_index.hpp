// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace bellpull::ring {

/// Whether moving an index from `before` to `after` stepped over `event`, that is, whether entry
/// number `event` is among those just published. All three count modulo 65536.
/// Source: virtio 1.4 section 2.7.10 (available and used buffer notification suppression).
[[nodiscard]] constexpr bool event_crossed(std::uint16_t event, std::uint16_t after,
                                           std::uint16_t before) noexcept {
  const auto behind = static_cast<std::uint16_t>(after - event - 1);
  const auto moved = static_cast<std::uint16_t>(after - before);
  return behind < moved;
}

/// One side's published index and the other side's wish to be told, kept as totals that never
/// wrap, so that a side which did not test for a long time still decides correctly.
class EventTest {
 public:
  /// Tells whether the peer asked to hear of any entry in (last test, `total`], given its event
  /// word. `total` is the number of entries ever published. Owner thread only.
  [[nodiscard]] constexpr bool crossed(std::uint64_t total, std::uint16_t event) noexcept {
    const std::uint64_t before = tested_;
    tested_ = total;
    // After a whole lap without a test 16 bits cannot tell; a spare notification is harmless.
    if (total - before > 0xffff) return true;
    return event_crossed(event, static_cast<std::uint16_t>(total),
                         static_cast<std::uint16_t>(before));
  }

 private:
  std::uint64_t tested_ = 0;
};

/// Keeps an event word from being stepped over by accident. An armed word fires once; 65536
/// entries later the index passes it again. Whoever consumes moves it on before that can happen.
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
