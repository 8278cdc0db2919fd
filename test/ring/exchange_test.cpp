// SPDX-License-Identifier: BSD-2-Clause
// Chains go through a queue and come back: over every layout, trust and map, every size and every
// set of features. Here it is about what arrives; who is notified is the subject of kick_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "queue_pair.hpp"
#include "sanitizers.hpp"

namespace bellpull::ring::test {
namespace {

/// Sends one chain of exactly the queue's size, the first `readable` segments to be read, and
/// checks each piece of it. Returns how many things were wrong.
template <class K>
unsigned send_full_chain(Pair<K>& pair, std::uint64_t token, std::uint32_t readable) {
  const std::uint32_t size = pair.driver.size();
  std::vector<Segment> segments(size);
  std::uint32_t room = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    segments[i] = pair.segment((token + i) % 4000, 1 + i % 7);
    if (i >= readable) room += segments[i].length;
  }
  const auto all = std::span<const Segment>(segments);
  const std::uint16_t head = pair.driver.reserve(all.first(readable), all.subspan(readable), token);
  if (head == kNoHead || pair.driver.free_descriptors() != 0) return 1;
  if (!pair.driver.offer(head)) return 1;
  pair.driver.publish();
  const auto chain = pair.take();
  if (!chain || chain->readable != readable || chain->writable != size - readable) return 1;
  unsigned wrong = chain->writable_bytes != room ? 1 : 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    const Piece& piece = pair.pieces[i];
    wrong += piece.data != pair.arena.data() + (token + i) % 4000 || piece.length != 1 + i % 7;
  }
  pair.complete(*chain, room);
  pair.device.publish();
  unsigned back = 0;
  pair.driver.poll(kAll, [&](const Used& used) {
    ++back;
    wrong += used.token != token || used.head != head || used.length != room;
  });
  return wrong + (back != 1) + (pair.driver.free_descriptors() != size);
}

TEST_CASE_TEMPLATE("check 4: a chain of exactly the queue's size works from every offset", K,
                   BELLPULL_KINDS) {
  for (const std::uint32_t size : sizes<typename K::Layout>(BELLPULL_TEST_SANITIZED ? 256 : 1000)) {
    for (const bool in_order : {false, true}) {
      CAPTURE(size);
      CAPTURE(in_order);
      Pair<K> pair(size, {.in_order = in_order});
      REQUIRE(pair.attach() == SetupError::none);
      unsigned wrong = 0;
      // A whole lap and one more descriptor: the next offset; twice around, so in both wrap states.
      for (std::uint32_t i = 0; i < 2 * size + 3 && wrong == 0; ++i) {
        wrong += send_full_chain(pair, i, i % (size + 1));
        pair.step();
      }
      CHECK(wrong == 0);
      CHECK(pair.driver.fault() == QueueFault::none);
      CHECK(pair.device.fault() == QueueFault::none);
    }
  }
}

TEST_CASE_TEMPLATE("check 4: the largest queue takes a chain of its size around both of its ends",
                   K, BELLPULL_KINDS) {
  constexpr std::uint32_t kSize = 32768;
  for (const bool in_order : {false, true}) {
    CAPTURE(in_order);
    Pair<K> pair(kSize, {.in_order = in_order});
    REQUIRE(pair.attach() == SetupError::none);
    unsigned wrong = 0;
    std::uint32_t at = 0;
    for (const std::uint32_t offset : {0U, 1U, 2U, 16383U, 16384U, 32766U, 32767U}) {
      pair.step(offset - at);
      at = offset;
      wrong += send_full_chain(pair, offset, offset);
    }
    CHECK(wrong == 0);
  }
}

/// Keeps up to `depth` chains in flight for `operations` of them, and returns how many came back
/// with the wrong token or length.
template <class K>
std::uint64_t run(Pair<K>& pair, std::uint64_t operations, std::uint32_t depth) {
  std::uint64_t posted = 0, taken = 0, back = 0, wrong = 0;
  while (back < operations && wrong == 0) {
    for (std::uint32_t i = 0; i < depth && posted < operations; ++i) {
      if (pair.post_writable(posted) == kNoHead) break;
      ++posted;
    }
    pair.driver.publish();
    while (const auto chain = pair.take()) {
      pair.complete(*chain, static_cast<std::uint32_t>(taken++ % 2));
    }
    pair.device.publish();
    const std::uint64_t before = back;
    pair.driver.poll(kAll, [&](const Used& used) {
      wrong += used.token != back || used.length != back % 2;
      ++back;
    });
    wrong += back == before;  // it would go on for ever
  }
  return wrong + (taken != operations) + (pair.driver.in_flight() != 0) +
         (pair.device.in_flight() != 0);
}

TEST_CASE_TEMPLATE("check 4: 2^17 operations cross the 16-bit index and more than four laps", K,
                   BELLPULL_KINDS) {
  for (const std::uint32_t size : sizes<typename K::Layout>()) {
    for (const bool in_order : {false, true}) {
      // One thread's arithmetic: under a sanitizer one size will do.
      if (BELLPULL_TEST_SANITIZED && (size != 256 || in_order)) continue;
      CAPTURE(size);
      CAPTURE(in_order);
      Pair<K> pair(size, {.in_order = in_order});
      REQUIRE(pair.attach() == SetupError::none);
      const std::uint64_t operations = (std::uint64_t{1} << 17) + 5 * size;
      CHECK(run(pair, operations, std::max(1U, size / 2 + 1)) == 0);
      CHECK(pair.driver.fault() == QueueFault::none);
      CHECK(pair.device.fault() == QueueFault::none);
    }
  }
}

TEST_CASE_TEMPLATE("check 26: a queue asked for N holds N chains, and refuses one more", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(32768, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    for (unsigned lap = 0; lap < 3; ++lap) {
      CHECK(pair.driver.free_descriptors() == size);
      unsigned refused = 0;
      for (std::uint32_t i = 0; i < size; ++i) refused += pair.post_one(i) == kNoHead;
      CHECK(refused == 0);
      CHECK(pair.post_one(size) == kNoHead);
      CHECK(pair.driver.in_flight() == size);
      pair.driver.publish();
      CHECK(pair.drain() == size);
      std::uint64_t next = 0, wrong = 0;
      pair.driver.poll(kAll, [&](const Used& used) { wrong += used.token != next++; });
      CHECK(wrong == 0);
      CHECK(next == size);
    }
  });
}

TEST_CASE_TEMPLATE("check 25: after a poll that finds nothing all descriptors are free", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    for (std::uint32_t burst = 1; burst <= size; ++burst) {
      for (std::uint32_t i = 0; i < burst; ++i) pair.post_one(i);
      pair.driver.publish();
      pair.drain();
      unsigned wrong = 0;
      while (pair.driver.poll(1 + burst / 3, [](const Used&) {}) != 0) {
      }
      wrong += pair.driver.free_descriptors() != size;
      REQUIRE(wrong == 0);
    }
  });
}

TEST_CASE_TEMPLATE("what the device writes into a chain is what the driver finds in its buffers", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    const std::uint32_t segments = std::min(size, 6U);
    std::vector<Segment> readable, writable;
    for (std::uint32_t i = 0; i < segments; ++i) {
      (i < segments / 2 ? readable : writable).push_back(pair.segment(100 * i, i + 5));
    }
    std::memset(pair.arena.data(), 'r', 100 * (segments / 2));
    REQUIRE(pair.driver.post(readable, writable, 7) != kNoHead);
    pair.driver.publish();
    auto chain = pair.take();
    REQUIRE(chain);
    std::uint64_t read = 0;
    for (const Piece& piece : chain->readable_of(pair.pieces)) {
      for (std::size_t i = 0; i < piece.length; ++i) read += piece.data[i] == std::byte{'r'};
    }
    CHECK(read == chain->readable_bytes);
    for (const Piece& piece : chain->writable_of(pair.pieces)) {
      std::memset(piece.data, 'w', piece.length);
    }
    pair.complete(*chain, static_cast<std::uint32_t>(chain->writable_bytes));
    pair.device.publish();
    const auto back = pair.poll();
    REQUIRE(back.size() == 1);
    CHECK(back[0].length == chain->writable_bytes);
    for (std::uint32_t i = segments / 2; i < segments; ++i) {
      for (std::uint32_t byte = 0; byte < 100; ++byte) {
        const bool inside = byte < i + 5;
        REQUIRE((pair.arena.data()[100 * i + byte] == std::byte{'w'}) == inside);
      }
    }
  });
}

TEST_CASE_TEMPLATE("nothing is visible to the device before publish()", K, BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    const Segment one = pair.segment(0, 1);
    const std::uint16_t head = pair.driver.reserve({&one, 1}, {}, 1);
    CHECK_FALSE(pair.take());
    CHECK(pair.driver.offer(head));
    CHECK_FALSE(pair.take());
    CHECK_FALSE(pair.driver.offer(head));  // twice
    pair.driver.publish();
    const auto chain = pair.take();
    REQUIRE(chain);
    CHECK(chain->head == head);
    pair.complete(*chain, 0);
    CHECK(pair.poll().empty());
    pair.device.publish();
    CHECK(pair.poll().size() == 1);
  });
}

TEST_CASE_TEMPLATE("a cancelled chain leaves no trace and its descriptors are free", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    const Segment one = pair.segment(0, 1);
    for (std::uint32_t i = 0; i < 3 * size; ++i) {
      const std::uint16_t head = pair.driver.reserve({&one, 1}, {}, i);
      REQUIRE(head != kNoHead);
      REQUIRE(pair.driver.cancel(head));
      REQUIRE_FALSE(pair.driver.cancel(head));
      REQUIRE_FALSE(pair.driver.offer(head));
      REQUIRE(pair.driver.free_descriptors() == size);
      pair.driver.publish();
      REQUIRE_FALSE(pair.take());
      pair.step();
    }
  });
}

TEST_CASE_TEMPLATE(
    "in-order, only the newest reserved chain can be cancelled or the oldest offered", K,
    BELLPULL_KINDS) {
  Pair<K> pair(4, {.in_order = true});
  REQUIRE(pair.attach() == SetupError::none);
  const Segment one = pair.segment(0, 1);
  const std::uint16_t first = pair.driver.reserve({&one, 1}, {}, 1);
  const std::uint16_t second = pair.driver.reserve({&one, 1}, {}, 2);
  CHECK_FALSE(pair.driver.cancel(first));
  CHECK_FALSE(pair.driver.offer(second));
  CHECK(pair.post_one(3) == kNoHead);  // it would overtake the two
  CHECK(pair.driver.cancel(second));
  CHECK(pair.driver.offer(first));
  CHECK(pair.post_one(3) != kNoHead);
  pair.driver.publish();
  CHECK(pair.drain() == 2);
  const auto back = pair.poll();
  REQUIRE(back.size() == 2);
  CHECK(back[0].token == 1);
  CHECK(back[1].token == 3);
}

TEST_CASE_TEMPLATE("poll() stops at its limit and its visitor may post at once", K,
                   BELLPULL_KINDS) {
  for_each_queue<typename K::Layout>(256, [](std::uint32_t size, const Features& features) {
    Pair<K> pair(size, features);
    REQUIRE(pair.attach() == SetupError::none);
    for (std::uint32_t i = 0; i < size; ++i) pair.post_one(i);
    pair.driver.publish();
    for (std::uint32_t turn = 0; turn < 3 * size; ++turn) {
      pair.drain();
      unsigned posted = 0;
      const unsigned back = pair.driver.poll(1, [&](const Used& used) {
        posted += used.token == turn && pair.post_one(turn + size) != kNoHead;
      });
      pair.driver.publish();
      REQUIRE(back == 1);
      REQUIRE(posted == 1);
    }
    CHECK(pair.poll(0).empty());
  });
}

}  // namespace
}  // namespace bellpull::ring::test
