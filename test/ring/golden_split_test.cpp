// SPDX-License-Identifier: BSD-2-Clause
// What the split ring looks like in memory, byte for byte. Every image is written by hand from the
// text of virtio 1.4 and uses no structure of our headers, so that a wrong offset, width or byte
// order on our side cannot hide in the expectation. In numbers: NEXT 1, WRITE 2, INDIRECT 4.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "golden_image.hpp"
#include "queue_pair.hpp"

namespace bellpull::ring::test {
namespace {

// The queue of all images has 4 entries: 64 bytes of descriptors, 14 of available ring, 38 of used
// ring (2.7, table of sizes).
//
// Both event words start parked. The specification leaves that place to us; it is 16385 entries
// behind index 0: 0xbfff, in memory ff bf.
struct Queue : Pair<SplitTrusted> {
  explicit Queue(const Features& agreed = {}) : Pair(4, agreed) {
    REQUIRE(attach() == SetupError::none);
  }
  [[nodiscard]] std::string desc() const { return hex(memory.parts[0].span()); }
  [[nodiscard]] std::string avail() const { return hex(memory.parts[1].span()); }
  [[nodiscard]] std::string used() const { return hex(memory.parts[2].span()); }
};

TEST_CASE("check 1: a single readable buffer has the bytes of 2.7 from offer to return") {
  Queue queue;
  const Segment segment{0x1122334455667788, 0x0a0b0c0d};
  REQUIRE(queue.driver.post({&segment, 1}, {}, 99) == 0);
  queue.driver.publish();

  CHECK(queue.desc() ==
        hex({
            // 2.7.5: le64 addr, le32 len, le16 flags (0: readable, the last), le16 next (not used)
            0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x0d, 0x0c, 0x0b, 0x0a, 0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,  //
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,
        }));
  CHECK(queue.avail() == hex({
                             0, 0,                    // 2.7.6: le16 flags
                             1, 0,                    // le16 idx: one chain
                             0, 0, 0, 0, 0, 0, 0, 0,  // le16 ring[4]: head 0
                             0xff, 0xbf,              // le16 used_event, parked
                         }));

  const auto chain = queue.take();
  REQUIRE(chain);
  CHECK(chain->head == 0);
  queue.complete(*chain, 0x01020304);
  queue.device.publish();
  CHECK(queue.used() == hex({
                            0,    0,                       // 2.7.8: le16 flags
                            1,    0,                       // le16 idx
                            0,    0,    0, 0, 4, 3, 2, 1,  // ring[0]: le32 id, le32 len
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[1]
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[2]
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
                            0xff, 0xbf,                    // le16 avail_event, parked
                        }));
}

TEST_CASE("check 1: a chain has its readable descriptors before its writable ones, linked") {
  Queue queue;
  const std::array readable{Segment{0x1000, 12}, Segment{0x2000, 1514}};
  const std::array writable{Segment{0x3000, 1}};
  REQUIRE(queue.driver.reserve(readable, writable, 1) == 0);
  CHECK(queue.desc() == hex({
                            // 2.7.4.2: readable first. 2.7.5: next names the one that follows.
                            0, 0x10, 0, 0, 0, 0, 0, 0, 12,   0, 0, 0, 1, 0, 1, 0,  // NEXT -> 1
                            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 1, 0, 2, 0,  // NEXT -> 2
                            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 2, 0, 0, 0,  // WRITE
                            0, 0,    0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0,
                        }));
}

TEST_CASE("check 1: a chain of writable descriptors carries NEXT and WRITE together") {
  Queue queue;
  const std::array writable{Segment{0xa0000000, 2048}, Segment{0xb0000000, 65536}};
  REQUIRE(queue.driver.reserve({}, writable, 1) == 0);
  CHECK(queue.desc() == hex({
                            0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 8, 0, 0, 3, 0, 1, 0,  // NEXT | WRITE
                            0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0,  // WRITE
                            0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                            0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                        }));
}

TEST_CASE("check 1: an indirect table is linked inside, and named by one descriptor with flag 4") {
  Queue queue({.indirect = true});
  // The tables belong to the descriptors: the one of descriptor 0 begins at the first byte.
  DriverOptions<Split> options{.features = queue.features, .slots = queue.driver_slots};
  options.indirect = {{reinterpret_cast<vring_desc*>(queue.tables.data()), 16}, 4, 0x55667788};
  REQUIRE(queue.driver.attach(queue.memory.queue, options) == SetupError::none);
  const std::array readable{Segment{0x1000, 12}, Segment{0x2000, 1514}};
  const std::array writable{Segment{0x3000, 1}};
  REQUIRE(queue.driver.post(readable, writable, 1) == 0);
  CHECK(hex(queue.memory.parts[0].span().first(16)) ==
        hex({0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 48, 0, 0, 0, 4, 0, 0, 0}));  // 2.7.5.3: 3 * 16
  CHECK(hex(queue.tables.span().first(48)) ==
        hex({
            0, 0x10, 0, 0, 0, 0, 0, 0, 12,   0, 0, 0, 1, 0, 1, 0,  // NEXT -> 1 of the table
            0, 0x20, 0, 0, 0, 0, 0, 0, 0xea, 5, 0, 0, 1, 0, 2, 0,  // NEXT -> 2
            0, 0x30, 0, 0, 0, 0, 0, 0, 1,    0, 0, 0, 2, 0, 0, 0,  // WRITE
        }));
  REQUIRE(queue.driver.post(readable, writable, 2) == 1);
  // The next table is four entries on, the longest that this driver makes.
  CHECK(hex(queue.memory.parts[0].span().subspan(16, 16)) ==
        hex({0xc8, 0x77, 0x66, 0x55, 0, 0, 0, 0, 48, 0, 0, 0, 4, 0, 0, 0}));
}

TEST_CASE("check 1: two chains are shown by one step of the index and come back out of order") {
  Queue queue;
  const std::array two{Segment{0x10, 1}, Segment{0x20, 2}};
  const std::array one{Segment{0x30, 3}};
  REQUIRE(queue.driver.post(two, {}, 1) == 0);
  REQUIRE(queue.driver.post({}, one, 2) == 2);
  // 2.7.13, steps 1 to 3: entries may be written ahead, the index says how many of them count.
  CHECK(queue.avail() == hex({0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xbf}));
  queue.driver.publish();
  // 2.7.13, step 5: the index grows by the number of heads; ring[1] is head 2.
  CHECK(queue.avail() == hex({0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xbf}));

  const auto first = queue.take();
  const auto second = queue.take();
  REQUIRE(second);
  queue.complete(*second, 3);
  queue.complete(*first, 0);
  queue.device.publish();
  CHECK(queue.used() == hex({
                            0,    0,                       // 2.7.8: flags
                            2,    0,                       // idx
                            2,    0,    0, 0, 3, 0, 0, 0,  // ring[0]: id 2, done first
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[1]: id 0
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[2]
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
                            0xff, 0xbf,                    // avail_event
                        }));
}

TEST_CASE("check 1: the fifth chain of a queue of four is in the first place of both rings") {
  Queue queue({.in_order = true});  // 2.7.5: descriptors in ring order, so heads 0 1 2 3 0
  for (std::uint32_t i = 0; i < 5; ++i) {
    REQUIRE(queue.post_writable(i) == i % 4);
    queue.driver.publish();
    const auto chain = queue.take();
    REQUIRE(chain);
    queue.complete(*chain, i == 1 ? 1 : 0);
    queue.device.publish();
    REQUIRE(queue.poll().size() == 1);
  }
  // 2.7.6 and 2.7.8: idx counts on, the place is idx modulo the queue size.
  CHECK(queue.avail() == hex({0, 0, 5, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0xff, 0xbf}));
  CHECK(queue.used() == hex({
                            0,    0,                       // flags
                            5,    0,                       // idx
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[0]: the fifth
                            1,    0,    0, 0, 1, 0, 0, 0,  // ring[1]: one byte written
                            2,    0,    0, 0, 0, 0, 0, 0,  // ring[2]
                            3,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
                            0xff, 0xbf,
                        }));
}

TEST_CASE("check 1: in order, one used entry stands for a batch and the index skips over it") {
  Queue queue({.in_order = true});
  std::vector<Chain> chains;
  for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(queue.post_writable(i) == i);
  queue.driver.publish();
  while (const auto chain = queue.take()) chains.push_back(*chain);
  REQUIRE(chains.size() == 3);
  for (const Chain& chain : chains) queue.complete(chain, 1);  // each filled completely
  queue.device.publish();
  CHECK(queue.used() == hex({
                            0,    0,                       // flags
                            3,    0,                       // 2.7.9: idx grows by the batch
                            2,    0,    0, 0, 1, 0, 0, 0,  // ring[0]: the batch's last head
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[1]: skipped
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[2]: skipped
                            0,    0,    0, 0, 0, 0, 0, 0,  // ring[3]
                            0xff, 0xbf,
                        }));
}

TEST_CASE("check 1: an armed event word names the entry that is to ring, at the end of the ring") {
  Queue queue;
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  // 2.7.7: notify when the entry with index used_event is written; 2.7.10: the same for the other.
  CHECK(queue.avail() == hex({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(hex(queue.memory.parts[2].span().last(2)) == hex({0, 0}));

  queue.step(0x0102);
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  // 2.7.6: used_event is 6 + 2 * 4 - 2 = 12 bytes in; 2.7.8: avail_event 6 + 8 * 4 - 2 = 36.
  CHECK(queue.avail() == hex({0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}));
  CHECK(hex(queue.memory.parts[2].span().last(2)) == hex({2, 1}));

  queue.driver.disarm();
  queue.device.disarm();
  CHECK(hex(queue.memory.parts[1].span().last(2)) == hex({0x01, 0xc1}));  // 0x0102 - 16385
  CHECK(hex(queue.memory.parts[2].span().last(2)) == hex({0x01, 0xc1}));
}

TEST_CASE("check 1: without event index the flags of both rings switch notifications") {
  Queue queue({.event_idx = false});
  CHECK(hex(queue.memory.parts[1].span().first(2)) == hex({1, 0}));  // 2.7.6: NO_INTERRUPT is 1
  CHECK(hex(queue.memory.parts[2].span().first(2)) == hex({1, 0}));  // 2.7.8: NO_NOTIFY is 1
  CHECK_FALSE(queue.driver.arm());
  CHECK_FALSE(queue.device.arm());
  CHECK(hex(queue.memory.parts[1].span()) == hex({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(hex(queue.memory.parts[2].span().first(2)) == hex({0, 0}));
  CHECK(hex(queue.memory.parts[2].span().last(2)) == hex({0, 0}));  // the event words stay alone
}

TEST_CASE("check 1: the device half reads a chain that a foreign driver wrote") {
  Queue queue;
  // 2.7.5: the chain is 3 -> 1 -> 0. The last one has no NEXT: its next field means nothing.
  put(queue.memory.parts[0].span(),
      {
          0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0x80, 2, 0, 0xff, 0xff,  //
          0,    0,    0,    0,    0,    0,    0,    0x80, 1, 0, 0, 0,    1, 0, 0,    0,     //
          9,    9,    9,    9,    9,    9,    9,    9,    9, 9, 9, 9,    9, 9, 9,    9,     //
          1,    0,    0,    0,    0,    0,    0,    0,    0, 1, 0, 0,    1, 0, 1,    0,
      });
  // 2.7.6: ring[0] is head 3. 2.7.7: with event index the device ignores the low bit of flags.
  put(queue.memory.parts[1].span(), {1, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0});

  const auto chain = queue.take();
  REQUIRE(chain);
  CHECK(chain->head == 3);
  CHECK(chain->descriptors == 3);
  REQUIRE(chain->readable == 2);
  REQUIRE(chain->writable == 1);
  const auto at = [&](int i) {
    return reinterpret_cast<std::uintptr_t>(queue.pieces[static_cast<std::size_t>(i)].data);
  };
  CHECK(at(0) == 1);
  CHECK(queue.pieces[0].length == 256);
  CHECK(at(1) == 0x8000000000000000);
  CHECK(queue.pieces[1].length == 1);
  CHECK(at(2) == 0x0123456789abcdef);
  CHECK(queue.pieces[2].length == 0x80000000);
  queue.complete(*chain, 1);
  CHECK(queue.device.publish_and_test());  // used_event is 0: the first entry rings
}

TEST_CASE("check 1: the driver half reads what a foreign device wrote") {
  Queue queue;
  REQUIRE(queue.post_one(70) == 0);
  REQUIRE(queue.post_one(71) == 1);
  // 2.7.10: avail_event 1 asks for a kick at the second chain, and the driver ignores the low bit
  // of flags.
  put(queue.memory.parts[2].span(), {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
  CHECK(queue.driver.publish_and_test());

  put(queue.memory.parts[2].span(),
      {1, 0, 2, 0,                          // 2.7.8: flags, idx
       1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,  // id 1, the greatest length
       0, 0, 0, 0, 0,    2,    0,    0,     // id 0, 512 bytes
       7, 7, 7, 7, 7,    7,    7,    7,     // not published
       7, 7, 7, 7, 7,    7,    7,    7,     //
       1, 0});
  const auto back = queue.poll();
  REQUIRE(back.size() == 2);
  CHECK(back[0].head == 1);
  CHECK(back[0].token == 71);
  CHECK(back[0].length == 0xffffffff);
  CHECK(back[1].head == 0);
  CHECK(back[1].token == 70);
  CHECK(back[1].length == 512);
}

TEST_CASE("check 1: the kernel's structures read from the ring what we put there") {
  Queue queue;
  const std::array two{Segment{0x10, 1}, Segment{0x20, 2}};
  REQUIRE(queue.driver.post(two, {}, 1) == 0);
  queue.driver.publish();
  const auto first = read_as<vring_desc>(queue.memory.parts[0].span(), 0);
  const auto second = read_as<vring_desc>(queue.memory.parts[0].span(), 16);
  CHECK(first.addr == 0x10);
  CHECK(first.len == 1);
  CHECK(first.flags == VRING_DESC_F_NEXT);
  CHECK(first.next == 1);
  CHECK(second.addr == 0x20);
  CHECK(second.flags == 0);
  queue.drain();
  const auto used = read_as<vring_used_elem>(queue.memory.parts[2].span(), 4);
  CHECK(used.id == 0);
  CHECK(used.len == 0);
}

}  // namespace
}  // namespace bellpull::ring::test
