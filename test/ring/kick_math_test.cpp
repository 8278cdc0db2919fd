// SPDX-License-Identifier: BSD-2-Clause
// Whether a notification is due, against a count that steps through every entry one by one.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "bellpull/ring/virtqueue.hpp"

namespace bellpull::ring::test {
namespace {

/// virtio 1.4 section 2.7.10: due when the entry numbered `event` is among those from `before` up
/// to, and not with, `after`.
bool due(std::uint32_t event, std::uint32_t after, std::uint32_t before, std::uint32_t modulus) {
  for (std::uint32_t entry = before; entry != after; entry = (entry + 1) % modulus) {
    if (entry == event) return true;
  }
  return false;
}

TEST_CASE("check 6: the decision equals a count for every (old, new, event) in reduced moduli") {
  for (const std::uint32_t modulus : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 14U, 16U, 31U, 32U, 64U}) {
    for (std::uint32_t before = 0; before < modulus; ++before) {
      for (std::uint32_t after = 0; after < modulus; ++after) {
        for (std::uint32_t event = 0; event < modulus; ++event) {
          REQUIRE(event_crossed(event, after, before, modulus) ==
                  due(event, after, before, modulus));
        }
      }
    }
  }
}

/// Publishes 65535 entries one by one from `before` and compares after each. Returns the first
/// disagreement as a count of entries, or 0.
std::uint32_t first_disagreement(std::uint16_t before, std::uint16_t event) {
  bool among_them = false;
  std::uint16_t after = before;
  for (std::uint32_t moved = 1; moved <= 0xffff; ++moved) {
    among_them = among_them || after == event;
    ++after;
    if (event_crossed(event, after, before, 0x10000) != among_them) return moved;
  }
  return 0;
}

// All (event, after, before) of 16 bits are 2^48: so every distance moved, at (before, event) from
// dense windows around the places where 16-bit arithmetic turns, and at a prime stride elsewhere.
TEST_CASE("check 6: the decision equals a count in the split layout's own 16 bits") {
  std::vector<std::uint16_t> window;
  for (const int centre : {0x0000, 0x7fff, 0xc000}) {
    for (int offset = -2; offset <= 2; ++offset) {
      window.push_back(static_cast<std::uint16_t>(centre + offset));
    }
  }
  for (std::uint32_t stride = 0; stride < 15; ++stride) {
    window.push_back(static_cast<std::uint16_t>(stride * 6151));
  }
  for (const std::uint16_t before : window) {
    for (const std::uint16_t event : window) {
      CAPTURE(before);
      CAPTURE(event);
      REQUIRE(first_disagreement(before, event) == 0);
    }
  }
}

// A packed queue in small: positions are counted descriptor by descriptor through both laps, and
// the peer's event word is built from the text of 2.8.14, not by our functions.
TEST_CASE("check 6: packed, chains of 1 to 5, sizes that are no power of two, any event") {
  for (const std::uint32_t size : {1U, 2U, 3U, 4U, 5U, 7U}) {
    const std::uint32_t lap2 = 2 * size;
    for (std::uint32_t old = 0; old < lap2; ++old) {
      for (std::uint32_t first = 1; first <= 5 && first <= size; ++first) {
        for (std::uint32_t second = 0; second <= 5 && first + second <= size; ++second) {
          for (std::uint32_t event = 0; event < lap2; ++event) {
            const std::uint32_t total = old + first + second;
            EventTest test;
            test.start(lap2 + old, false);
            // Offset in bits 0 to 14, wrap counter (1 in the first lap) in bit 15; flags 2.
            const std::uint32_t word =
                (event % size) | (event < size ? 0x8000U : 0U) | (std::uint32_t{2} << 16);
            const PackedPosition next(total % lap2, size);
            REQUIRE(packed_event_asks(word, test, lap2 + total, next, size, true) ==
                    due(event, total % lap2, old, lap2));
          }
        }
      }
    }
  }
}

TEST_CASE("check 6: a test counts the entries since the last test, wherever the totals are") {
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{0xffff}, std::uint64_t{0x10000},
                                    std::uint64_t{0x1ffff}, std::uint64_t{0xfffffffffff0}}) {
    EventTest test;
    const auto crossed = [&](std::uint64_t total, std::uint64_t event) {
      return test.crossed(total, static_cast<std::uint16_t>(total),
                          static_cast<std::uint16_t>(event), 0x10000);
    };
    test.start(start, false);
    CHECK_FALSE(crossed(start + 3, start + 3));
    CHECK(crossed(start + 4, start + 3));
    CHECK_FALSE(crossed(start + 9, start + 3));
    CHECK(crossed(start + 9 + 0xffff, start + 9 + 0xfffe));
  }
}

TEST_CASE("check 6: a side that did not test for a whole lap rings rather than guess") {
  for (const std::uint32_t modulus : {2U, 6U, 14U, 0x10000U}) {
    for (const std::uint64_t behind : {std::uint64_t{modulus}, std::uint64_t{modulus} + 1,
                                       std::uint64_t{3} * modulus - 1, std::uint64_t{1} << 40U}) {
      for (std::uint32_t event = 0; event < modulus; event += 1 + modulus / 8) {
        EventTest test;
        test.start(modulus, false);
        const auto position = static_cast<std::uint32_t>((modulus + behind) % modulus);
        CHECK(test.crossed(modulus + behind, position, event, modulus));
        CHECK_FALSE(test.crossed(modulus + behind, position, event, modulus));
      }
    }
  }
}

TEST_CASE("check 6: after a hand-over the first test rings, because nobody knows what was tested") {
  EventTest test;
  test.start(100, true);
  CHECK(test.crossed(101, 101, 5000, 0x10000));
  CHECK_FALSE(test.crossed(102, 102, 5000, 0x10000));
}

TEST_CASE("check 28: a parked word is never among the entries that a peer may be testing") {
  // The peer tests batches of at most the queue, up to the queue ahead of what was consumed; it may
  // have published them before the word was parked.
  for (std::uint64_t size = 1; size <= 16384; size *= 2) {
    EventWord word;
    const std::uint64_t parked_at = 1000000;
    const std::uint16_t event = word.park(parked_at);
    std::uint64_t consumed = parked_at;
    while (!word.stale(consumed + 1)) ++consumed;
    CAPTURE(size);
    CHECK(consumed - parked_at == 0x3fff);
    EventTest test;
    test.start(parked_at - size, false);
    bool rang = false;
    for (std::uint64_t total = parked_at - size; total <= consumed + size; ++total) {
      rang = rang || test.crossed(total, static_cast<std::uint16_t>(total), event, 0x10000);
    }
    CHECK_FALSE(rang);
  }
}

TEST_CASE("flags or an offset that make no sense count as a wish to hear") {
  for (const std::uint32_t size : {1U, 3U, 256U}) {
    const PackedPosition next(0, size);
    for (std::uint32_t offset = size; offset < 0x8000; offset += 1 + size) {
      EventTest test;
      REQUIRE(packed_event_asks(packed_event(static_cast<std::uint16_t>(offset), 2), test, 1, next,
                                size, true));
    }
    EventTest test;
    CHECK(packed_event_asks(packed_event(0, 3), test, 1, next, size, true));
    CHECK(packed_event_asks(packed_event(0, 0xfffe), test, 1, next, size, true));
    CHECK(packed_event_asks(packed_event(0, 2), test, 1, next, size, false));
    CHECK_FALSE(packed_event_asks(packed_event(0, 1), test, 1, next, size, true));
  }
}

}  // namespace
}  // namespace bellpull::ring::test
