// SPDX-License-Identifier: BSD-2-Clause
// What the split ring looks like in memory, byte for byte. Every image is written by hand from the
// text of virtio 1.4 and does not use a structure of any header, so that a wrong offset, width or
// byte order on our side cannot hide in the expectation.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "queue_memory.hpp"

namespace bellpull::ring::test {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x ", std::to_integer<unsigned>(byte));
    text += digits.data();
  }
  return text;
}

using Image = std::initializer_list<unsigned>;

std::string hex(Image image) {
  std::vector<std::byte> bytes;
  for (const unsigned byte : image) bytes.push_back(static_cast<std::byte>(byte));
  return hex(std::span<const std::byte>(bytes));
}

void put(std::span<std::byte> memory, Image image) {
  REQUIRE(memory.size() == image.size());
  std::size_t at = 0;
  for (const unsigned byte : image) memory[at++] = static_cast<std::byte>(byte);
}

// The queue of all images has 4 entries: 64 bytes of descriptors, 14 of available ring, 38 of used
// ring (2.7, table of sizes).
//
// Both event words start parked. The specification leaves that place to us; it is 16385 entries
// behind index 0: 0xbfff, in memory ff bf.

TEST_CASE("a single readable buffer has the bytes of the specification from offer to return") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const Segment segment{0x1122334455667788, 0x0a0b0c0d};
  const std::uint16_t head = pair.driver.reserve({&segment, 1}, {}, 99);
  REQUIRE(head == 0);
  pair.driver.offer(head);
  pair.driver.publish();

  CHECK(hex(pair.memory.desc_bytes()) ==
        hex({
            // 2.7.5: le64 addr, le32 len, le16 flags (0: readable, the last), le16 next (not used)
            0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x0d, 0x0c, 0x0b, 0x0a, 0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,
        }));
  CHECK(hex(pair.memory.avail_bytes()) == hex({
                                              0, 0,                    // 2.7.6: le16 flags
                                              1, 0,                    // le16 idx: one chain
                                              0, 0, 0, 0, 0, 0, 0, 0,  // le16 ring[4]: head 0
                                              0xff, 0xbf,              // le16 used_event, parked
                                          }));

  REQUIRE(pair.device.refresh() == 1);
  CHECK(pair.take_one().head == 0);
  pair.device.complete(0, 0x01020304);
  pair.device.publish();
  CHECK(hex(pair.memory.used_bytes()) ==
        hex({
            0,    0,                       // 2.7.8: le16 flags
            1,    0,                       // le16 idx
            0,    0,    0, 0, 4, 3, 2, 1,  // ring[0]: le32 id, le32 len
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[1]
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[2]
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
            0xff, 0xbf,                    // le16 avail_event, parked
        }));
}

TEST_CASE("a chain has its readable descriptors before its writable ones, linked by next") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::array readable{Segment{0x1000, 12}, Segment{0x2000, 1514}};
  const std::array writable{Segment{0x3000, 1}};
  const std::uint16_t head = pair.driver.reserve(readable, writable, 1);
  REQUIRE(head == 0);

  CHECK(hex(pair.memory.desc_bytes()) ==
        hex({
            // 2.7.4.2: readable first. 2.7.5: NEXT is 1, WRITE is 2. 2.7.13.1: next names the
            // descriptor that follows.
            0, 0x10, 0, 0, 0, 0, 0, 0, 12,   0, 0, 0, 1, 0, 1, 0,  // NEXT -> 1
            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 1, 0, 2, 0,  // NEXT -> 2
            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 2, 0, 0, 0,  // WRITE, the last
            0, 0,    0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0,
        }));
}

TEST_CASE("a chain of writable descriptors carries NEXT and WRITE together") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::array writable{Segment{0xa0000000, 2048}, Segment{0xb0000000, 65536}};
  REQUIRE(pair.driver.reserve({}, writable, 1) == 0);
  CHECK(hex(pair.memory.desc_bytes()) ==
        hex({
            0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 8, 0, 0, 3, 0, 1, 0,  // 2.7.5: NEXT | WRITE -> 1
            0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0,  // WRITE
            0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
            0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        }));
}

TEST_CASE("two chains are published by one step of the index and come back out of order") {
  Pair pair(4);
  REQUIRE(pair.attached);
  const std::array two{Segment{0x10, 1}, Segment{0x20, 2}};
  const std::array one{Segment{0x30, 3}};
  const std::uint16_t first = pair.driver.reserve(two, {}, 1);
  pair.driver.offer(first);
  const std::uint16_t second = pair.driver.reserve({}, one, 2);
  pair.driver.offer(second);
  // 2.7.13, steps 1 to 3: entries may be written ahead, the index says how many of them count.
  CHECK(hex(pair.memory.avail_bytes()) == hex({0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xbf}));
  pair.driver.publish();
  // 2.7.13, step 5: the index grows by the number of heads; ring[1] is head 2.
  CHECK(hex(pair.memory.avail_bytes()) == hex({0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xbf}));

  REQUIRE(pair.device.refresh() == 2);
  CHECK(pair.take_one().head == 0);
  CHECK(pair.take_one().head == 2);
  pair.device.complete(2, 3);
  pair.device.complete(0, 0);
  pair.device.publish();
  CHECK(hex(pair.memory.used_bytes()) ==
        hex({
            0,    0,                       // 2.7.8: flags
            2,    0,                       // idx
            2,    0,    0, 0, 3, 0, 0, 0,  // ring[0]: id 2, the chain that was done first
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[1]: id 0
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[2]
            0,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
            0xff, 0xbf,                    // avail_event
        }));
}

TEST_CASE("the fifth chain of a queue of four is in the first place of both rings") {
  Pair pair(4);
  REQUIRE(pair.attached);
  for (unsigned i = 0; i < 5; ++i) {
    // Two reserved in turn, so that heads alternate and the images show which lap they are of.
    const std::uint16_t spare = pair.driver.reserve(std::array{Segment{1, 1}}, {}, 0);
    REQUIRE(pair.offer_one(i) != kNoHead);
    pair.driver.cancel(spare);
    pair.driver.publish();
    REQUIRE(pair.device.refresh() == 1);
    pair.device.complete(pair.take_one().head, i);
    pair.device.publish();
    REQUIRE(pair.driver.poll(1, [](const Used&) {}) == 1);
  }
  // 2.7.6 and 2.7.8: idx counts on, the place is idx modulo the queue size. The free list hands
  // the last descriptor that came back out first: heads 1, 0, 1, 0, 1.
  CHECK(hex(pair.memory.avail_bytes()) == hex({0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xbf}));
  CHECK(hex(pair.memory.used_bytes()) == hex({
                                             0,    0,                       // flags
                                             5,    0,                       // idx
                                             1,    0,    0, 0, 4, 0, 0, 0,  // ring[0]: the fifth
                                             0,    0,    0, 0, 1, 0, 0, 0,  // ring[1]
                                             1,    0,    0, 0, 2, 0, 0, 0,  // ring[2]
                                             0,    0,    0, 0, 3, 0, 0, 0,  // ring[3]
                                             0xff, 0xbf,
                                         }));
}

TEST_CASE("an armed event word names the entry that is to ring, at the end of the other's ring") {
  Pair pair(4);
  REQUIRE(pair.attached);
  CHECK_FALSE(pair.driver.arm());
  CHECK_FALSE(pair.device.arm());
  // 2.7.7: notify when the entry with index used_event is written; 2.7.10 the same for avail_event.
  CHECK(hex(pair.memory.avail_bytes()) == hex({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(hex(pair.memory.used_bytes().last(2)) == hex({0, 0}));

  for (unsigned i = 0; i < 0x0102; ++i) {
    REQUIRE(pair.offer_one(i) != kNoHead);
    pair.driver.publish();
    REQUIRE(pair.device.refresh() == 1);
    pair.device.complete(pair.take_one().head, 0);
    pair.device.publish();
    REQUIRE(pair.driver.poll(1, [](const Used&) {}) == 1);
  }
  CHECK_FALSE(pair.driver.arm());
  CHECK_FALSE(pair.device.arm());
  // 2.7.6: used_event is 6 + 2 * 4 - 2 = 12 bytes in; 2.7.8: avail_event 6 + 8 * 4 - 2 = 36.
  CHECK(hex(pair.memory.avail_bytes()) == hex({0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}));
  CHECK(hex(pair.memory.used_bytes().last(2)) == hex({2, 1}));

  pair.driver.disarm();
  pair.device.disarm();
  CHECK(hex(pair.memory.avail_bytes().last(2)) == hex({0x01, 0xc1}));  // 0x0102 - 16385
  CHECK(hex(pair.memory.used_bytes().last(2)) == hex({0x01, 0xc1}));
}

TEST_CASE("the device half reads a chain that a foreign driver wrote") {
  Pair pair(4);
  REQUIRE(pair.attached);
  // 2.7.5: the chain is 3 -> 1 -> 0. The last one has no NEXT: its next field means nothing.
  put(pair.memory.desc_bytes(),
      {
          0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0x80, 2, 0, 0xff, 0xff,  //
          0,    0,    0,    0,    0,    0,    0,    0x80, 1, 0, 0, 0,    1, 0, 0,    0,     //
          9,    9,    9,    9,    9,    9,    9,    9,    9, 9, 9, 9,    9, 9, 9,    9,     //
          1,    0,    0,    0,    0,    0,    0,    0,    0, 1, 0, 0,    1, 0, 1,    0,
      });
  // 2.7.6: ring[0] is head 3. 2.7.7: with event index the device ignores the low bit of flags.
  put(pair.memory.avail_bytes(), {1, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0});

  REQUIRE(pair.device.refresh() == 1);
  std::vector<Segment> segments;
  std::vector<bool> writable;
  const Chain chain = pair.device.take(8, [&](const Segment& segment, bool write) {
    segments.push_back(segment);
    writable.push_back(write);
  });
  CHECK(chain.head == 3);
  CHECK(chain.well_formed);
  REQUIRE(chain.segments == 3);
  CHECK(segments[0].address == 1);
  CHECK(segments[0].length == 256);
  CHECK(segments[1].address == 0x8000000000000000);
  CHECK(segments[1].length == 1);
  CHECK(segments[2].address == 0x0123456789abcdef);
  CHECK(segments[2].length == 0x80000000);
  CHECK(writable == std::vector<bool>{false, false, true});

  pair.device.complete(3, 1);
  CHECK(pair.device.publish_and_test());  // used_event is 0: the first entry rings
}

TEST_CASE("the driver half reads what a foreign device wrote") {
  Pair pair(4);
  REQUIRE(pair.attached);
  REQUIRE(pair.offer_one(70) == 0);
  REQUIRE(pair.offer_one(71) == 1);
  // 2.7.10: avail_event 1 asks for a kick at the second chain, and the driver ignores the low bit
  // of flags.
  put(pair.memory.used_bytes(), {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
  CHECK(pair.driver.publish_and_test());

  put(pair.memory.used_bytes(), {1, 0, 2, 0,                          // 2.7.8: flags, idx
                                 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,  // id 1, the greatest length
                                 0, 0, 0, 0, 0,    2,    0,    0,     // id 0, 512 bytes
                                 7, 7, 7, 7, 7,    7,    7,    7,     // not published
                                 7, 7, 7, 7, 7,    7,    7,    7,     //
                                 1, 0});
  std::vector<Used> back;
  CHECK(pair.driver.poll(8, [&](const Used& used) { back.push_back(used); }) == 2);
  REQUIRE(back.size() == 2);
  CHECK(back[0].head == 1);
  CHECK(back[0].token == 71);
  CHECK(back[0].length == 0xffffffff);
  CHECK(back[1].head == 0);
  CHECK(back[1].token == 70);
  CHECK(back[1].length == 512);
}

TEST_CASE("the parts have the sizes of the specification's table") {
  struct Row {
    std::uint32_t size;
    std::size_t desc, avail, used;
  };
  // 2.7, table: 16 * size, 6 + 2 * size, 6 + 8 * size.
  for (const Row row : {Row{1, 16, 8, 14}, Row{2, 32, 10, 22}, Row{256, 4096, 518, 2054},
                        Row{32768, 524288, 65542, 262150}}) {
    CAPTURE(row.size);
    CHECK(split_desc_bytes(row.size) == row.desc);
    CHECK(split_avail_bytes(row.size) == row.avail);
    CHECK(split_used_bytes(row.size) == row.used);
  }
}

TEST_CASE("placed parts are aligned, in order, apart, and their event words are where 2.7 says") {
  for (std::uint32_t size = 1; size <= kMaxQueueSize; size *= 2) {
    CAPTURE(size);
    const SplitOffsets offsets = split_offsets(size);
    CHECK(offsets.avail % 2 == 0);
    CHECK(offsets.used % 4 == 0);
    CHECK(offsets.avail >= 16 * std::size_t{size});
    CHECK(offsets.used >= offsets.avail + 6 + 2 * std::size_t{size});
    CHECK(offsets.end >= offsets.used + 6 + 8 * std::size_t{size});
    // Ours: what different threads write is on different cache lines.
    CHECK(offsets.avail / kCacheLine != (16 * std::size_t{size} - 1) / kCacheLine);
    CHECK(offsets.used / kCacheLine != (offsets.avail + 5 + 2 * std::size_t{size}) / kCacheLine);

    const AlignedBytes region(offsets.end, kCacheLine);
    SplitMemory memory;
    REQUIRE(place_split(region.data(), offsets.end, size, memory) == SetupError::none);
    REQUIRE(check_split(memory) == SetupError::none);
    const auto offset_of = [&](const void* part) {
      return static_cast<std::size_t>(static_cast<const std::byte*>(part) - region.data());
    };
    CHECK(offset_of(memory.desc) == 0);
    CHECK(offset_of(&memory.avail->idx) == offsets.avail + 2);
    CHECK(offset_of(memory.avail->ring) == offsets.avail + 4);
    CHECK(offset_of(&used_event_word(memory)) == offsets.avail + 4 + 2 * std::size_t{size});
    CHECK(offset_of(&memory.used->idx) == offsets.used + 2);
    CHECK(offset_of(memory.used->ring) == offsets.used + 4);
    CHECK(offset_of(&avail_event_word(memory)) == offsets.used + 4 + 8 * std::size_t{size});
  }
}

}  // namespace
}  // namespace bellpull::ring::test
